"""What a recording is called and what is said of it."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

from engine.display_name import display_name
from plugin_bridge.capture.capture_supervisor import Taken
from plugin_bridge.capture.punch import Cut
from plugin_bridge.capture.recording_plan import RecordingPlan

_SOURCES = {"jack": "JACK", "link": "Link", "midi": "a MIDI clock", "internal": "our clock"}


def plan_of(taken: Taken) -> RecordingPlan:
    """Return how a cut is written."""
    cut, order = taken.what.cut, taken.order
    bpm = None if cut.tempo is None else cut.tempo.bpm
    if bpm is None and cut.mean_bpm is not None:
        bpm = Fraction(cut.mean_bpm).limit_denominator(1_000_000)
    is_loop = cut.is_whole and bpm is not None
    return RecordingPlan(
        os.fsencode(order.out),
        f"recording {taken.input}".strip(),
        cut.sample_rate,
        order.subtype,
        None if bpm is None else bpm.as_integer_ratio(),
        cut.bars * cut.signature.beats_per_bar if is_loop else 0,
        cut.signature.beats_per_bar,
        cut.signature.beat_unit,
        f"recorded, {_length_words(cut)}",
    )


def recorded_words(taken: Taken, path: Path) -> str:
    """Return the sentence that says what was recorded."""
    cut, name = taken.what.cut, display_name(path)
    if taken.lost:
        done = f" of {_bars(cut.bars)}" if cut.bpm_range is not None else ""
        words = f"{taken.lost}: the {cut.seconds:.2f} s{done} up to there are in “{name}”."
    else:
        words = f"Recorded {_length_words(cut)} as “{name}”."
    if taken.what.lost_frames:
        ms = 1000 * taken.what.lost_frames / cut.sample_rate
        words += f" The sound system lost {ms:.0f} ms of it, which are silent."
    return words


def _length_words(cut: Cut) -> str:
    if cut.bpm_range is None:
        return f"{cut.seconds:.2f} s"
    slow, fast = cut.bpm_range
    tempo = f"{float(cut.tempo) if cut.tempo else slow:g} bpm"
    if cut.has_changing_tempo:
        tempo = f"{slow:.2f} to {fast:.2f} bpm"
    told = "" if cut.source is None else f" of {_SOURCES[cut.source]}"
    return f"{_bars(cut.bars)} at {tempo}{told} ({cut.seconds:.3f} s)"


def _bars(bars: int) -> str:
    return f"{bars} bar" + ("" if bars == 1 else "s")
