"""The file that a graft goes into, with the musical grid that it lies on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.audio_files import SourceAudio, read_source
from engine.display_name import display_name
from engine.errors import BadArgument
from engine.request import SourceReference
from engine.tempo import Tempo
from plugin_bridge.capture.grid_chunk import read_grid

#: A given tempo is exact; what is measured for its downbeat may be this far off.
_GIVEN_TOLERANCE = 0.02


@dataclass(frozen=True)
class Grid:
    """Where the bars of a source lie. tempo None: neither given nor measurable.

    confidence: 0-1 of a measured tempo, None where it was given.
    """

    tempo: Tempo | None
    downbeat_frame: int
    confidence: float | None

    def describe(self, sample_rate: int) -> str:
        """Return the grid in words, as it is shown before it is used."""
        if self.tempo is None:
            return "no tempo could be measured"
        downbeat = f"downbeat {self.downbeat_frame / sample_rate:.2f} s"
        bpm = float(self.tempo)
        if self.confidence is None:
            return f"given {bpm:g} bpm, {downbeat}"
        return f"measured {bpm:.1f} bpm (confidence {self.confidence:.2f}), {downbeat}"


@dataclass(frozen=True)
class Source:
    """A file as it was read, and the reference that a recipe keeps of it."""

    audio: SourceAudio
    reference: SourceReference

    @property
    def name(self) -> str:
        return display_name(self.audio.path)


def open_source(path: str | Path) -> Source:
    """Read a source. Raises BadInputFile."""
    audio = read_source(path)
    return Source(audio, SourceReference.to(audio.path, audio.sha256))


def find_grid(source: Source, tempo: Tempo | None, downbeat_seconds: float | None) -> Grid:
    """Return the grid: what was given, what a recording tells, and the rest measured. Raises
    BadArgument."""
    audio = source.audio
    given_frame = None
    if downbeat_seconds is not None:
        given_frame = _downbeat_frame(source, downbeat_seconds)
    told = None if tempo is not None else read_grid(audio.path, audio.frames)
    if told is not None:  # a recording of ours knows its bars
        tempo = Tempo.of(told.bpm)
        given_frame = told.downbeat_frame if given_frame is None else given_frame
    if tempo is not None and given_frame is not None:
        return Grid(tempo, given_frame, None)
    # Here, because its scipy takes a second to import that a generate need not wait for.
    from engine.analysis import measure_tempo

    if tempo is None:
        measured = measure_tempo(audio.clip(), loop_hypothesis=True)
    else:
        near = (float(tempo) * (1 - _GIVEN_TOLERANCE), float(tempo) * (1 + _GIVEN_TOLERANCE))
        measured = measure_tempo(audio.clip(), near)
    frame = measured.downbeat_frame if given_frame is None else given_frame
    if tempo is not None:
        return Grid(tempo, frame, None)
    found = None if measured.bpm is None else Tempo.of(round(measured.bpm, 3))
    return Grid(found, frame, measured.confidence)


def _downbeat_frame(source: Source, seconds: float) -> int:
    length = source.audio.frames / source.audio.sample_rate
    if not 0 <= seconds < length:
        raise BadArgument(
            f"A downbeat at {seconds:g} s is outside “{source.name}”, which is 0 to {length:.2f} s."
        )
    return int(seconds * source.audio.sample_rate + 0.5)
