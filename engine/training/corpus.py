"""The training corpus: items synthesised from a seed, never stored.

`make_item` is deterministic in its arguments. Loops are circular: every tail that passes
the end sounds on at the start. `python -m engine.training.corpus --listen DIR` renders a
sample to look through.
"""

from __future__ import annotations

import argparse
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator

from engine import taxonomy
from engine.audio import resample_circular
from engine.tempo import Tempo, TimeSignature, loop_frames
from engine.training.captions import captions_for
from engine.training.synth import effects, fx
from engine.training.synth.character import Character, draw_character
from engine.training.synth.facts import ItemFacts
from engine.training.synth.harmony import draw_harmony, draw_key
from engine.training.synth.one_shots import drum_shot, fx_shot, tonal_shot
from engine.training.synth.parts import Part, Plan, mix_part, one_part
from engine.training.synth.spectral import SAMPLE_RATE, Audio
from engine.training.synth.split import SPLITS, choose

__all__ = ["CORPUS_VERSION", "SAMPLE_RATE", "CorpusItem", "ItemFacts", "make_item"]

CORPUS_VERSION = 2
LONGEST_SECONDS = 11.9
ONE_SHOT_SHARE = 0.12
#: Loops of which every unit is the same: what a drum machine or a sampled bar gives.
REPEAT_SHARE = 0.5
FAMILY_WEIGHTS: dict[str, float] = {
    "drums": 0.28,
    "bass": 0.12,
    "keys": 0.10,
    "pad": 0.10,
    "pluck": 0.08,
    "lead": 0.07,
    "arp": 0.07,
    "stab": 0.04,
    "fx": 0.05,
    "mix": 0.09,
}
STYLE_TEMPOS: dict[str, tuple[int, int]] = {
    "house": (116, 130),
    "techno": (124, 146),
    "trap": (120, 160),
    "boom-bap": (80, 100),
    "lo-fi": (66, 94),
    "drum and bass": (164, 180),
    "dubstep": (134, 146),
    "ambient": (60, 100),
    "synthwave": (84, 122),
    "funk": (92, 124),
    "afrobeat": (96, 124),
    "reggaeton": (84, 106),
    "cinematic": (68, 144),
}
STYLE_WEIGHTS = (1.2, 1.1, 1.2, 1.0, 1.0, 1.1, 0.8, 0.6, 0.8, 0.9, 0.8, 0.8, 0.8)
SWUNG_STYLES = {"boom-bap": 0.7, "lo-fi": 0.7, "house": 0.35, "funk": 0.3, "trap": 0.1}


@dataclass(frozen=True)
class CorpusItem:
    """A sound and its truth. audio: float32 (2, frames), peak at most 0.95."""

    audio: Audio
    facts: ItemFacts
    captions: tuple[str, ...]


def make_item(
    seed: int, split: str = "train", *, family: str | None = None, kind: str | None = None
) -> CorpusItem:
    """Synthesise one item. split: train or held_out; kind: loop or one_shot.

    Raises ValueError when split, family or kind is not one that the corpus has.
    """
    check_arguments(split, family, kind)
    salt = zlib.crc32(f"{CORPUS_VERSION}:{split}:{family}:{kind}".encode())
    rng = np.random.default_rng([seed, salt])
    chosen = family or choose(tuple(FAMILY_WEIGHTS), rng, tuple(FAMILY_WEIGHTS.values()))
    if kind is None:
        share = 0.0 if chosen in ("mix", "arp") else 0.5 if chosen == "fx" else ONE_SHOT_SHARE
        kind = "one_shot" if rng.random() < share else "loop"
    style = choose(taxonomy.STYLES, rng, STYLE_WEIGHTS)
    character = draw_character(style, rng)
    if kind == "one_shot":
        audio, facts = one_shot(chosen, style, split, character, rng)
    elif chosen == "fx" and rng.random() < 0.6:
        audio, facts = free_texture(style, split, character, rng)
    else:
        audio, facts = loop(chosen, style, split, character, rng)
    seconds = audio.shape[1] / SAMPLE_RATE
    return CorpusItem(audio, facts, captions_for(facts, rng, seconds=seconds))


