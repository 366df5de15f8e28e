"""Parts of a loop: each family rendered round a circular buffer, and mixes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.random import Generator

from engine import taxonomy
from engine.training.synth import effects, fx
from engine.training.synth.character import Character
from engine.training.synth.drums import LEVELS, draw_kit, machine_for, variants
from engine.training.synth.harmony import Harmony, draw_harmony, key_fit
from engine.training.synth.pads import chord_tables, draw_pad, hold
from engine.training.synth.patterns import Hit, drum_pattern
from engine.training.synth.phrases import (
    COMPING,
    STABS,
    SUSTAINED,
    Note,
    arpeggio,
    bass_line,
    chord_part,
    held_chords,
    melody,
    pitch_weights,
)
from engine.training.synth.spectral import SAMPLE_RATE, Audio, add_wrapped
from engine.training.synth.split import choose, pick
from engine.training.synth.tonal import Patch, draw_patch, play

#: style -> instruments it prefers; others follow now and then.
PREFERRED: dict[str, tuple[str, ...]] = {
    "house": ("saw bass", "fm bass", "sub bass", "organ", "piano", "electric piano", "organ stab",
              "piano stab", "synth pluck", "supersaw pad", "warm pad", "saw arp"),
    "techno": ("acid bass", "sub bass", "reese bass", "dub chord", "rave stab", "synth pluck",
               "square pluck", "saw arp", "square arp", "fm lead", "warm pad", "organ"),
    "trap": ("808 bass", "808 bass", "bell", "piano", "synth pluck", "square lead", "choir pad",
             "sine lead", "bell arp", "brass stab", "plucked guitar"),
    "boom-bap": ("plucked bass", "sub bass", "electric piano", "piano", "plucked guitar",
                 "brass stab", "string pad", "sine lead", "piano stab", "bell arp"),
    "lo-fi": ("plucked bass", "sub bass", "electric piano", "piano", "plucked guitar", "kalimba",
              "warm pad", "sine lead", "bell arp", "piano stab"),
    "drum and bass": ("reese bass", "reese bass", "sub bass", "electric piano", "supersaw pad",
                      "rave stab", "synth pluck", "saw lead", "square arp", "piano"),
    "dubstep": ("wobble bass", "wobble bass", "reese bass", "sub bass", "dub chord", "brass stab",
                "fm lead", "saw lead", "choir pad", "square pluck", "piano", "saw arp"),
    "ambient": ("sub bass", "piano", "bell", "electric piano", "glass pad", "choir pad",
                "string pad", "warm pad", "harp", "kalimba", "sine lead", "bell arp", "dub chord"),
    "synthwave": ("saw bass", "square bass", "electric piano", "bell", "supersaw pad", "warm pad",
                  "saw lead", "supersaw lead", "saw arp", "square arp", "brass stab",
                  "synth pluck"),
    "funk": ("plucked bass", "fm bass", "clavinet", "electric piano", "organ", "brass stab",
             "plucked guitar", "saw lead", "string pad", "square arp"),
    "afrobeat": ("plucked bass", "sub bass", "electric piano", "organ", "marimba", "kalimba",
                 "plucked guitar", "brass stab", "sine lead", "warm pad", "bell arp"),
    "reggaeton": ("sub bass", "808 bass", "synth pluck", "marimba", "piano", "bell", "brass stab",
                  "square lead", "warm pad", "saw arp"),
    "cinematic": ("sub bass", "reese bass", "piano", "string pad", "choir pad", "glass pad",
                  "harp", "marimba", "brass stab", "supersaw lead", "sine lead", "saw arp",
                  "bell arp", "bell"),
}  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """What all parts of a loop share. frames: the loop's length; swing: 0..1."""

    style: str
    split: str
    bpm: int
    bars: int
    beats_per_bar: int
    frames: int
    swing: float
    harmony: Harmony
    character: Character

    @property
    def beats(self) -> int:
        """Beats in the loop."""
        return self.bars * self.beats_per_bar

    @property
    def beat_frames(self) -> float:
        """Frames per beat, so that the last one ends at the loop's end."""
        return self.frames / self.beats

    @property
    def beat_seconds(self) -> float:
        """Seconds per beat."""
        return 60.0 / self.bpm

    @property
    def steps(self) -> int:
        """Sixteenths in the loop."""
        return self.beats * 4

    @property
    def per_bar(self) -> int:
        """Sixteenths per bar."""
        return self.beats_per_bar * 4

    def frame_at(self, beat: float) -> int:
        """Frame of a beat, with swing on the off-sixteenths."""
        step = beat * 4
        late = self.swing / 3 if int(step + 1e-6) % 2 == 1 else 0.0
        return round((step + late) / 4 * self.beat_frames)


