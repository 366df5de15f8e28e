"""The player on a virtual clock: which sample sounds at which frame, and nothing that clicks."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.audio import FloatArray
from engine.errors import BadArgument
from plugin_bridge.player import Player
from plugin_bridge.slots import (
    HIGHEST_GAIN,
    At,
    Grid,
    LoopRange,
    Slot,
    fade_frames,
    fade_in,
    match_gain,
)

RATE = 44_100
FADE = fade_frames(RATE)
#: A hard cut between levels d apart has a curvature (second difference) of d: this is -60 dBFS.
CLICK = 10 ** (-60 / 20)
#: float32 rounding of samples up to 1 in four terms of a second difference.
ROUNDING = 8 * 2.0**-24

Command = Callable[[Player], None]


def noise(frames: int, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).uniform(-1, 1, (2, frames)).astype(np.float32)


def level(value: float, frames: int = 4000) -> FloatArray:
    return np.full((2, frames), value, np.float32)


def ramp(frames: int, start: int = 0) -> FloatArray:
    """Samples that name themselves: sample k is start + k (exact in float32 below 2^24)."""
    return np.stack([np.arange(start, start + frames)] * 2).astype(np.float32)


def playing(*slots: Slot, at: int = 0) -> Player:
    """Return a player whose first slot sounds, past its first fade: the next frame is `at`."""
    player = Player(RATE)
    for slot in slots:
        player.put(slot)
    player.choose(slots[0].slot_id)
    player.play(at)
    player.render(FADE)
    return player


def curvature(samples: FloatArray) -> float:
    return float(np.abs(np.diff(samples.astype(np.float64), n=2)).max())


# --- exactness -----------------------------------------------------------------------------


def test_at_gain_1_the_output_is_the_slot_to_the_bit() -> None:
    audio = noise(5000)
    out = playing(Slot("A", audio)).render(12_000)
    assert np.array_equal(out, np.concatenate([audio] * 3, axis=1)[:, :12_000])


def test_a_start_aims_at_its_frame_and_keeps_the_attack() -> None:
    player = Player(RATE)
    player.put(Slot("A", noise(5000)))
    player.choose("A")
    player.play(1234)
    assert player.position == 1234
    lead = player.render(FADE)
    assert np.array_equal(lead, noise(5000)[:, 1234 - FADE : 1234] * fade_in(FADE))
    assert np.array_equal(player.render(100), noise(5000)[:, 1234:1334])


@given(st.floats(0, 4, width=32))
def test_the_gain_is_one_multiplication(gain: float) -> None:
    out = playing(Slot("A", noise(900), gain=gain)).render(900)
    assert np.array_equal(out, noise(900) * np.float32(gain))


def test_silence_before_the_first_start_and_after_a_stop() -> None:
    player = Player(RATE)
    player.put(Slot("A", noise(900)))
    player.choose("A")
    assert not player.render(500).any()
    player.play()
    player.render(777)
    player.stop()
    player.render(FADE)
    assert not player.render(500).any()


def test_a_stop_stays_where_it_stands_and_goes_on_from_there() -> None:
    player = playing(Slot("A", ramp(9000)))
    player.render(3000)
    player.stop()
    player.render(5000)
    assert player.position == 3000
    player.play()
    player.render(FADE)
    assert player.render(1)[0, 0] == 3000


# --- blocks --------------------------------------------------------------------------------

SLOTS = {
    "A": Slot("A", noise(3000, 1)),
    "B": Slot("B", noise(4100, 2), start=-700, gain=0.5),
    "C": Slot("C", noise(333, 3), start=40),
}
moments: st.SearchStrategy[At] = st.sampled_from(["now", "bar", "beat"])
slot_names = st.sampled_from([*SLOTS, "gone", None])
frames_near = st.integers(-900, 4500)


def _loop_command(on: bool, ends: tuple[int, int] | None) -> Command:
    chosen = None if ends is None or ends[0] == ends[1] else LoopRange(min(ends), max(ends))
    return lambda player: player.set_loop(on, chosen)


commands = st.one_of(
    st.builds(
        lambda name, at: lambda player: player.choose(name, at),
        slot_names,
        moments,
    ),
    st.builds(lambda frame: lambda player: player.play(frame), st.none() | frames_near),
    st.builds(lambda frame: lambda player: player.seek(frame), frames_near),
    st.builds(lambda frame: lambda player: player.begin(frame), frames_near),
    st.just(lambda player: player.stop()),
    st.builds(_loop_command, st.booleans(), st.none() | st.tuples(frames_near, frames_near)),
    st.builds(
        lambda name, gain: lambda player: player.set_gain(name, gain),
        st.sampled_from([*SLOTS]),
        st.sampled_from([0.0, 0.5, 1.0]),
    ),
    st.builds(lambda name: lambda player: player.put(SLOTS[name]), st.sampled_from([*SLOTS])),
    st.builds(lambda name: lambda player: player.drop(name), st.sampled_from([*SLOTS])),
    st.builds(
        lambda bar, downbeat: lambda player: player.set_grid(Grid(bar, downbeat)),
        st.fractions(200, 2000, max_denominator=7),
        st.fractions(-500, 500, max_denominator=7),
    ),
)


def fresh() -> Player:
    player = Player(RATE)
    for slot in SLOTS.values():
        player.put(slot)
    player.set_grid(Grid(Fraction(2000, 3)))
    player.choose("A")
    player.play(0)
    return player


def render_in(player: Player, frames: int, sizes: list[int]) -> FloatArray:
    """Render in blocks of these sizes, over and over."""
    blocks: list[FloatArray] = []
    left, index = frames, 0
    while left:
        size = min(left, sizes[index % len(sizes)])
        blocks.append(player.render(size))
        left, index = left - size, index + 1
    return np.concatenate(blocks, axis=1)


block_sizes = st.lists(st.sampled_from([1, 2, 31, 64, 220, 221, 222, 513, 1024, 4096]), min_size=1)


@given(
    st.lists(st.tuples(st.integers(1, 2500), commands), max_size=8),
    block_sizes,
)
def test_the_stream_does_not_depend_on_the_blocks(
    steps: list[tuple[int, Command]], sizes: list[int]
) -> None:
    whole, cut = fresh(), fresh()
    for frames, command in [*steps, (2000, lambda player: player.stop())]:
        assert np.array_equal(whole.render(frames), render_in(cut, frames, sizes))
        assert (whole.position, whole.slot_id, whole.is_playing) == (
            cut.position,
            cut.slot_id,
            cut.is_playing,
        )
        command(whole)
        command(cut)


@given(st.lists(st.tuples(st.integers(1, 2500), commands), max_size=12), st.integers(1, 4096))
def test_no_sequence_of_commands_is_louder_than_its_slots(
    steps: list[tuple[int, Command]], frames: int
) -> None:
    player = fresh()
    for wait, command in [*steps, (frames, lambda player: player.stop())]:
        out = player.render(wait)
        assert np.isfinite(out).all()
        # Equal gain: a mix of values within +-1 stays there, one rounding aside.
        assert np.abs(out).max() <= 1.0 + 2.0**-22
        command(player)


def test_any_strides_take_the_same_frames() -> None:
    planar, interleaved = fresh(), np.full((3000, 2), np.nan, np.float32)
    fresh().render_into(interleaved.T)
    assert np.array_equal(planar.render(3000), interleaved.T)


# --- switching -----------------------------------------------------------------------------


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3000), st.sampled_from("ABC"), st.sampled_from(["now", "bar", "beat"])
        ),
        max_size=10,
    ),
    st.integers(0, 5000),
)
def test_every_slot_is_in_phase_after_any_switches(
    switches: list[tuple[int, str, At]], start: int
) -> None:
    slots = [
        Slot("A", ramp(3000)),
        Slot("B", ramp(4100, 10_000), start=-700),
        Slot("C", ramp(999, 20_000), start=40),
    ]
    player = playing(*slots, at=start)
    player.set_grid(Grid(Fraction(1000)))
    place = start
    for frames, name, at in switches:
        player.render(frames)
        player.choose(name, at)
        place += frames
    player.render(5000)  # beyond the last bar line and fade
    place += 5000
    name = player.slot_id
    (slot,) = [slot for slot in slots if slot.slot_id == name]
    expected = slot.samples[:, (place - slot.start) % slot.samples.shape[1]]
    assert np.array_equal(player.render(1)[:, 0], expected)


@given(st.integers(0, 4000), block_sizes)
def test_a_switch_between_identical_audio_is_bit_identical(when: int, sizes: list[int]) -> None:
    player = playing(Slot("A", noise(3000)), Slot("B", noise(3000)))
    player.render(when)
    player.choose("B")
    switched = render_in(player, 2000, sizes)
    plain = playing(Slot("A", noise(3000)))
    plain.render(when)
    assert player.slot_id == "B"
    assert np.array_equal(switched, plain.render(2000))


@given(st.integers(0, 6000))
def test_a_switch_is_one_fade_with_no_gap_and_no_double(when: int) -> None:
    one, two = noise(3000, 1), noise(3000, 2)
    player = playing(Slot("A", one), Slot("B", two))
    player.render(when)
    player.choose("B")
    out = player.render(FADE + 500)
    index = (when + np.arange(FADE + 500)) % 3000
    a, b = one[:, index], two[:, index]
    assert np.array_equal(out[:, FADE:], b[:, FADE:])
    # Each frame of the fade is one mix whose weights add up to 1: nothing missing, nothing twice.
    mixed = a[:, :FADE] + (b - a)[:, :FADE] * fade_in(FADE)
    assert np.array_equal(out[:, :FADE], mixed)


tones = st.builds(
    lambda hertz, phase, gain: ("tone", hertz, phase, gain),
    st.floats(0, 20_000),
    st.floats(0, 2 * math.pi),
    st.floats(0, 1),
)


def tone(spec: tuple[str, float, float, float], frames: int) -> FloatArray:
    _name, hertz, phase, gain = spec
    wave = gain * np.cos(2 * np.pi * hertz * np.arange(frames) / RATE + phase)
    return np.stack([wave, -wave]).astype(np.float32)


def assert_no_click(out: FloatArray, *sources: FloatArray) -> None:
    """A click is a bend that none of the signals has: a cut of height d bends by d."""
    allowed = max(curvature(source) for source in sources)
    assert curvature(out) <= allowed + CLICK + ROUNDING


@given(tones, tones)
def test_no_switch_between_tones_clicks_above_minus_60_dbfs(
    first: tuple[str, float, float, float], second: tuple[str, float, float, float]
) -> None:
    a, b = tone(first, 8000), tone(second, 8000)
    player = playing(Slot("A", a), Slot("B", b))
    before = player.render(500)
    player.choose("B")
    out = np.concatenate([before, player.render(1000)], axis=1)
    assert_no_click(out, a, b)


@pytest.mark.parametrize("hertz", [0.0, 20.0, 55.0, 150.0, 1000.0, 9000.0])
def test_no_switch_between_opposite_signals_clicks(hertz: float) -> None:
    a = tone(("tone", hertz, 0.3, 1.0), 8000)
    player = playing(Slot("A", a), Slot("B", -a))
    before = player.render(777)
    player.choose("B")
    assert_no_click(np.concatenate([before, player.render(1000)], axis=1), a)


@pytest.mark.parametrize(
    "command",
    [
        lambda player: player.stop(),
        lambda player: player.seek(2500),
        lambda player: player.choose(None),
        lambda player: player.drop("A"),
        lambda player: player.set_gain("A", 0.0),
        lambda player: player.put(Slot("A", level(-1.0))),
    ],
)
def test_no_command_clicks_on_a_full_scale_level(command: Command) -> None:
    player = playing(Slot("A", level(1.0)))
    before = player.render(500)
    command(player)
    assert_no_click(np.concatenate([before, player.render(2000)], axis=1), level(1.0))


def test_a_start_does_not_click() -> None:
    player = Player(RATE)
    player.put(Slot("A", level(1.0)))
    player.choose("A")
    before = player.render(100)
    player.play(700)
    assert_no_click(np.concatenate([before, player.render(1000)], axis=1), level(1.0))


@given(st.lists(st.integers(1, 400), min_size=1, max_size=20))
def test_switches_faster_than_the_fade_do_not_click(waits: list[int]) -> None:
    """Each fade that is under way adds its own bend, and no more."""
    player = playing(Slot("A", level(1.0)), Slot("B", level(-1.0)))
    blocks: list[FloatArray] = []
    for index, wait in enumerate(waits):
        player.choose("BA"[index % 2])
        blocks.append(player.render(wait))
    blocks.append(player.render(600))
    assert curvature(np.concatenate(blocks, axis=1)) <= CLICK + ROUNDING


# --- bars ----------------------------------------------------------------------------------


@given(
    st.integers(0, 9000),
    st.fractions(300, 1500, max_denominator=9),
    st.fractions(-200, 200, max_denominator=9),
    block_sizes,
)
def test_a_choice_for_the_next_bar_sounds_from_its_first_frame_on(
    when: int, bar: Fraction, downbeat: Fraction, sizes: list[int]
) -> None:
    player = playing(Slot("A", level(0.25, 100_000)), Slot("B", level(0.75, 100_000)))
    player.set_grid(Grid(bar, downbeat))
    player.render(when)
    player.choose("B", "bar")
    out = render_in(player, 2500, sizes)[0]
    line = next(
        frame
        for index in range(-200, 2000)
        if (frame := math.floor(downbeat + index * bar + Fraction(1, 2))) > when
    )
    exact_from = max(line - when, FADE)
    assert (out[exact_from:] == 0.75).all()
    assert (out[: max(0, line - when - FADE)] == 0.25).all()
    assert out[exact_from - 1] != 0.75


@given(st.integers(0, 9000), st.fractions(600, 3000, max_denominator=9), st.integers(1, 7))
def test_a_choice_for_the_next_beat_comes_as_soon_as_the_beat(
    when: int, bar: Fraction, beats: int
) -> None:
    player = playing(Slot("A", level(0.25, 100_000)), Slot("B", level(0.75, 100_000)))
    player.set_grid(Grid(bar, Fraction(40), beats))
    player.render(when)
    player.choose("B", "beat")
    out = player.render(4000)[0]
    lines = (math.floor(40 + k * bar / beats + Fraction(1, 2)) for k in range(-1, 200))
    line = next(frame for frame in lines if frame > when)
    exact_from = max(line - when, FADE)
    assert (out[exact_from:] == 0.75).all()
    assert (out[: max(0, line - when - FADE)] == 0.25).all()
    assert out[exact_from - 1] != 0.75


def test_a_start_in_place_begins_with_that_very_frame() -> None:
    player = Player(RATE)
    player.put(Slot("A", ramp(3000, 5000)))
    player.choose("A")
    player.render(777)
    player.begin(6000)
    assert np.array_equal(player.render(500)[0], np.arange(5000, 5500)), "an attack stays whole"
    player.stop()
    player.render(1000)
    player.begin(1234)
    out = player.render(FADE + 500)[0]
    assert np.array_equal(
        out[:FADE], np.arange(6234, 6234 + FADE, dtype=np.float32) * fade_in(FADE)
    )
    assert np.array_equal(out[FADE:], np.arange(6234 + FADE, 6734 + FADE))


def test_the_next_bar_after_the_last_is_the_loops_first() -> None:
    player = playing(Slot("A", ramp(4000)), Slot("B", ramp(4000, 10_000)), at=3500)
    player.set_grid(Grid(Fraction(1000)))
    player.choose("B", "bar")
    out = player.render(600)[0]
    assert out[499 - FADE] == 3999 - FADE
    assert out[500] == 10_000


def test_a_newer_choice_replaces_one_that_waits() -> None:
    player = playing(Slot("A", level(0.1)), Slot("B", level(0.2)), Slot("C", level(0.3)))
    player.set_grid(Grid(Fraction(1000)))
    player.choose("B", "bar")
    player.render(100)
    assert player.slot_id == "A"
    player.choose("C", "bar")
    player.render(1000)
    assert player.slot_id == "C"
    assert (player.render(100) == np.float32(0.3)).all()


def test_a_seek_makes_the_waiting_choice() -> None:
    player = playing(Slot("A", level(0.1)), Slot("B", level(0.2)))
    player.set_grid(Grid(Fraction(1000)))
    player.choose("B", "bar")
    player.seek(10)
    assert player.slot_id == "B"


# --- loops ---------------------------------------------------------------------------------


def test_a_chosen_range_repeats_exactly_but_for_the_fade_before_its_end() -> None:
    player = playing(Slot("A", ramp(4000)), at=1000)
    player.set_loop(True, LoopRange(1000, 2000))
    player.render(FADE)
    out = player.render(2000)[0]
    first = out[: 1000 - 2 * FADE]
    assert np.array_equal(first, np.arange(1000 + FADE, 2000 - FADE))
    assert out[1000 - FADE] == 1000
    assert np.array_equal(out[1000 : 2000 - 2 * FADE], first)


@given(tones, st.integers(0, 3000), st.integers(400, 3000))
def test_the_wrap_of_a_chosen_range_does_not_click(
    spec: tuple[str, float, float, float], start: int, frames: int
) -> None:
    audio = tone((spec[0], round(spec[1] / 50) * 50, *spec[2:]), 7 * 882)  # whole periods
    player = playing(Slot("A", audio), at=start)
    player.set_loop(True, LoopRange(start, start + frames))
    endless = np.concatenate([audio, audio], axis=1)
    assert_no_click(player.render(3 * frames), endless)


def test_a_place_before_the_range_runs_into_it() -> None:
    player = playing(Slot("A", ramp(4000)), at=500)
    player.set_loop(True, LoopRange(1000, 2000))
    out = player.render(1600)[0]
    assert np.array_equal(out[FADE:1000], np.arange(500 + FADE, 1500))
    assert out[1500] == 1000


def test_a_place_behind_a_new_range_keeps_its_phase() -> None:
    player = playing(Slot("A", ramp(8000)), at=6300)
    player.set_loop(True, LoopRange(1000, 3000))
    assert player.position == 2300
    player.render(FADE)
    assert player.render(1)[0, 0] == 2300 + FADE


@pytest.mark.parametrize("span", [LoopRange(1000, 3000), LoopRange(400, 2000), LoopRange(7, 8)])
def test_a_range_that_is_hardly_inside_a_slot_means_its_whole(span: LoopRange) -> None:
    player = playing(Slot("A", ramp(500)))
    player.set_loop(True, span)
    player.render(400)
    assert player.render(200)[0].tolist() == [*range(400, 500), *range(100)]


def test_without_a_loop_it_stops_at_the_end_and_starts_again() -> None:
    player = Player(RATE)
    player.put(Slot("A", level(1.0, 3000), start=-100))
    player.choose("A")
    player.set_loop(False)
    player.play(-100)
    out = np.concatenate([player.render(FADE + 3000), player.render(500)], axis=1)
    assert not player.is_playing
    assert player.position == 2900
    assert (out[:, FADE:3000] == 1.0).all()
    assert not out[:, 3000 + FADE :].any()
    # The slot's own first frame is its attack, even out of silence; its end is faded.
    assert_no_click(out[:, FADE:], level(1.0))
    player.play()
    assert player.position == -100


def test_an_intro_lies_before_frame_0() -> None:
    player = playing(Slot("A", ramp(3000)), Slot("B", ramp(4000, 10_000), start=-1000), at=-1000)
    player.choose("B")
    assert player.position == -1000
    player.render(FADE)
    player.render(1000 - FADE)
    assert player.render(1)[0, 0] == 11_000
    player.choose("A")
    player.render(FADE)
    assert player.render(1)[0, 0] == 1 + FADE


def test_a_slot_that_comes_late_is_in_phase() -> None:
    player = Player(RATE)
    player.choose("A")
    player.play(0)
    assert not player.render(FADE + 1000).any()
    player.put(Slot("A", ramp(3000)))
    player.render(FADE)
    assert player.render(1)[0, 0] == 1000 + FADE


# --- loudness and bad values ----------------------------------------------------------------


@example(-67.0, 0.0, -6.0)
@given(st.none() | st.floats(-70, 0), st.floats(0, 4), st.floats(-40, -6))
def test_a_matched_gain_reaches_the_target_unless_the_peak_forbids(
    lufs: float | None, peak: float, target: float
) -> None:
    gain = match_gain(lufs, peak, target)
    assert peak * gain <= 0.999 * (1 + 1e-12)
    wanted = 1.0 if lufs is None else min(HIGHEST_GAIN, 10 ** ((target - lufs) / 20))
    assert gain == wanted or (gain < wanted and peak * gain == pytest.approx(0.999))


@pytest.mark.parametrize(
    ("says", "make"),
    [
        ("8000 to 384000 Hz", lambda: Player(0)),
        ("(2, frames)", lambda: Slot("A", np.zeros((1, 9), np.float32))),
        ("(2, frames)", lambda: Slot("A", np.zeros((2, 9)))),  # type: ignore[arg-type]
        ("at least 1 frame", lambda: Slot("A", np.zeros((2, 0), np.float32))),
        ("0 to 1000", lambda: Slot("A", noise(9), gain=-0.1)),
        ("0 to 1000", lambda: Slot("A", noise(9), gain=math.nan)),
        ("empty", lambda: LoopRange(5, 5)),
        ("too short", lambda: Grid(Fraction(1, 2))),
    ],
)
def test_a_value_that_cannot_be_played_is_refused(says: str, make: Callable[[], object]) -> None:
    with pytest.raises(BadArgument) as caught:
        make()
    assert says in caught.value.sentence


@given(st.integers(0, 3000), st.integers(0, 9000))
def test_what_is_heard_late_lies_before_the_loops_start_at_its_end(late: int, played: int) -> None:
    """Through plugins what is heard is behind the player: never before the loop, nor its start."""
    player = Player(RATE)
    player.put(Slot("A", noise(4000)))
    player.choose("A")
    player.begin(0)
    player.render(played)
    assert player.position_before(late) == max(0, played - late) % 4000
    assert player.position_before(0) == player.position
