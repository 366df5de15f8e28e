"""Which frames are the bars: property tests on a made-up DAW, block by block, without a clock."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from engine.errors import BadArgument
from engine.tempo import Tempo, TimeSignature, loop_frames
from plugin_bridge.capture.beat_map import BeatMap
from plugin_bridge.capture.punch import (
    Cut,
    Progress,
    PunchRequest,
    Running,
    Waiting,
    last_bars,
    look,
)
from plugin_bridge.capture.stamps import Course, Stamp
from plugin_bridge.sync.jack_beats import JackBeats, Told

quick = settings(max_examples=25, deadline=None)
RATE = 44_100
TICKS = 1920
tempos = st.integers(40_000, 300_000).map(lambda thousandths: Fraction(thousandths, 1000))
blocks = st.sampled_from([64, 441, 1024, 2048])
meters = st.sampled_from([3, 4, 5, 7])


@dataclass
class Daw:
    """A JACK master, exact as fractions, and what the app makes of what it tells."""

    bpm: Fraction
    block: int = 1024
    per_bar: int = 4
    is_playing: bool = True
    frame: int = 0  # captured
    beat: Fraction = Fraction(0)
    told: list[Stamp] = field(default_factory=list[Stamp])

    def __post_init__(self) -> None:
        self.course = Course(RATE)
        self.beats = BeatMap(RATE)

    def run(self, blocks: int) -> None:
        for _ in range(blocks):
            beat, bpm = float(self.beat), float(self.bpm)
            stamp = Stamp(self.frame, beat, bpm, self.is_playing, self.per_bar, 4, "jack")
            if (news := self.course.hear(stamp)) is not None:
                self.told.append(news)
                self.beats.add([news])
            self.frame += self.block
            if self.is_playing:
                self.beat += self.block * self.bpm / (60 * RATE)

    def run_until(self, request: PunchRequest, most: int = 20_000) -> Progress:
        """Play until a recording is over."""
        progress = look(self.beats, request, self.frame)
        for _ in range(most):
            if isinstance(progress, Cut):
                return progress
            self.run(1)
            progress = look(self.beats, request, self.frame)
        raise AssertionError(f"no end in sight: {progress}")


@quick
@given(tempos, blocks, meters, st.integers(1, 4), st.integers(0, 400_000))
def test_a_punch_begins_on_the_next_bar_and_is_exactly_as_long_as_its_bars(
    bpm: Fraction, block: int, per_bar: int, bars: int, armed_at: int
) -> None:
    daw = Daw(bpm, 8 * block, per_bar)
    cut = daw.run_until(PunchRequest(bars, armed_at))
    assert isinstance(cut, Cut)
    assert cut.is_whole
    bar = per_bar * 60 * RATE / bpm
    number = -(-max(0, armed_at - 100) // bar)
    expected = {round(number * bar), round((number + 1) * bar)}
    assert min(abs(cut.start - frame) for frame in expected) <= 1
    assert cut.start >= armed_at - 0.002 * RATE - 1
    assert cut.start <= armed_at + bar + 1
    assert cut.frames == loop_frames(Tempo(bpm), bars, TimeSignature(per_bar), RATE)
    assert cut.tempo == Tempo(bpm)


def test_it_waits_while_the_music_stands_and_begins_with_it() -> None:
    daw = Daw(Fraction(120), is_playing=False)
    daw.run(20)
    assert look(daw.beats, PunchRequest(1, 5000), daw.frame) == Waiting()
    daw.is_playing = True
    begun = daw.frame
    daw.run(1)
    running = look(daw.beats, PunchRequest(1, 5000), daw.frame)
    assert isinstance(running, Running)
    assert (running.start, running.stop) == (begun, begun + 2 * RATE)
    cut = daw.run_until(PunchRequest(1, 5000))
    assert isinstance(cut, Cut)
    assert (cut.start, cut.frames, cut.is_whole) == (begun, 2 * RATE, True)


def test_how_long_until_the_bar_is_told() -> None:
    daw = Daw(Fraction(120))
    daw.run(10)
    waiting = look(daw.beats, PunchRequest(1, 10_000), daw.frame)
    assert waiting == Waiting((2 * RATE - daw.frame) / RATE)


@quick
@given(st.integers(1, 7))
def test_a_daw_that_loops_whole_bars_is_music_that_goes_on(loop_bars: int) -> None:
    """The transport jumps back to where its loop begins, exactly on the line."""
    block = 500
    daw = Daw(Fraction(60 * RATE, 40 * block), block)  # 40 blocks a beat: 160 a bar
    for _ in range(6):
        daw.run(160 * loop_bars)
        daw.beat = Fraction(0)
    cut = look(daw.beats, PunchRequest(5, 1000), daw.frame)
    assert isinstance(cut, Cut)
    assert (cut.start, cut.frames, cut.is_whole) == (160 * block, 5 * 160 * block, True)


def test_a_locate_in_the_middle_ends_it_with_what_there_is() -> None:
    daw = Daw(Fraction(120))
    daw.run(300)
    daw.beat += Fraction(13, 3)
    daw.run(50)
    cut = look(daw.beats, PunchRequest(8, 0), daw.frame)
    assert isinstance(cut, Cut)
    assert (cut.start, cut.frames, cut.is_whole) == (0, 300 * 1024, False)
    assert cut.tempo == Tempo.of(120)


def test_a_transport_that_is_only_touched_is_no_recording() -> None:
    daw = Daw(Fraction(120))
    daw.run(5)
    daw.is_playing = False
    daw.run(5)
    assert look(daw.beats, PunchRequest(1, 0), daw.frame) == Waiting()
    daw.is_playing, daw.beat = True, Fraction(0)
    daw.run(200)
    cut = look(daw.beats, PunchRequest(1, 0), daw.frame)
    assert isinstance(cut, Cut)
    assert (cut.start, cut.is_whole) == (10 * 1024, True)


@quick
@given(st.integers(50, 250), st.integers(50, 250))
def test_a_changing_tempo_is_recorded_from_bar_line_to_bar_line(first: int, second: int) -> None:
    daw = Daw(Fraction(first))
    daw.run(60)
    changed_at, beat = daw.frame, daw.beat
    daw.bpm = Fraction(second)
    cut = daw.run_until(PunchRequest(2, 0))
    assert isinstance(cut, Cut)
    end = changed_at + (8 - beat) * 60 * RATE / second
    is_over_before = end < changed_at
    if first == second or is_over_before or cut.stop <= changed_at:
        assert cut.tempo is not None
        return
    assert cut.is_whole
    assert cut.tempo is None
    assert abs(cut.stop - end) <= 1
    assert cut.bpm_range == tuple(sorted((float(first), float(second))))
    assert cut.mean_bpm == pytest.approx(8 * 60 * RATE / cut.frames)


def test_without_a_transport_it_begins_at_once() -> None:
    beats = BeatMap(RATE)
    beats.add([Stamp(0, is_break=True)])
    request = PunchRequest(2, 700, follows=False, bpm=97.0)
    frames = loop_frames(Tempo.of(97), 2, TimeSignature(), RATE)
    assert isinstance(look(beats, request, 700 + frames - 1), Running)
    cut = look(beats, request, 700 + frames)
    assert isinstance(cut, Cut)
    assert (cut.start, cut.frames, cut.is_whole) == (700, frames, True)


@pytest.mark.parametrize("follows", [True, False])
def test_what_is_cut_short_is_kept_as_far_as_it_came(follows: bool) -> None:
    daw = Daw(Fraction(120))
    daw.run(100)
    request = PunchRequest(4, 0, follows)
    assert isinstance(look(daw.beats, request, daw.frame), Running)
    cut = look(daw.beats, request, daw.frame, is_over=True)
    assert isinstance(cut, Cut)
    assert (cut.start, cut.frames, cut.is_whole) == (0, 100 * 1024, False)


def test_a_restart_of_the_input_ends_a_run() -> None:
    daw = Daw(Fraction(120))
    daw.run(100)
    daw.beats.end(daw.frame)
    daw.beats.add([structs.replace(daw.told[-1], frame=daw.frame, beat=4.0, is_break=True)])
    cut = look(daw.beats, PunchRequest(4, 0), daw.frame + 10 * RATE)
    assert isinstance(cut, Cut)
    assert (cut.frames, cut.is_whole) == (100 * 1024, False)


@quick
@given(tempos, st.integers(1, 32), st.integers(1, 3000))
def test_what_was_just_heard_ends_on_the_last_bar_line(
    bpm: Fraction, bars: int, played: int
) -> None:
    daw = Daw(bpm)
    daw.run(1)
    daw.run(played)
    bar = 4 * 60 * RATE / bpm
    there = int(daw.frame / bar)
    cut = last_bars(daw.beats, bars, daw.frame, 0)
    if there == 0:
        assert cut is None or cut.stop - daw.frame <= 1
        return
    assert cut is not None
    assert cut.bars == min(bars, there)
    assert abs(cut.stop - there * bar) <= 2
    assert cut.stop <= daw.frame
    assert cut.frames == loop_frames(Tempo(bpm), cut.bars, TimeSignature(), RATE)


def test_what_was_just_heard_stays_when_the_daw_stops_and_only_what_is_kept_counts() -> None:
    daw = Daw(Fraction(120))
    daw.run(500)
    daw.is_playing = False
    daw.run(200)
    cut = last_bars(daw.beats, 4, daw.frame, 0)
    assert cut is not None
    assert (cut.bars, cut.stop) == (4, 5 * 2 * RATE)
    cut = last_bars(daw.beats, 4, daw.frame, 3 * 2 * RATE + 5000)
    assert cut is not None
    assert (cut.bars, cut.start) == (1, 4 * 2 * RATE)
    daw.beats.forget_before(daw.frame)
    assert last_bars(daw.beats, 4, daw.frame, daw.frame) is None


def test_without_a_transport_the_last_seconds_are_taken_and_none_from_before_a_break() -> None:
    beats = BeatMap(RATE)
    beats.add([Stamp(0, is_break=True), Stamp(30 * RATE, is_break=True)])
    cut = last_bars(beats, 4, 60 * RATE, 0)
    assert cut is not None
    assert (cut.start, cut.frames, cut.tempo, cut.mean_bpm) == (52 * RATE, 8 * RATE, None, None)
    cut = last_bars(beats, 4, 33 * RATE, 0)
    assert cut is not None
    assert (cut.start, cut.frames) == (30 * RATE, 3 * RATE)


@quick
@given(tempos, st.integers(0, 10**7), st.integers(200, 2000))
def test_ticks_do_not_move_the_bar_line(bpm: Fraction, late: int, played: int) -> None:
    """What JACK tells in whole ticks is, at the end, within two frames of the exact line, if the
    blocks tell enough of it; the tape's first frame is not the song's."""
    daw, jack = Daw(bpm, 1024), JackBeats()
    song = late
    for _ in range(played):
        exact = song * bpm / (60 * RATE)
        told = Told(song, int(exact * TICKS) / TICKS, 1 / TICKS, float(bpm), RATE)
        stamp = Stamp(daw.frame, jack.hear(told).beat, float(bpm), True, 4, 4, "jack")
        if (news := daw.course.hear(stamp)) is not None:
            daw.beats.add([news])
        daw.frame += 1024
        song += 1024
    bar = 4 * 60 * RATE / bpm
    cut = look(daw.beats, PunchRequest(1, 0), daw.frame)
    if isinstance(cut, Cut):
        lines = [round(k * bar) - late for k in range(int(late / bar), int(song / bar) + 2)]
        assert min(abs(cut.start - line) for line in lines) <= 1 or cut.start == 0


@pytest.mark.parametrize("bars", [0, 33, -1])
def test_more_than_is_kept_cannot_be_recorded(bars: int) -> None:
    with pytest.raises(BadArgument, match="1 to 32"):
        PunchRequest(bars)


def test_a_tempo_that_nothing_is_made_in_is_a_sentence() -> None:
    daw = Daw(Fraction(20))
    daw.run(600)
    with pytest.raises(BadArgument, match="20 bpm is outside 40 to 300"):
        look(daw.beats, PunchRequest(1, 0), daw.frame)


def test_a_start_that_is_told_a_cycle_ahead_is_put_right() -> None:
    """As Ardour 7.3 tells it: twice the next cycle's beat, then its own."""
    daw = Daw(Fraction(120), is_playing=False)
    daw.run(10)
    daw.is_playing, daw.beat = True, 1024 * daw.bpm / (60 * RATE)
    begun = daw.frame
    daw.run(2)
    daw.beat -= 1024 * daw.bpm / (60 * RATE)
    cut = daw.run_until(PunchRequest(1, 0))
    assert isinstance(cut, Cut)
    assert (cut.start, cut.frames, cut.first_bar) == (begun, 2 * RATE, 0)


