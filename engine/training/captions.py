"""Captions: what people might type for an item, written by a grammar from its facts."""

from __future__ import annotations

from collections.abc import Callable

from numpy.random import Generator

from engine.training.synth.facts import ItemFacts
from engine.training.synth.split import choose

SHARPS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
FLATS = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")

FAMILY_WORDS: dict[str, tuple[str, ...]] = {
    "drums": ("drums", "drum loop", "beat", "drum beat", "drum pattern", "groove", "drums"),
    "bass": ("bass", "bassline", "bass line", "bass loop", "bass"),
    "keys": ("keys", "keys loop", "chords", "keyboard part", "keys"),
    "pad": ("pad", "pads", "pad chords", "atmospheric pad", "synth pad", "pad"),
    "pluck": ("pluck", "plucks", "plucked melody", "pluck loop", "pluck"),
    "lead": ("lead", "lead melody", "lead line", "synth lead", "melody", "lead"),
    "arp": ("arp", "arpeggio", "arpeggiated synth", "arp loop", "arp"),
    "stab": ("stab", "stabs", "chord stabs", "stab loop", "stab"),
    "fx": ("fx", "sound effect", "fx", "effect", "sfx"),
    "mix": ("mix", "full loop", "full mix", "track loop", "full beat", "mix"),
}
ONE_SHOT_WORDS = ("one shot", "one-shot", "hit", "sample", "single hit", "oneshot")

SYNONYMS: dict[str, tuple[str, ...]] = {
    "dark": ("dark", "darker", "gloomy", "moody"),
    "muted": ("muted", "dull", "muffled", "filtered"),
    "bright": ("bright", "brilliant", "shiny", "airy"),
    "crisp": ("crisp", "sharp", "bright"),
    "tight": ("tight", "close", "dry"),
    "dry": ("dry", "no reverb", "tight"),
    "roomy": ("roomy", "spacious", "ambient", "reverb"),
    "wet": ("wet", "reverby", "washed out", "spacious"),
    "clean": ("clean", "pure", "smooth"),
    "dirty": ("dirty", "gritty", "grimy", "saturated"),
    "distorted": ("distorted", "overdriven", "crunchy", "driven"),
    "sparse": ("sparse", "simple", "stripped back"),
    "minimal": ("minimal", "minimalistic", "sparse"),
    "busy": ("busy", "intricate", "energetic"),
    "dense": ("dense", "busy", "full"),
    "soft": ("soft", "gentle", "mellow"),
    "mellow": ("mellow", "chill", "relaxed", "soft"),
    "punchy": ("punchy", "hard", "hard-hitting", "tight and punchy"),
    "aggressive": ("aggressive", "hard", "heavy", "punchy"),
    "mono": ("mono", "narrow", "centered"),
    "wide": ("wide", "stereo", "wide stereo"),
    "lo-fi": ("lo-fi", "lofi", "dusty", "vintage", "worn"),
    "swung": ("swung", "with swing", "shuffled", "swinging"),
}

STYLE_WORDS: dict[str, tuple[str, ...]] = {
    "house": ("house", "deep house", "house", "club", "4x4 house"),
    "techno": ("techno", "techno", "warehouse techno", "tech"),
    "trap": ("trap", "trap", "trap", "modern trap"),
    "boom-bap": ("boom bap", "boom-bap", "hip hop", "old school hip hop", "hip-hop", "90s rap"),
    "lo-fi": ("lo-fi", "lofi", "lofi hip hop", "chillhop", "lo-fi hip hop"),
    "drum and bass": ("drum and bass", "dnb", "d&b", "jungle", "drum n bass", "DnB"),
    "dubstep": ("dubstep", "dubstep", "bass music", "brostep"),
    "ambient": ("ambient", "ambient", "downtempo", "chillout"),
    "synthwave": ("synthwave", "retrowave", "80s", "synth wave", "80s retro"),
    "funk": ("funk", "funky", "funk", "disco funk"),
    "afrobeat": ("afrobeat", "afrobeats", "afro", "afro"),
    "reggaeton": ("reggaeton", "dembow", "reggaeton", "latin"),
    "cinematic": ("cinematic", "film score", "epic", "soundtrack", "cinematic"),
}

