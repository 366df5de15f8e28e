"""What is sent to an audio process, and when: slots that take time, stops, rates, dead blocks."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import pytest

from plugin_bridge.audio_blocks import SampleBlock
from plugin_bridge.audio_feed import Feed, Order
from plugin_bridge.audio_messages import (
    ChooseSlot,
    DropSlot,
    Play,
    PutSlot,
    Seek,
    SetGain,
    SetGrid,
    SetLoop,
    Status,
    Stop,
    ToAudio,
    UseKept,
)
from plugin_bridge.audio_wish import Wish
from plugin_bridge.slots import Grid
from tests.plugin_bridge.audio_scenarios import RATE, noise, noise_clip, shared_blocks

#: Of a device that plays nothing else.
OTHER_RATE = 2 * RATE


class Fed:
    """A feed with what it sent and what it ordered; `finish` makes an order ready."""

    def __init__(self) -> None:
        self.sent: list[ToAudio] = []
        self.orders: list[Order] = []
        self.wish = Wish("")
        self.feed = Feed(self, self.wish, RATE, self.orders.append)

    def send(self, message: ToAudio) -> None:
        self.sent.append(message)

    def put(self, slot_id: str) -> Order:
        self.feed.put(self.wish.place(slot_id, noise_clip(0.1), start=100, gain=1.0))
        return self.orders[-1]

    def choose(self, slot_id: str) -> None:
        self.wish.chosen = slot_id
        self.feed.move(ChooseSlot(slot_id))

    def finish(self, order: Order) -> SampleBlock:
        block = SampleBlock(noise(0.1))
        self.feed.on_prepared(order, block)
        return block

    def take(self) -> list[ToAudio]:
        """Return what was sent since the last call."""
        sent, self.sent = self.sent, []
        return sent


@pytest.fixture
def fed() -> Iterator[Fed]:
    """A feed of a process that has just opened a device at the app's rate."""
    fed = Fed()
    fed.feed.begin(RATE)
    assert fed.take() == [SetLoop(True), ChooseSlot(None), Seek(0)]
    yield fed
    fed.feed.close()
    assert shared_blocks() == set()


def status(rate: int, commands: int) -> Status:
    return Status(rate, 0, None, False, commands, (0.0, 0.0), 0, 0)


def test_nothing_is_sent_before_the_rate_is_known() -> None:
    fed = Fed()
    fed.feed.put(fed.wish.place("A", noise_clip(0.1), 0, 1.0))
    fed.choose("A")
    fed.feed.stop()
    assert fed.take() == []
    assert fed.orders == []


def test_a_choice_waits_for_its_slot_and_what_follows_waits_behind_it(fed: Fed) -> None:
    order = fed.put("A")
    fed.choose("A")
    fed.feed.move(Play(7))
    fed.feed.move(Seek(9))
    assert fed.take() == []
    assert not fed.feed.is_all_sent
    fed.finish(order)
    put, *rest = fed.take()
    assert isinstance(put, PutSlot)
    assert (put.slot_id, put.start, put.sample_rate) == ("A", 100, RATE)
    assert rest == [ChooseSlot("A"), Play(7), Seek(9)]
    assert fed.feed.is_all_sent


def test_a_stop_waits_for_nothing_and_its_place_stays(fed: Fed) -> None:
    order = fed.put("A")
    fed.choose("A")
    fed.feed.move(Play(7))
    fed.feed.move(Play(None))
    fed.feed.stop()
    assert fed.take() == [Stop()]
    fed.finish(order)
    assert fed.take()[1:] == [ChooseSlot("A"), Seek(7)]


def test_a_slot_that_is_dropped_or_fails_holds_nothing_up(fed: Fed) -> None:
    order = fed.put("A")
    fed.choose("A")
    fed.feed.drop("A")
    assert fed.take() == [DropSlot("A"), ChooseSlot("A")]
    assert fed.feed.on_not_prepared(order) is False
    order = fed.put("B")
    fed.choose("B")
    assert fed.feed.on_not_prepared(order) is True
    assert fed.take() == [ChooseSlot("B")]
    assert "B" not in fed.wish.slots


def test_only_the_newest_of_a_slot_is_sent_with_its_newest_gain(fed: Fed) -> None:
    old = fed.put("A")
    new = fed.put("A")
    fed.wish.set_gain("A", 0.25)
    fed.feed.set_gain("A", 0.25)
    fed.finish(old)
    fed.finish(new)
    gain, put = fed.take()
    assert gain == SetGain("A", 0.25)
    assert isinstance(put, PutSlot)
    assert put.gain == 0.25
    assert put.number == new.placed.number