@dataclass(frozen=True)
class Part:
    """A rendered part, (2, frames), and the frames where its kicks fall."""

    audio: Audio
    instruments: tuple[str, ...]
    kicks: Audio = field(default_factory=lambda: np.zeros(0, np.float32))


def draw_instrument(family: str, style: str, rng: Generator) -> str:
    """Choose an instrument of a family that suits the style."""
    options = taxonomy.INSTRUMENTS[family]
    preferred = [name for name in PREFERRED[style] if name in options]
    if preferred and rng.random() < 0.72:
        return choose(preferred, rng)
    return choose(options, rng)


def panned(sound: Audio, pan: float, level: float) -> Audio:
    """Place a mono sound. pan: -1 left .. 1 right."""
    angle = (pan + 1) * np.pi / 4
    gains = np.array([[np.cos(angle)], [np.sin(angle)]], np.float32) * np.float32(level * 1.41)
    return (sound[None, :] * gains).astype(np.float32, copy=False)


def drum_pans(character: Character, rng: Generator) -> dict[str, float]:
    """Place the voices; kick and back beat stay in the middle."""
    wide = max(0.0, character.width - 0.25)
    pans = {voice: float(rng.uniform(-0.8, 0.8)) * wide for voice in LEVELS}
    return pans | {"kick": 0.0, "snare": 0.0, "clap": 0.0}


def place_hits(
    plan: Plan, machine: str, hits: list[Hit], rng: Generator
) -> tuple[Audio, Audio, list[int]]:
    """Play hits on a kit. Returns the dry buffer, the reverb's share, and kick frames."""
    kit = draw_kit(machine, plan.split, plan.character, rng)
    human = kit.human and rng.random() < 0.85
    sounds = {voice: variants(voice, kit, rng) for voice in sorted({hit.voice for hit in hits})}
    trims = {voice: float(rng.uniform(0.8, 1.15)) for voice in LEVELS}
    pans = drum_pans(plan.character, rng)
    dry, sent = np.zeros((2, plan.frames), np.float32), np.zeros((2, plan.frames), np.float32)
    kicks: list[int] = []
    for hit in hits:
        late = float(np.clip(rng.normal(0, 0.0032), -0.008, 0.008)) if human else 0.0
        start = plan.frame_at(hit.step / 4) + round(late * SAMPLE_RATE)
        level, share = LEVELS[hit.voice]
        velocity = hit.velocity if human else 0.25 + 0.75 * hit.velocity
        sound = panned(
            choose(sounds[hit.voice], rng), pans[hit.voice], level * trims[hit.voice] * velocity
        )
        add_wrapped(dry, sound * np.float32(1 - 0.2 * share), start)
        add_wrapped(sent, sound * np.float32(share), start)
        if hit.voice == "kick":
            kicks.append(start % plan.frames)
    return dry, sent, kicks


def drums_part(plan: Plan, rng: Generator) -> Part:
    """Render a drum loop."""
    machine = machine_for(plan.style, rng)
    hits = drum_pattern(
        plan.style, plan.split, plan.steps, plan.per_bar, plan.character.density, rng
    )
    dry, sent, kicks = place_hits(plan, machine, hits, rng)
    chain = effects.draw_chain("drums", plan.style, plan.split, plan.character, rng)
    wet = replace(chain, drive=0.0, crush=0.0, width=0.5, pump=0.0, high_hz=0.0, low_hz=0.0)
    shared = effects.linear(sent, wet, plan.beat_seconds) - sent
    whole = replace(chain, reverb=0.0, delay=0.0, drive=chain.drive * 0.45)
    none = np.zeros(0, np.float32)
    audio = effects.apply((dry + shared).astype(np.float32), whole, plan.beat_seconds, none, rng)
    audio = effects.compress(audio, float(rng.uniform(0.0, 0.6)) * plan.character.punch)
    voices = sorted({hit.voice.replace("_", " ") for hit in hits})
    return Part(audio, (f"{machine} kit", *voices), np.array(sorted(kicks), np.float32))