INSTRUMENT_WORDS: dict[str, tuple[str, ...]] = {
    "electric piano": ("electric piano", "rhodes", "e-piano", "EP", "Rhodes style keys"),
    "808 bass": ("808 bass", "808", "808 sub"),
    "sub bass": ("sub bass", "sub", "deep sub"),
    "reese bass": ("reese bass", "reese", "detuned reese"),
    "wobble bass": ("wobble bass", "wobble", "growling wobble bass", "lfo bass"),
    "acid bass": ("acid bass", "303 bass", "acid line", "squelchy acid bass"),
    "plucked bass": ("plucked bass", "bass guitar", "electric bass", "fingered bass"),
    "plucked guitar": ("plucked guitar", "guitar", "nylon guitar", "acoustic guitar"),
    "clavinet": ("clavinet", "clav", "funky clav"),
    "string pad": ("string pad", "strings", "synth strings", "string ensemble"),
    "choir pad": ("choir pad", "choir", "vocal pad", "voices"),
    "supersaw pad": ("supersaw pad", "supersaw", "saw pad", "trance pad"),
    "supersaw lead": ("supersaw lead", "supersaw", "big saw lead"),
    "warm pad": ("warm pad", "warm analog pad", "analog pad", "warm synth pad"),
    "glass pad": ("glass pad", "glassy pad", "crystal pad", "shimmering pad"),
    "bell": ("bell", "bells", "bell keys"),
    "closed hat": ("closed hat", "hi-hat", "closed hi-hat", "hat"),
    "open hat": ("open hat", "open hi-hat"),
    "rim": ("rim", "rimshot", "rim shot"),
    "kick": ("kick", "kick drum", "bass drum"),
    "riser": ("riser", "uplifter", "build up", "rising sweep"),
    "downlifter": ("downlifter", "downer", "falling sweep", "fall"),
    "impact": ("impact", "boom", "cinematic hit", "impact hit"),
    "vinyl crackle": ("vinyl crackle", "vinyl noise", "record crackle"),
    "whoosh": ("whoosh", "swoosh", "transition"),
    "mechanical loop": ("mechanical loop", "foley loop", "machine rhythm"),
    "room tone": ("room tone", "rumble", "low background noise"),
    "dub chord": ("dub chord", "dub techno chord", "dub stab"),
    "acoustic kit": ("acoustic kit", "acoustic drums", "live drums", "real drums"),
    "vintage kit": ("vintage kit", "vintage drums", "break", "breakbeat drums"),
    "lo-fi kit": ("lo-fi kit", "lofi drums", "dusty drums"),
    "808 kit": ("808 kit", "808 drums", "808 beat", "TR-808 drums"),
    "909 kit": ("909 kit", "909 drums", "909 beat", "TR-909 drums"),
    "trap kit": ("trap kit", "trap drums"),
    "electro kit": ("electro kit", "electronic drums", "drum machine"),
    "cinematic kit": ("cinematic kit", "cinematic drums", "epic percussion", "big drums"),
}
TEMPLATES: tuple[tuple[str, ...], ...] = (
    ("moods", "style", "name", "key", "bpm"),
    ("style", "name", "moods", "bpm", "key"),
    ("bpm", "moods", "style", "name", "key"),
    ("name", "style", "key", "bpm", "moods"),
    ("key", "moods", "style", "name", "bpm"),
    ("moods", "name", "style", "bars", "bpm"),
    ("bars", "style", "name", "moods", "key", "bpm"),
    ("moods", "style", "name", "detail", "bpm", "key"),
    ("name", "detail", "moods", "key"),
    ("speed", "moods", "style", "name", "key"),
)
PREFIXES = ("a ", "an ", "some ", "make a ", "give me a ", "I want a ")


