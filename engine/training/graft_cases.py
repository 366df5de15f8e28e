"""What grafts are measured on: held-out items of the corpus, and recordings nobody synthesised."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile as sf

from engine.analysis import measure_key, measure_tempo
from engine.audio import AudioClip, FrameSpan
from engine.key import Key
from engine.request import SourceReference
from engine.sample_format import quantise
from engine.tempo import Tempo
from engine.training.corpus import SAMPLE_RATE, CorpusItem, make_item
from engine.training.dataset import HELD_OUT_SEED
from engine.wav_file import write_wav

#: Where Debian's lmms-common puts its recordings.
RECORDINGS = Path("/usr/share/lmms/samples")
#: Its folders of loops and notes, taken in turn.
RECORDING_FOLDERS = ("beats", "bassloops", "latin", "stringsnpads", "instruments")
RECORDING_SECONDS = (1.4, 12.0)
#: Families that are grafted into: those that have a beat.
CASE_FAMILIES = ("drums", "bass", "keys", "pad", "mix", "pluck", "drums", "lead", "arp", "stab")
CASE_SEED = HELD_OUT_SEED + 2_000_000
SUBTYPE = "PCM_24"


@dataclass(frozen=True)
class GraftCase:
    """A file on disk to graft into, and what is known of it.

    bpm, key: None where there is none. downbeat_frame: of bar 1. family: "recording" where
    nobody synthesised it. source: the file, pinned by content.
    """

    name: str
    family: str
    clip: AudioClip
    bpm: float | None
    beats_per_bar: int
    downbeat_frame: int
    key: Key | None
    source: SourceReference

    @property
    def bar_frames(self) -> float | None:
        if self.bpm is None:
            return None
        return self.beats_per_bar * 60.0 / self.bpm * self.clip.sample_rate

    @property
    def bar_starts(self) -> tuple[int, ...]:
        """Return the first frame of each whole bar of the source."""
        length = self.bar_frames
        if length is None:
            return ()
        whole = int((self.clip.frames - self.downbeat_frame) / length + 0.01)
        return tuple(round(self.downbeat_frame + bar * length) for bar in range(whole))

    @property
    def hole(self) -> FrameSpan:
        """Return what is cut out: a bar from the middle, else the middle quarter."""
        starts, length = self.bar_starts, self.bar_frames
        if length is None or len(starts) < 2:
            quarter = self.clip.frames // 4
            return FrameSpan(quarter * 3 // 2, quarter * 5 // 2)
        first = starts[len(starts) // 2]
        return FrameSpan(first, min(self.clip.frames, round(first + length)))


def held_out_case(index: int, folder: Path, family: str | None = None) -> GraftCase:
    """Write a held-out loop of two bars or more as a file and return it as a case."""
    item = _held_out_loop(index, family or CASE_FAMILIES[index % len(CASE_FAMILIES)])
    facts = item.facts
    key = None if facts.root is None or facts.mode is None else Key(facts.root, facts.mode)
    name = f"held-out {index} ({facts.family}, {facts.bpm:g} bpm, {facts.bars} bars)"
    clip, source = _write(item.audio, SAMPLE_RATE, folder / f"held_out_{facts.family}_{index}.wav")
    return GraftCase(name, facts.family, clip, facts.bpm, facts.beats_per_bar, 0, key, source)


def _held_out_loop(index: int, family: str) -> CorpusItem:
    for seed in itertools.count(CASE_SEED + 100 * index):
        item = make_item(seed, "held_out", family=family, kind="loop")
        if item.facts.bpm and (item.facts.bars or 0) >= 2:
            return item
    raise AssertionError("unreachable")


def recordings(folder: Path, count: int) -> list[Path]:
    """Return up to `count` recordings long enough to cut from, of each kind in turn."""
    kinds = [[p for p in sorted((folder / k).glob("*.*")) if _fits(p)] for k in RECORDING_FOLDERS]
    turns = itertools.chain.from_iterable(itertools.zip_longest(*kinds))
    return [path for path in turns if path is not None][:count]


def _fits(path: Path) -> bool:
    try:
        seconds = sf.info(path).duration
    except sf.LibsndfileError:
        return False
    return RECORDING_SECONDS[0] <= seconds <= RECORDING_SECONDS[1]


def recorded_case(path: Path, folder: Path) -> GraftCase:
    """Write a recording as a WAV and return it as a case, with what is heard in it."""
    samples, rate = sf.read(path, dtype="float32", always_2d=True)
    name = f"{path.parent.name}/{path.stem}"
    target = folder / f"{path.parent.name}_{path.stem}.wav"
    clip, source = _write(np.ascontiguousarray(samples.T), rate, target)
    tempo = measure_tempo(clip, loop_hypothesis=True)
    bpm = None if tempo.bpm is None else float(Tempo.of(round(tempo.bpm, 3)))
    downbeat = 0 if bpm is None else tempo.downbeat_frame
    key = measure_key(clip).key
    return GraftCase(name, "recording", clip, bpm, 4, downbeat, key, source)


def _write(samples: np.ndarray, rate: int, path: Path) -> tuple[AudioClip, SourceReference]:
    write_wav(path, quantise(samples.astype(np.float32), SUBTYPE), rate, SUBTYPE, overwrite=True)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return AudioClip(samples.astype(np.float32), rate), SourceReference.to(path, sha256)