def test_a_block_is_unlinked_when_it_was_taken(fed: Fed) -> None:
    order = fed.put("A")
    fed.finish(order)
    assert shared_blocks()
    taken = fed.feed.on_taken(order.placed.number)
    assert taken is not None
    assert taken.slot_id == "A"
    assert shared_blocks() == set()
    assert fed.feed.on_taken(order.placed.number) is None


def test_another_rate_has_everything_sent_again_in_its_frames(fed: Fed) -> None:
    first = fed.put("A")
    fed.put("B")
    fed.choose("B")
    fed.wish.is_playing, fed.wish.frame = True, 5
    fed.wish.grid = Grid(Fraction(RATE, 3), Fraction(1, 3))
    fed.wish.loop = SetLoop(True, (10, 20))
    fed.take()
    del fed.orders[:]
    fed.feed.begin(OTHER_RATE)
    assert [order.placed.slot_id for order in fed.orders] == ["B", "A"]
    assert {order.sample_rate for order in fed.orders} == {OTHER_RATE}
    grid = SetGrid.of(Grid(Fraction(OTHER_RATE, 3), Fraction(2, 3)))
    assert fed.take() == [grid, SetLoop(True, (20, 40))]
    fed.finish(first)  # made ready for the old rate: not wanted any more
    assert fed.take() == []
    fed.finish(fed.orders[0])
    put, *rest = fed.take()
    assert isinstance(put, PutSlot)
    assert put.start == 200
    assert rest == [ChooseSlot("B"), Play(10)]
    assert fed.feed.to_timeline(OTHER_RATE) == RATE


def test_a_status_from_before_the_last_command_or_rate_is_old(fed: Fed) -> None:
    assert not fed.feed.knows_all(status(RATE, 1))
    assert fed.feed.knows_all(status(RATE, 2))
    # A device of another rate is being opened: the process has no transport at this moment.
    assert not fed.feed.knows_all(status(OTHER_RATE, 2))
    fed.feed.stop()
    assert not fed.feed.knows_all(status(RATE, 2))
    assert fed.feed.knows_all(status(RATE, 3))


def test_after_the_end_nothing_is_sent_and_no_block_is_left(fed: Fed) -> None:
    fed.finish(fed.put("A"))
    late = fed.put("B")
    fed.take()
    fed.feed.close()
    assert shared_blocks() == set()
    fed.finish(late)
    fed.feed.stop()
    assert fed.take() == []


def test_another_tempo_is_made_ready_aside_and_used_at_once_for_all(fed: Fed) -> None:
    fed.wish.grid = Grid(Fraction(2 * RATE), Fraction(100))
    for slot_id in "AB":
        fed.finish(fed.put(slot_id))
    fed.take()
    fed.feed.conform(Fraction(4, 5))
    first, second = fed.orders[-2:]
    bend = first.bend
    assert bend is not None
    assert (bend.ratio, bend.frames_per_beat, bend.downbeat) == (Fraction(4, 5), RATE / 2, 100)
    fed.finish(first)
    (put,) = fed.take()
    assert isinstance(put, PutSlot)
    assert (put.is_kept_back, put.start) == (True, 80)
    assert fed.feed.on_taken(put.number) is None, "nobody waits for this receipt"
    fed.finish(second)
    put, use = fed.take()
    assert use == UseKept(SetGrid.of(Grid(Fraction(8 * RATE, 5), Fraction(80))), SetLoop(True))
    assert fed.feed.to_timeline(80) == 100
    later = fed.put("C")
    assert later.bend == bend
    fed.finish(later)


def test_a_newer_tempo_and_a_failure_leave_the_older_one_alone(fed: Fed) -> None:
    fed.wish.grid = Grid(Fraction(2 * RATE))
    fed.finish(fed.put("A"))
    fed.take()
    fed.feed.conform(Fraction(4, 5))
    older = fed.orders[-1]
    fed.feed.conform(Fraction(9, 10))
    newer = fed.orders[-1]
    fed.finish(older)
    assert fed.take() == []
    assert fed.feed.on_not_prepared(newer) is False
    assert fed.feed.ratio_of_tempo == 1


def test_a_grid_that_is_taken_away_is_told(fed: Fed) -> None:
    fed.wish.grid = Grid(Fraction(2 * RATE))
    fed.feed.send_grid()
    fed.wish.grid = None
    fed.feed.send_grid()
    set_, unset = fed.take()
    assert isinstance(set_, SetGrid)
    assert set_.grid == Grid(Fraction(2 * RATE))
    assert isinstance(unset, SetGrid)
    assert unset.grid is None
