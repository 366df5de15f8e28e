"""Audio at another tempo and the same pitch, exact on every beat. Pure, but for who stretches.

Rubber Band's length is exact, but what lies within is on another course: at 0.9 times the length,
8 s on, 15 ms early (measured; the same for any content). So that course is measured once for each
ratio, and each beat taken from where it is and laid where it belongs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from engine.audio import FloatArray
from engine.errors import BadArgument
from plugin_bridge.slots import fade_frames, fade_in

#: How much longer audio may become, or shorter.
BEND_RANGE = (Fraction(1, 3), Fraction(3))
#: Of the loop's other end, before and after it, so that the stretcher is settled within it.
_AROUND_SECONDS = 0.5
_BURSTS, _BURSTS_APART_SECONDS = 10, 0.43
#: Takes (2, frames), a rate and how much longer; returns about that many frames.
Stretcher = Callable[[FloatArray, int, float], FloatArray]


@dataclass(frozen=True)
class Bend:
    """How audio is to be stretched. ratio: frames afterwards per frame now. frames_per_beat: now;
    beats are at downbeat + k x frames_per_beat."""

    ratio: Fraction
    frames_per_beat: Fraction
    downbeat: Fraction = Fraction(0)

    def __post_init__(self) -> None:
        low, high = BEND_RANGE
        if not low <= self.ratio <= high:
            raise BadArgument(
                f"Audio cannot become {float(self.ratio):g} times as long; "
                f"give a tempo that is {float(low):.2g} to {float(high):g} times its own."
            )
        if self.frames_per_beat < 1:
            raise BadArgument("A beat of less than 1 frame cannot be stretched.")

    def place(self, frame: Fraction | int) -> int:
        """Return where a frame lies afterwards."""
        return math.floor(frame * self.ratio + Fraction(1, 2))


@dataclass(frozen=True)
class Course:
    """Where a stretcher really puts frame x: at x * slope + offset."""

    slope: float
    offset: float

    def place(self, frame: float) -> int:
        return round(frame * self.slope + self.offset)


def course_of(stretch: Stretcher, sample_rate: int, ratio: Fraction) -> Course:
    """Return the course of a stretcher at a ratio, measured on bursts of noise."""
    burst_frames = round(0.03 * sample_rate)
    rng = np.random.default_rng(1)
    decay = np.exp(-np.arange(burst_frames) / (burst_frames / 5))
    burst = (rng.standard_normal(burst_frames) * decay / 4).astype(np.float32)
    places = [round(k * _BURSTS_APART_SECONDS * sample_rate) for k in range(1, _BURSTS + 1)]
    samples = np.zeros((2, places[-1] + places[0]), np.float32)
    for place in places:
        samples[:, place : place + burst_frames] += burst
    longer = stretch(samples, sample_rate, float(ratio))
    found = [_find(longer[0], burst, round(place * float(ratio))) for place in places]
    slope, offset = np.polyfit(places, found, 1)
    return Course(float(slope), float(offset))


def bend(
    samples: FloatArray, sample_rate: int, how: Bend, stretch: Stretcher, course: Course
) -> FloatArray:
    """Return float32 (2, round(frames x ratio)): every beat begins where it should. The audio is
    taken for a loop: its end leads into its start."""
    frames = samples.shape[1]
    around = round(_AROUND_SECONDS * sample_rate)
    source = np.arange(-around, frames + around) % frames
    longer = stretch(np.ascontiguousarray(samples[:, source]), sample_rate, float(how.ratio))
    out = np.zeros((samples.shape[0], how.place(frames)), np.float32)
    fade = fade_frames(sample_rate)
    pieces = [
        (longer[:, course.place(start + around) - fade :], how.place(start), how.place(stop))
        for start, stop in _beats(frames, how)
    ]
    for piece, start, stop in pieces:
        out[:, start:stop] = piece[:, fade : fade + stop - start]
    for piece, start, _stop in pieces:  # only now: the first comes in over the end of the last
        lead = np.arange(start - fade, start) % out.shape[1]
        out[:, lead] += (piece[:, :fade] - out[:, lead]) * fade_in(fade)
    return out


def _find(samples: FloatArray, burst: FloatArray, near: int) -> int:
    """Return where a burst is most likely, within a burst of where it should be."""
    first = max(0, near - burst.size)
    return first + int(np.argmax(np.correlate(samples[first : near + 2 * burst.size], burst)))


def _beats(frames: int, how: Bend) -> list[tuple[int, int]]:
    """Return the spans of the beats, the first and last cut at the ends of the audio."""
    index = math.ceil(-how.downbeat / how.frames_per_beat)
    lines = [0]
    while (line := round(how.downbeat + index * how.frames_per_beat)) < frames:
        if line > lines[-1]:
            lines.append(line)
        index += 1
    return list(zip(lines, [*lines[1:], frames], strict=True))