def captions_for(
    facts: ItemFacts, rng: Generator, count: int = 4, seconds: float | None = None
) -> tuple[str, ...]:
    """Write `count` different captions. seconds: length, told for sounds without tempo."""
    found: list[str] = []
    for _ in range(count * 12):
        text = caption(facts, rng, seconds)
        if text and text.lower() not in {known.lower() for known in found}:
            found.append(text)
        if len(found) == count:
            break
    index = 2
    while len(found) < count:
        found.append(f"{base_name(facts, rng)}, version {index}")
        index += 1
    return tuple(found)


def caption(facts: ItemFacts, rng: Generator, seconds: float | None) -> str:
    """Write one caption."""
    if rng.random() < 0.1:
        return short_caption(facts, rng)
    fields = choose(TEMPLATES, rng)
    separator = choose((" ", ", "), rng, (0.6, 0.4))
    words = [WRITERS[name](facts, rng) for name in fields]
    if facts.bpm is None and seconds is not None and rng.random() < 0.35:
        words.append(f"{seconds:.0f} s" if seconds >= 1 else f"{seconds:.1f} s")
    text = joined([word for word in words if word], separator, rng)
    if rng.random() < 0.06:
        text = choose(PREFIXES, rng).replace("an ", "a ") + text
    return finished(text, rng)


def joined(words: list[str], separator: str, rng: Generator) -> str:
    """Join phrases; a key gets its "in" only after something."""
    text = ""
    for word in words:
        if not text:
            text = word.removeprefix("in ").removeprefix("at ").removeprefix("with ")
        elif word.startswith(("in ", "at ", "with ")):
            text += " " + word
        else:
            text += separator + word
    return text


def finished(text: str, rng: Generator) -> str:
    """Give a caption its case and, rarely, a typo."""
    if rng.random() < 0.06:
        text = text.upper() if rng.random() < 0.15 else text[:1].upper() + text[1:]
    if rng.random() < 0.04:
        text = misspelt(text, rng)
    return text


def misspelt(text: str, rng: Generator) -> str:
    """Swap or drop one letter of a word of four or more letters."""
    words = text.split(" ")
    long = [index for index, word in enumerate(words) if len(word) > 3 and word.isalpha()]
    if not long:
        return text
    index = choose(long, rng)
    word = words[index]
    place = int(rng.integers(1, len(word) - 1))
    swap = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    words[index] = swap if swap != word and rng.random() < 0.5 else word[:place] + word[place + 1 :]
    return " ".join(words)


def short_caption(facts: ItemFacts, rng: Generator) -> str:
    """Two or three words."""
    mood = mood_phrase(facts, rng, 1) if rng.random() < 0.45 else ""
    style = style_phrase(facts, rng) if rng.random() < 0.3 else ""
    return " ".join(word for word in (mood, style, base_name(facts, rng)) if word)


def base_name(facts: ItemFacts, rng: Generator) -> str:
    """Name the sound: its instrument or its family."""
    family = choose(FAMILY_WORDS[facts.family], rng)
    if facts.kind == "one_shot":
        return one_shot_name(facts, rng)
    if facts.family == "mix":
        return family
    instrument = facts.instruments[0]
    if rng.random() < 0.3:
        return family
    named = choose(INSTRUMENT_WORDS.get(instrument, (instrument,)), rng)
    if rng.random() < 0.25 and not any(part in named for part in family.split()):
        return f"{named} {family}"
    return f"{named} loop" if rng.random() < 0.1 else named


def one_shot_name(facts: ItemFacts, rng: Generator) -> str:
    """Name a single sound."""
    instrument = facts.instruments[0]
    named = choose(INSTRUMENT_WORDS.get(instrument, (instrument,)), rng)
    if facts.family == "fx" and rng.random() < 0.7:
        return named
    return f"{named} {choose(ONE_SHOT_WORDS, rng)}" if rng.random() < 0.65 else named