def render_notes(notes: list[Note], patch: Patch, plan: Plan, rng: Generator) -> Audio:
    """Play notes round the loop; equal notes are computed once."""
    out = np.zeros((2, plan.frames), np.float32)
    made: dict[tuple[int, int, int], Audio] = {}
    human = plan.style in ("boom-bap", "lo-fi", "funk", "afrobeat", "ambient", "cinematic")
    for note in notes:
        bucket = min(4, max(1, round(note.velocity * 4)))
        key = (note.midi, round(note.beats * 48), bucket)
        if key not in made:
            seconds = note.beats * plan.beat_seconds
            made[key] = play(patch, note.midi, seconds, bucket / 4, rng)
        late = float(np.clip(rng.normal(0, 0.003), -0.008, 0.008)) if human else 0.0
        start = plan.frame_at(note.beat) + round(late * SAMPLE_RATE)
        level = np.float32(0.8 + 0.2 * note.velocity)
        add_wrapped(out, made[key] * level, start)
    return out


def comping_for(family: str, plan: Plan, rng: Generator) -> str:
    """Choose a chord rhythm."""
    if family == "stab":
        return pick(STABS, plan.split, rng)
    slow = plan.style in ("ambient", "cinematic") or plan.character.density < 0.3
    return pick(SUSTAINED if slow else COMPING, plan.split, rng)


def notes_for(family: str, name: str, plan: Plan, rng: Generator) -> list[Note]:
    """Write the notes of a tonal part."""
    steps, per_bar, harmony = plan.steps, plan.per_bar, plan.harmony
    if family == "bass":
        return bass_line(harmony, plan.style, plan.split, steps, per_bar, rng)
    if family == "arp":
        return arpeggio(harmony, plan.split, steps, per_bar, plan.character.density, rng)
    melodic = 0.25 if family == "keys" and name in ("bell", "piano") else 0.0
    melodic = {"pluck": 0.75, "lead": 1.0}.get(family, melodic)
    if rng.random() < melodic:
        octave = choose((4, 5), rng, (0.65, 0.35) if family == "lead" else (0.8, 0.2))
        line = melody(harmony, plan.split, steps, per_bar, octave, rng)
        return [*line, *roots_below(plan, octave)] if family != "lead" else line
    marks = comping_for(family, plan, rng)
    return chord_part(harmony, marks, steps, per_bar, int(rng.integers(58, 69)), rng)


def chord_notes(plan: Plan) -> list[Note]:
    """The chords as plain notes."""
    return [
        Note(chord.beat, chord.beats, plan.harmony.midi(chord.degree + step, 4), 1.0)
        for chord in plan.harmony.chords
        for step in (0, *chord.stack)
    ]


def compose(
    plan: Plan, write: Callable[[Plan], list[Note]], rng: Generator
) -> tuple[Plan, list[Note]]:
    """Draw progressions and notes until the key is plain; keep the plainest of twelve."""
    key = (plan.harmony.root, plan.harmony.scale)
    best = (-9.0, plan, write(plan))
    for _ in range(12):
        fresh = draw_harmony(plan.style, key, plan.bars, plan.beats_per_bar, plan.split, rng)
        drawn = replace(plan, harmony=fresh)
        notes = write(drawn)
        fit = key_fit(pitch_weights(notes), fresh)
        if fit > best[0]:
            best = (fit, drawn, notes)
        if fit > 0.04:
            break
    return best[1], best[2]


def roots_below(plan: Plan, octave: int) -> list[Note]:
    """Chord roots under a melody, which make the key plain."""
    return [
        Note(chord.beat, chord.beats * 0.9, plan.harmony.midi(chord.degree, octave - 2), 0.7)
        for chord in plan.harmony.chords
    ]


def beat_hits(plan: Plan) -> Audio:
    """Frames of the quarters, for a pump without drums."""
    return np.array([plan.frame_at(beat) for beat in range(plan.beats)], np.float32)


def tonal_part(family: str, plan: Plan, kicks: Audio, shared: bool, rng: Generator) -> Part:
    """Render bass, keys, pluck, lead, arp or stab. shared: the chords are those of a mix."""
    name = draw_instrument(family, plan.style, rng)
    patch = draw_patch(name, plan.split, plan.character, plan.beat_seconds, rng)
    if shared:
        notes = notes_for(family, name, plan, rng)
    else:
        plan, notes = compose(plan, lambda drawn: notes_for(family, name, drawn, rng), rng)
    audio = render_notes(notes, patch, plan, rng)
    chain = effects.draw_chain(family, plan.style, plan.split, plan.character, rng)
    hits = kicks if len(kicks) else beat_hits(plan)
    return Part(effects.apply(audio, chain, plan.beat_seconds, hits, rng), (name,))