def check_arguments(split: str, family: str | None, kind: str | None) -> None:
    """Raise ValueError for what the corpus does not have."""
    if split not in SPLITS:
        raise ValueError(f"split {split!r} is not one of {SPLITS}")
    if family is not None and family not in taxonomy.FAMILIES:
        raise ValueError(f"family {family!r} is not one of {taxonomy.FAMILIES}")
    if kind not in (None, "loop", "one_shot"):
        raise ValueError(f"kind {kind!r} is neither loop nor one_shot")
    if kind == "one_shot" and family in ("mix", "arp"):
        raise ValueError(f"there are no one-shots of {family}")


def draw_tempo(style: str, rng: Generator) -> int:
    """Draw a tempo that suits the style; any from 60 to 180 bpm now and then."""
    low, high = STYLE_TEMPOS[style] if rng.random() < 0.8 else (60, 180)
    return int(rng.integers(low, high + 1))


def draw_bars(bpm: int, beats_per_bar: int, rng: Generator) -> int:
    """Draw a number of bars that fits into LONGEST_SECONDS."""
    weights = {1: 0.2, 2: 0.45, 4: 0.33, 8: 0.12}
    bar_seconds = beats_per_bar * 60 / bpm
    fitting = [bars for bars in weights if bars * bar_seconds <= LONGEST_SECONDS]
    return choose(fitting, rng, [weights[bars] for bars in fitting])


def draw_unit(bars: int, rng: Generator) -> int:
    """Draw after how many bars a loop repeats itself exactly; `bars` when it does not."""
    if bars == 1 or rng.random() > REPEAT_SHARE:
        return bars
    return choose([unit for unit in (1, 2, 4) if unit < bars][-2:], rng)


def repeated(audio: Audio, times: int, frames: int) -> Audio:
    """Play a circular unit `times` times in a loop of exactly `frames`."""
    if times == 1:
        return audio
    return resample_circular(np.tile(audio, times), frames)


def draw_plan(style: str, split: str, character: Character, rng: Generator) -> tuple[Plan, int]:
    """Draw tempo, length, metre, swing and harmony of the unit that a loop repeats, and how
    often it does."""
    bpm = draw_tempo(style, rng)
    beats_per_bar = 3 if rng.random() < 0.03 else 4
    if beats_per_bar == 3 and bpm in (64, 96, 128, 160):
        bpm += 1  # keeps every length off a half frame, where roundings differ
    whole = draw_bars(bpm, beats_per_bar, rng)
    bars = draw_unit(whole, rng)
    signature = TimeSignature(beats_per_bar, 4)
    frames = loop_frames(Tempo.of(bpm), bars, signature, SAMPLE_RATE)
    swung = rng.random() < SWUNG_STYLES.get(style, 0.06)
    swing = round(float(rng.uniform(0.25, 0.95)), 2) if swung else 0.0
    harmony = draw_harmony(style, draw_key(style, rng), bars, beats_per_bar, split, rng)
    plan = Plan(style, split, bpm, bars, beats_per_bar, frames, swing, harmony, character)
    return plan, whole // bars


def finish(audio: Audio, character: Character, rng: Generator) -> Audio:
    """Limit to a level between -4.4 and -0.45 dB of peak."""
    push_db = 0.5 + 4.0 * max(0.0, 0.5 * character.punch + 0.5 * character.dirt - 0.2)
    return effects.limit(audio, float(rng.uniform(0.6, 0.95)), push_db)