def mood_phrase(facts: ItemFacts, rng: Generator, most: int = 3) -> str:
    """Name up to `most` moods."""
    if not facts.moods:
        return ""
    count = min(len(facts.moods), int(rng.integers(1, most + 1)))
    chosen: list[int] = rng.permutation(len(facts.moods))[:count].tolist()
    words = [
        choose(SYNONYMS.get(facts.moods[index], (facts.moods[index],)), rng) for index in chosen
    ]
    return choose((" ", ", "), rng).join(dict.fromkeys(words))


def style_phrase(facts: ItemFacts, rng: Generator) -> str:
    """Name the style."""
    return choose(STYLE_WORDS[facts.style], rng) if facts.style else ""


def key_phrase(facts: ItemFacts, rng: Generator) -> str:
    """Name the key: A minor, Am, A min, in A minor; the church mode now and then."""
    if facts.root is None or facts.mode is None:
        return ""
    note = choose((SHARPS, SHARPS, FLATS), rng)[facts.root]
    short = "m" if facts.mode == "minor" else "maj"
    forms = [
        f"{note} {facts.mode}",
        f"{note} {facts.mode}",
        f"{note}{short}",
        f"{note} {facts.mode[:3]}",
    ]
    if facts.scale not in (None, facts.mode):
        forms.append(f"{note} {facts.scale}")
    form = choose(forms, rng)
    return choose(("", "in ", "in ", "key of "), rng) + form


def bpm_phrase(facts: ItemFacts, rng: Generator) -> str:
    """Name the tempo."""
    if facts.bpm is None:
        return ""
    tempo = f"{facts.bpm:g}"
    return choose((f"{tempo} bpm", f"{tempo}bpm", f"{tempo} BPM", f"at {tempo} bpm"), rng)


def bars_phrase(facts: ItemFacts, rng: Generator) -> str:
    """Name the length in bars."""
    if facts.bars is None:
        return ""
    plural = "bar" if facts.bars == 1 else "bars"
    return choose((f"{facts.bars} {plural}", f"{facts.bars}-bar", f"{facts.bars} bar"), rng)


def speed_phrase(facts: ItemFacts, rng: Generator) -> str:
    """Say fast or slow when it is."""
    if facts.bpm is None or 95 <= facts.bpm <= 145:
        return ""
    fast = ("fast", "uptempo", "quick")
    return choose(fast if facts.bpm > 145 else ("slow", "laid-back", "slow tempo"), rng)


def detail_phrase(facts: ItemFacts, rng: Generator) -> str:
    """Name what plays: two drum voices, or the parts of a mix."""
    if facts.kind == "one_shot" or len(facts.instruments) < 2:
        return ""
    others = facts.instruments if facts.family == "mix" else facts.instruments[1:]
    count = min(len(others), 3 if facts.family == "mix" else 2)
    chosen = [others[int(index)] for index in rng.permutation(len(others))[:count]]
    spoken = [choose(INSTRUMENT_WORDS.get(name, (name,)), rng) for name in chosen]
    return "with " + (", ".join(spoken[:-1]) + " and " if len(spoken) > 1 else "") + spoken[-1]


def sometimes(
    chance: float, writer: Callable[[ItemFacts, Generator], str]
) -> Callable[[ItemFacts, Generator], str]:
    """Drop a field some of the time."""

    def write(facts: ItemFacts, rng: Generator) -> str:
        return writer(facts, rng) if rng.random() < chance else ""

    return write


WRITERS: dict[str, Callable[[ItemFacts, Generator], str]] = {
    "moods": sometimes(0.7, mood_phrase),
    "style": sometimes(0.68, style_phrase),
    "name": base_name,
    "key": sometimes(0.68, key_phrase),
    "bpm": sometimes(0.68, bpm_phrase),
    "bars": sometimes(0.6, bars_phrase),
    "speed": sometimes(0.8, speed_phrase),
    "detail": sometimes(0.8, detail_phrase),
}