def pad_part(plan: Plan, kicks: Audio, shared: bool, rng: Generator) -> Part:
    """Render a pad. shared: the chords are those of a mix."""
    if not shared:
        plan, _ = compose(plan, chord_notes, rng)
    name = draw_instrument("pad", plan.style, rng)
    patch = draw_pad(name, plan.split, plan.character, rng)
    out = np.zeros((2, plan.frames), np.float32)
    made: dict[tuple[int, ...], tuple[Audio, Audio]] = {}
    turns = choose((1, 2, 4), rng)
    angle = np.linspace(0, 2 * np.pi * turns, plan.frames, endpoint=False, dtype=np.float32)
    cycle = (0.5 - 0.5 * np.cos(angle)) * np.float32(rng.uniform(0.3, 1.0))
    for chord, midis in held_chords(plan.harmony, int(rng.integers(57, 67))):
        if midis not in made:
            made[midis] = chord_tables(patch, midis, rng)
        start = plan.frame_at(chord.beat)
        seconds = chord.beats * plan.beat_seconds
        sound = hold(patch, made[midis], seconds, np.roll(cycle, -start).astype(np.float32), rng)
        add_wrapped(out, sound, start)
    chain = effects.draw_chain("pad", plan.style, plan.split, plan.character, rng)
    hits = kicks if len(kicks) else beat_hits(plan)
    return Part(effects.apply(out, chain, plan.beat_seconds, hits, rng), (name,))


def fx_part(plan: Plan, rng: Generator) -> Part:
    """Render an effect loop in time."""
    name = choose(fx.RHYTHMIC, rng)
    audio = fx.rhythmic(name, plan.frames, plan.steps, plan.split, rng)
    chain = effects.draw_chain("fx", plan.style, plan.split, plan.character, rng)
    return Part(effects.apply(audio, chain, plan.beat_seconds, beat_hits(plan), rng), (name,))


def one_part(family: str, plan: Plan, kicks: Audio, rng: Generator, shared: bool = False) -> Part:
    """Render a part of any family but mix. shared: keep the plan's chords."""
    if family == "drums":
        return drums_part(plan, rng)
    if family == "pad":
        return pad_part(plan, kicks, shared, rng)
    if family == "fx":
        return fx_part(plan, rng)
    return tonal_part(family, plan, kicks, shared, rng)


MIX_LEVELS = {
    "drums": 0.85, "bass": 0.55, "keys": 0.55, "pad": 0.48, "pluck": 0.48, "lead": 0.46,
    "arp": 0.42, "stab": 0.5,
}  # fmt: skip


def mix_families(rng: Generator) -> list[str]:
    """Choose what plays in a mix of 2 to 5 parts."""
    families = ["drums"] if rng.random() < 0.92 else []
    if rng.random() < 0.85 or not families:
        families.append("bass")
    chordal = choose((("keys",), ("pad",), ("stab",), ("keys", "pad"), ()), rng, (4, 4, 2, 1, 1.5))
    families += chordal
    melodic = choose((("lead",), ("pluck",), ("arp",), ()), rng, (2, 2.5, 2.5, 4))
    families += melodic
    return families if chordal or melodic else [*families, "keys"]


def mix_part(plan: Plan, rng: Generator) -> Part:
    """Render a mix: parts share tempo, key and chords; the kick ducks the rest."""
    plan, _ = compose(plan, chord_notes, rng)
    families = mix_families(rng)
    total = np.zeros((2, plan.frames), np.float32)
    kicks = np.zeros(0, np.float32)
    names: list[str] = []
    depth = float(rng.uniform(0.25, 0.8)) if rng.random() < 0.65 else 0.0
    for family in families:
        calmer = replace(plan.character, dirt=plan.character.dirt * 0.6)
        part = one_part(family, replace(plan, character=calmer), kicks, rng, shared=True)
        audio = part.audio * np.float32(MIX_LEVELS[family] * rng.uniform(0.75, 1.2))
        audio /= np.float32(np.abs(part.audio).max() + 1e-6)
        if family == "drums":
            kicks = part.kicks
        elif depth > 0 and len(kicks):
            audio *= effects.pump_curve(plan.frames, kicks, depth, plan.beat_seconds * 0.7)
        names.append("drums" if family == "drums" else part.instruments[0])
        total += audio
    if plan.character.lofi:
        total += fx.crackle(plan.frames, 20.0, rng) * np.float32(0.12)
    total = effects.compress(total, float(rng.uniform(0.1, 0.6)))
    return Part(total, tuple(names), kicks)