def moods_of(character: Character, family: str, swing: float, rng: Generator) -> tuple[str, ...]:
    """Mood words that hold for this item."""
    axes = ("brightness", "space", "dirt", "density", "punch", "width")
    if family in ("pad", "fx", "bass", "lead", "stab"):
        axes = ("brightness", "space", "dirt", "punch", "width")
    if family == "bass":
        axes = ("brightness", "dirt", "punch")
    words = character.words(rng, axes)
    return (*words, "swung") if swing > 0.3 else words


def loop(
    family: str, style: str, split: str, character: Character, rng: Generator
) -> tuple[Audio, ItemFacts]:
    """Make a loop in time."""
    plan, times = draw_plan(style, split, character, rng)
    none = np.zeros(0, np.float32)
    part: Part = mix_part(plan, rng) if family == "mix" else one_part(family, plan, none, rng)
    tonal = family in taxonomy.TONAL_FAMILIES
    bars = plan.bars * times
    signature = TimeSignature(plan.beats_per_bar, 4)
    frames = loop_frames(Tempo.of(plan.bpm), bars, signature, SAMPLE_RATE)
    facts = ItemFacts(
        kind="loop",
        family=family,
        instruments=part.instruments,
        style=style,
        bpm=float(plan.bpm),
        bars=bars,
        beats_per_bar=plan.beats_per_bar,
        root=plan.harmony.root if tonal else None,
        mode=plan.harmony.mode if tonal else None,
        scale=plan.harmony.scale if tonal else None,
        moods=moods_of(character, family, plan.swing, rng),
        swing=plan.swing,
    )
    return finish(repeated(part.audio, times, frames), character, rng), facts


def untimed(
    kind: str, family: str, name: str, style: str | None, moods: tuple[str, ...]
) -> ItemFacts:
    """Facts of an item without tempo or key."""
    return ItemFacts(kind, family, (name,), style, None, None, 4, None, None, None, moods, 0.0)


def free_texture(
    style: str, split: str, character: Character, rng: Generator
) -> tuple[Audio, ItemFacts]:
    """Make a circular texture without tempo."""
    name = choose(fx.TEXTURES, rng)
    frames = int(rng.uniform(2.5, 10.0) * SAMPLE_RATE)
    audio = fx.texture(name, frames, split, rng)
    chain = effects.draw_chain("fx", style, split, character, rng)
    audio = effects.apply(audio, chain, 0.5, np.zeros(0, np.float32), rng)
    push = 12.0 if name in ("vinyl crackle", "rain") else 2.0
    facts = untimed("loop", "fx", name, None, character.words(rng, ("space", "width")))
    return effects.limit(audio, float(rng.uniform(0.5, 0.9)), push), facts


def one_shot(
    family: str, style: str, split: str, character: Character, rng: Generator
) -> tuple[Audio, ItemFacts]:
    """Make a single sound that ends in silence."""
    words = moods_of(character, "bass" if family == "drums" else family, 0.0, rng)
    if family in ("drums", "fx"):
        maker = drum_shot if family == "drums" else fx_shot
        audio, name = maker(style, split, character, rng)
        known = style if family == "drums" and rng.random() < 0.5 else None
        return finish(audio, character, rng), untimed("one_shot", family, name, known, words)
    root = int(rng.integers(12))
    scale = choose(("major", "minor"), rng)
    audio, name = tonal_shot(family, root, scale, style, split, character, rng)
    facts = ItemFacts(
        "one_shot", family, (name,), None, None, None, 4, root, scale, scale, words, 0.0
    )
    return finish(audio, character, rng), facts


def main() -> None:
    """Render a sample of the corpus to look through and listen to."""
    from engine.training.synth.preview import write_gallery

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--listen", type=Path, required=True, metavar="DIR")
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--split", choices=SPLITS, default="train")
    parser.add_argument("--family", choices=taxonomy.FAMILIES, default=None)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    seeds = range(options.seed, options.seed + options.count)
    items = ((seed, make_item(seed, options.split, family=options.family)) for seed in seeds)
    page = write_gallery(items, options.listen)
    print(page)


if __name__ == "__main__":
    main()
