"""What a canvas keeps round the spans that are made, and what a span is held against."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.audio import AudioClip, FloatArray, FrameSpan
from engine.diffusion.canvas import Canvas
from engine.diffusion.channels import to_stereo
from engine.key import Key

#: How sure the key of what is kept must be to be followed, and how much of it must be heard.
SURE_KEY = 0.5
LEAST_KEY_SECONDS = 0.5


@dataclass(frozen=True)
class Window:
    """A canvas at the model's rate. stereo: (2, T x 2048). spans: what is made, in its frames.
    rate: source frames per model frame. closes: the end meets the start."""

    stereo: FloatArray
    spans: tuple[FrameSpan, ...]
    rate: float
    closes: bool

    def likeness(self, bar_frames: float | None) -> FloatArray:
        """Return the window with its spans filled from the same place of the nearest kept bars.

        bar_frames: of the source. Silence where there is no such place.
        """
        like, period = self.stereo.copy(), self.stereo.shape[1]
        kept = np.ones(period, dtype=np.bool_)
        for span in self.spans:
            kept[np.arange(span.start, span.stop) % period] = False
        like[:, ~kept] = 0.0
        if bar_frames is None:
            return like
        bar, missing = bar_frames / self.rate, np.flatnonzero(~kept)
        bars = math.ceil(period / bar)
        for shift in sorted(range(-bars, bars + 1), key=lambda k: (abs(k), k)):
            place = missing + round(shift * bar)
            inside = ((place >= 0) & (place < period)) | self.closes
            found = inside & kept[place % period]
            like[:, missing[found]] = self.stereo[:, place[found] % period]
            missing = missing[~found]
        return like


@dataclass(frozen=True)
class Surroundings:
    """A canvas before anything is made in it.

    heard: (channels, canvas.frames). spans: what is made, in the result's frames. bar_frames:
    how long a bar is; None without a tempo.
    """

    heard: FloatArray
    canvas: Canvas
    spans: Sequence[FrameSpan]
    bar_frames: float | None
    sample_rate: int

    @property
    def kept(self) -> npt.NDArray[np.bool_]:
        """Return which frames are kept: (canvas.frames,)."""
        kept = np.ones(self.canvas.frames, dtype=np.bool_)
        for span in self.spans:
            place = np.arange(span.start, span.stop) - self.canvas.start
            kept[place % self.canvas.frames] = False
        return kept

    def key(self, *, of_old_too: bool) -> Key | None:
        """Return the key that a graft stays in where no other is asked for; None where none is
        sure. of_old_too: what is made stays in the key of what lay in its place, too."""
        from engine.analysis import measure_key  # slow to import: see backend.load_graft

        known = self.heard if of_old_too else self.heard[:, self.kept]
        if known.shape[1] < LEAST_KEY_SECONDS * self.sample_rate:
            return None
        found = measure_key(AudioClip(known, self.sample_rate))
        return found.key if found.confidence >= SURE_KEY else None

    def same_places(self, span: FrameSpan) -> list[FloatArray]:
        """Return what is kept whole bars before and after a span, as stereo.

        As much of it as is made, and at most a bar from the span's first frame on.
        """
        if self.bar_frames is None:
            return []
        kept, frames = self.kept, self.canvas.frames
        first = np.arange(min(span.frames, round(self.bar_frames))) + span.start - self.canvas.start
        bars = math.ceil(frames / self.bar_frames)
        found: list[FloatArray] = []
        for bar in range(0 if self.canvas.closes else -bars, bars + 1):
            place = first + round(bar * self.bar_frames)
            place = place % frames if self.canvas.closes else place
            inside = place[0] >= 0 and place[-1] < frames
            if inside and bool(kept[place].all()):
                found.append(to_stereo(self.heard.take(place, axis=1)))
        return found

    def all_kept(self) -> list[FloatArray]:
        """Return all that is kept as one piece of stereo, if anything is."""
        kept = self.kept
        return [to_stereo(self.heard[:, kept])] if kept.any() else []

    def old(self, span: FrameSpan) -> list[FloatArray]:
        """Return what lies in a span before it is made, as stereo."""
        place = np.arange(span.start, span.stop) - self.canvas.start
        return [to_stereo(self.heard.take(place, axis=1, mode="wrap"))]
