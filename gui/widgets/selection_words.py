"""What is selected, in words: "Bar 4, beats 1–4". No Qt."""

from __future__ import annotations

from engine.audio import FrameSpan
from gui.state.clip import Clip, PulledEdges

#: A frame this near a beat, in beats, is on it: frames are rounded, and fingers too.
ON_THE_BEAT = 0.02


def span_words(clip: Clip, span: FrameSpan) -> str:
    """Return where a span lies: in bars and beats, or in seconds without a tempo."""
    beat = clip.beat_frames
    if beat is None:
        rate = clip.sample_rate
        return f"{span.start / rate:.2f}–{span.stop / rate:.2f} s"
    first = _rounded((span.start - clip.downbeat_frame) / beat)
    last = _rounded((span.stop - clip.downbeat_frame) / beat)
    if not (first.is_integer() and last.is_integer()):
        return _loose_words(first, last, clip.signature.beats_per_bar)
    return _whole_beats_words(int(first), int(last), clip.signature.beats_per_bar)


def selection_words(clip: Clip, spans: tuple[FrameSpan, ...], pulled: PulledEdges) -> str:
    """Return all that is selected or pulled out as one phrase; empty when nothing is."""
    parts = [span_words(clip, span) for span in spans]
    parts += [
        f"{pulled_words(clip, bars)} {where}"
        for bars, where in ((pulled.left_bars, "in front"), (pulled.right_bars, "after the end"))
        if bars
    ]
    return "; ".join(parts)


def pulled_words(clip: Clip, bars: int) -> str:
    """Return "1 bar" or "2 bars", or "4 s" without a tempo."""
    if clip.tempo_bpm is None:
        return f"{clip.bars_in_frames(bars) / clip.sample_rate:g} s"
    return f"{bars} bar" if bars == 1 else f"{bars} bars"


def _rounded(beats: float) -> float:
    nearest = round(beats)
    return float(nearest) if abs(beats - nearest) <= ON_THE_BEAT else beats


def _whole_beats_words(first: int, stop: int, per_bar: int) -> str:
    """first, stop: beats from the downbeat, the last one not included."""
    bar, beat = divmod(first, per_bar)
    last_bar, last_beat = divmod(stop - 1, per_bar)
    if bar == last_bar:
        if beat == last_beat:
            return f"Bar {bar + 1}, beat {beat + 1}"
        return f"Bar {bar + 1}, beats {beat + 1}–{last_beat + 1}"
    if beat == 0 and last_beat == per_bar - 1:
        return f"Bars {bar + 1}–{last_bar + 1}"
    return f"Bar {bar + 1}, beat {beat + 1} to bar {last_bar + 1}, beat {last_beat + 1}"


def _loose_words(first: float, stop: float, per_bar: int) -> str:
    return f"Bar {_place(first, per_bar)} to {_place(stop, per_bar)}"


def _place(beats: float, per_bar: int) -> str:
    """Return a place between the beats as bar.beat with hundredths: 4.2.50."""
    bar, beat = divmod(beats, per_bar)
    whole = int(beat)
    return f"{int(bar) + 1}.{whole + 1}.{int((beat - whole) * 100):02d}"
