"""What the clip reader does with a file: read, measure, draw small, export."""

from __future__ import annotations

from collections import OrderedDict
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from engine.audio import AudioClip
from engine.audio_files import read_source
from engine.display_name import display_name
from engine.errors import BadInputFile, WriteProblem
from engine.peaks import build_peaks, encode_peaks
from engine.sample_format import dequantise
from engine.take import TakeFacts
from engine.tempo import TimeSignature
from engine.wav_file import read_recipe
from plugin_bridge.capture.grid_chunk import GridFacts, read_grid
from plugin_bridge.clip_messages import Measured, Opened
from plugin_bridge.command_line.stored_take import export_stored, read_stored

if TYPE_CHECKING:
    from plugin_bridge.command_line.hearing import Heard

#: What is listened to of a longer file. Measured: one minute takes 3 s of one core, thirty
#: minutes five minutes, and a sound that long is no loop.
HEARD_SECONDS = 60.0
#: Read sounds that wait to be measured; others are read again.
_KEPT_EXCERPTS = 16
#: How far from whole beats a sound may end and still be taken for a loop.
_LOOP_TOLERANCE_BEATS = 0.05


def warm_up() -> None:
    """Import what measures: its scipy takes seconds."""
    import plugin_bridge.command_line.hearing  # noqa: F401  # pyright: ignore[reportUnusedImport]


class ClipWork:
    """One thread. scratch: where results go; each result overwrites the one before."""

    def __init__(self, scratch: FileIO) -> None:
        self._scratch = scratch
        self._excerpts: OrderedDict[Path, _Excerpt] = OrderedDict()

    def read(self, request_id: str, path: Path, *, is_take: bool) -> Opened:
        """Put samples and peaks into the scratch file. Raises AppError."""
        facts, fault = _recipe(path)
        if is_take and facts is not None:
            clip = AudioClip(dequantise(read_stored(path, facts)), facts.sample_rate)
        else:
            clip = read_source(path).clip()
        if facts is not None and not _fits(facts, clip):
            facts, fault = None, _CHANGED.format(name=display_name(path))
        peaks = build_peaks(clip.samples)
        peaks_bytes = encode_peaks(peaks)
        self._put(np.ascontiguousarray(clip.samples), peaks_bytes, path)
        if facts is None:
            self._keep(path, _Excerpt.of(clip))
        return Opened(
            request_id,
            clip.channels,
            clip.frames,
            clip.sample_rate,
            len(peaks_bytes),
            float(np.max(np.abs(peaks.levels[-1]), initial=0.0)),
            facts,
            fault,
            None if facts is not None else read_grid(path, clip.frames),
        )

    def measure(self, request_id: str, path: Path) -> Measured:
        """Listen to a file. Raises AppError."""
        excerpt = self._excerpts.pop(path, None)
        if excerpt is None:
            excerpt = _Excerpt.of(read_source(path).clip())
        # Here, because its scipy takes seconds to import that a take need not wait for.
        from plugin_bridge.command_line.hearing import hear

        measured = _measured(request_id, excerpt, hear(excerpt.clip))
        grid = read_grid(path, excerpt.clip.frames)
        return measured if grid is None else _told(measured, grid)

    def overview(self, path: Path, columns: int) -> None:
        """Put the extremes of a library take into the scratch file. Raises AppError."""
        facts = read_recipe(path)
        if facts is None:
            raise BadInputFile(f"“{display_name(path)}” is no take of the library.")
        mono = dequantise(read_stored(path, facts))
        pair = build_peaks(mono).columns(0, mono.shape[1], columns)
        low, high = pair[0].min(axis=0), pair[1].max(axis=0)
        scale = 127.0 / max(1e-6, float(np.max(np.abs(pair))))
        drawn = np.rint(np.stack((low, high)) * scale)
        self._put(np.clip(drawn, -127, 127).astype(np.int8), b"", path)

    def export(self, path: Path, folder: Path, subtype: str | None) -> Path:
        """Write a library take as a finished file and return its path. Raises AppError."""
        facts = read_recipe(path)
        if facts is None:
            raise BadInputFile(f"“{display_name(path)}” is no take of the library.")
        return export_stored(path, facts, folder, subtype)

    def _put(self, values: np.ndarray[tuple[int, ...], np.dtype[np.generic]], tail: bytes,
             path: Path) -> None:  # fmt: skip
        try:
            self._scratch.truncate(0)
            self._scratch.seek(0)
            for part in (values.data.cast("B"), memoryview(tail)):
                while part:
                    part = part[self._scratch.write(part) :]
        except OSError as error:
            raise WriteProblem(
                f"“{display_name(path)}” could not be opened, the temporary folder is full; "
                "free some space.",
                repr(error),
            ) from error

    def _keep(self, path: Path, excerpt: _Excerpt) -> None:
        self._excerpts[path] = excerpt
        while len(self._excerpts) > _KEPT_EXCERPTS:
            self._excerpts.popitem(last=False)


class _Excerpt:
    """As much of a sound as is listened to. is_whole: that is all of it."""

    def __init__(self, clip: AudioClip, *, is_whole: bool) -> None:
        self.clip, self.is_whole = clip, is_whole

    @classmethod
    def of(cls, clip: AudioClip) -> _Excerpt:
        frames = int(HEARD_SECONDS * clip.sample_rate)
        if clip.frames <= frames:
            return cls(clip, is_whole=True)
        # A copy: a view would keep all of the sound in memory.
        return cls(AudioClip(clip.samples[:, :frames].copy(), clip.sample_rate), is_whole=False)


_CHANGED = "“{name}” was changed after Loopgraft made it; it is taken as a sound of yours."


def _recipe(path: Path) -> tuple[TakeFacts | None, str]:
    """Return the recipe, or the sentence why it cannot be read: the audio still can."""
    try:
        return read_recipe(path), ""
    except BadInputFile as error:
        return None, error.sentence


def _fits(facts: TakeFacts, clip: AudioClip) -> bool:
    """Tell whether the audio is still the one that the facts speak of."""
    return (facts.channels, facts.frames, facts.sample_rate) == (
        clip.channels,
        clip.frames,
        clip.sample_rate,
    )


def _told(measured: Measured, grid: GridFacts) -> Measured:
    """Return what was heard, on the bars that a recording knows."""
    return msgspec.structs.replace(
        measured,
        bpm=grid.bpm,
        downbeat_frame=grid.downbeat_frame,
        signature=TimeSignature(grid.beats_per_bar, grid.beat_unit),
        is_loop=grid.is_loop,
    )


def _measured(request_id: str, excerpt: _Excerpt, heard: Heard) -> Measured:
    measured = heard.measured
    bpm = None if measured.bpm is None else round(measured.bpm, 3)
    is_loop = False
    if bpm is not None and excerpt.is_whole:
        beats = excerpt.clip.seconds * bpm / 60
        is_loop = round(beats) >= 1 and abs(beats - round(beats)) <= _LOOP_TOLERANCE_BEATS
    return Measured(
        request_id,
        bpm,
        heard.downbeat_frame,
        measured.key,
        measured.lufs,
        measured.seam_score if excerpt.is_whole else None,
        is_loop,
    )