# --- stamps ---------------------------------------------------------------------------------


def test_a_steady_tempo_is_one_stamp_told_finer() -> None:
    daw = Daw(Fraction(133))
    daw.run(2000)
    assert {stamp.frame for stamp in daw.told} == {0}


def test_a_clock_of_its_own_is_stamped_anew_before_it_has_drifted() -> None:
    course, told = Course(RATE), []
    for number in range(2000):
        frame = number * 1024
        seconds = frame / RATE * (1 + 100e-6)
        stamp = Stamp(frame, seconds * 2, 120.0, True, 4, 4, "link")
        if (news := course.hear(stamp)) is not None:
            told.append(news)
    gaps = [b.frame - a.frame for a, b in itertools.pairwise(told)]
    assert max(gaps) <= 4 * RATE + 2048
    assert len(told) < 30


@pytest.mark.parametrize("change", ["stop", "jump", "tempo", "meter", "source"])
def test_what_changes_is_a_stamp_of_its_own(change: str) -> None:
    course = Course(RATE)
    first = Stamp(0, 0.0, 120.0, True, 4, 4, "jack")
    assert course.hear(first) == first
    later = structs.replace(first, frame=RATE, beat=2.0)
    assert course.hear(later) is None
    changes = {
        "stop": {"is_playing": False},
        "jump": {"beat": 3.0},
        "tempo": {"bpm": 121.0},
        "meter": {"beats_per_bar": 3},
        "source": {"source": "link"},
    }
    other = structs.replace(later, **changes[change])
    assert course.hear(other) == other
