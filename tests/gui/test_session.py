"""What Return would do, what undo returns to, what becomes of a selection. No window."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PyQt6.QtWidgets import QApplication

from engine.audio import FrameSpan
from engine.errors import BadArgument
from engine.messages import Phase, Progress
from engine.request import GenerationRequest, SourceReference, Task
from gui.state.ask import Ask, Intent, Target, build_request, button_text, missing
from gui.state.batch import Batch
from gui.state.clip import Clip, LaneState, PulledEdges
from gui.state.session import Session
from tests.gui.canvas_parts import BAR, RATE, tone_clip

SPAN = FrameSpan(BAR, 2 * BAR)
SHA = "0" * 64


@pytest.fixture
def session(qapp: QApplication) -> Session:
    return Session()


def batch(job_id: str = "job", takes: int = 3, base: Clip | None = None) -> Batch:
    request = GenerationRequest(task=Task.GENERATE, seed=1, prompt="drums", variations=takes)
    return Batch.ordered(job_id, request, "drums", base)


def with_takes(session: Session, takes: int = 3, base: Clip | None = None) -> None:
    session.add_batch(batch("job", takes, base), show=True)
    for index in range(takes):
        session.finish_take("job", index, tone_clip(clip_id=f"take-{index}"))


def test_nothing_and_a_new_sound_ask_for_a_new_loop(session: Session) -> None:
    assert session.intent is Intent.NEW
    session.open(tone_clip())
    assert session.intent is Intent.NEW


def test_the_first_take_is_shown_and_return_makes_more(session: Session) -> None:
    with_takes(session)
    assert session.canvas.active == 0
    assert session.intent is Intent.NEW


def test_a_picked_take_is_varied_until_other_words_are_written(session: Session) -> None:
    with_takes(session)
    session.choose_lane(1)
    assert session.intent is Intent.VARY
    session.ask_anew()
    assert session.intent is Intent.NEW
    session.override_intent(Intent.VARY)
    session.ask_anew()
    assert session.intent is Intent.VARY, "what was chosen by hand stays"


@pytest.mark.parametrize("task", [Task.VARY, Task.CONTINUE, Task.INPAINT])
def test_after_a_graft_return_makes_nothing_new(session: Session, task: Task) -> None:
    base = tone_clip()
    session.open(base)
    source, spans = SourceReference("loop.wav", SHA), (SPAN,) if task is Task.INPAINT else ()
    bars = 2 if task is Task.CONTINUE else None
    request = GenerationRequest(task, 1, bars=bars, source=source, spans=spans)
    session.pull(PulledEdges(right_bars=2) if task is Task.CONTINUE else PulledEdges())
    session.add_batch(Batch.ordered("job", request, "graft", base), show=True)
    again = Intent.EXTEND if task is Task.CONTINUE else Intent.VARY
    assert session.intent is again, "while it is made"
    session.finish_take("job", 0, tone_clip(6 * BAR, clip_id="take"))
    assert session.intent is Intent.VARY, "the take that is shown"
    session.ask_anew()
    assert session.intent is Intent.NEW


def test_a_morph_is_morphed_again_until_another_thing_is_chosen(session: Session) -> None:
    intents: list[Intent] = []
    session.intent_changed.connect(lambda: intents.append(session.intent))
    session.override_intent(Intent.MORPH)
    request = GenerationRequest(Task.MORPH, 1, "rain", to_prompt="sea", bars=1)
    session.add_batch(Batch.ordered("job", request, "morph", None), show=True)
    session.finish_take("job", 0, tone_clip(clip_id="take"))
    assert set(intents) == {Intent.MORPH}, "the form never flickers to something else"
    session.choose_lane(0)
    assert session.intent is Intent.VARY
    session.ask_anew()
    session.override_intent(Intent.NEW)
    assert session.intent is Intent.NEW


def test_what_was_chosen_by_hand_stays_when_a_waiting_order_begins(session: Session) -> None:
    with_takes(session)
    session.override_intent(Intent.MORPH)
    session.add_batch(batch("next"), show=False)
    session.show_batch("next")
    assert session.intent is Intent.MORPH


def test_regions_and_edges_say_what_happens_and_exclude_each_other(session: Session) -> None:
    session.open(tone_clip())
    session.select((SPAN,))
    assert session.intent is Intent.INPAINT
    session.pull(PulledEdges(right_bars=2))
    assert (session.spans, session.intent) == ((), Intent.EXTEND)
    session.pull(PulledEdges(left_bars=1, right_bars=2))
    assert session.pulled == PulledEdges(left_bars=1)
    session.select((SPAN,))
    assert not session.pulled


def test_a_region_stays_selected_while_its_grafts_are_compared(session: Session) -> None:
    source = tone_clip()
    session.open(source)
    session.select((SPAN,))
    with_takes(session, base=source)
    session.choose_lane(2)
    assert session.spans == (SPAN,)
    assert session.intent is Intent.INPAINT, "again, with other words or another seed"
    session.open(tone_clip(frames=BAR, clip_id="short"))
    assert session.spans == ()


def test_undo_and_redo_go_through_every_state(session: Session) -> None:
    source = tone_clip()
    session.open(source)
    with_takes(session, base=source)
    session.choose_lane(1)
    kept = session.keep_chosen()
    assert kept is not None
    assert kept.clip_id == "take-1"
    assert session.undo() == "Keep take B"
    assert session.chosen is not None
    assert session.undo() == "drums"
    assert session.shown is source
    session.undo()
    assert session.shown is None
    assert session.undo() == ""
    for _ in range(3):
        assert session.redo()
    assert session.shown is kept
    assert session.redo() == ""


def test_what_is_measured_later_reaches_undone_states(session: Session) -> None:
    source = tone_clip(tempo_bpm=None)
    session.open(source)
    session.open(tone_clip(clip_id="other"))
    session.learn(replace(source, tempo_bpm=112.0))
    session.undo()
    assert session.shown is not None
    assert session.shown.tempo_bpm == 112.0


def test_news_of_unknown_orders_changes_nothing(session: Session) -> None:
    session.update_batch("nobody", lambda _batch: pytest.fail("there is none"))
    assert not session.finish_take("nobody", 0, tone_clip())
    assert not session.choose_lane(0)
    assert session.lane_beside(1) is None


@pytest.mark.parametrize(
    ("intent", "task"),
    [(Intent.INPAINT, Task.INPAINT), (Intent.EXTEND, Task.CONTINUE), (Intent.VARY, Task.VARY)],
)
def test_requests_carry_the_sound_and_its_grid(intent: Intent, task: Task) -> None:
    clip = tone_clip(downbeat_frame=100)
    pulled = PulledEdges(left_bars=3) if intent is Intent.EXTEND else PulledEdges()
    request = build_request(intent, Ask(prompt=" tom fill "), Target(clip, SHA, (SPAN,), pulled))
    assert request.task is task
    assert request.prompt == "tom fill"
    assert (request.bpm, request.downbeat_frame) == (120.0, 100)
    assert request.source is not None
    assert request.source.sha256 == SHA
    assert request.spans == ((SPAN,) if intent is Intent.INPAINT else ())
    assert request.context_seconds == 2 * BAR / RATE
    if intent is Intent.EXTEND:
        assert (request.bars, request.direction) == (3, "backward")


def test_a_sentence_says_what_is_missing() -> None:
    clip = tone_clip()
    assert "Say what to make" in (missing(Intent.NEW, Ask(), None, False) or "")
    assert "two prompts" in (missing(Intent.MORPH, Ask(prompt="a"), None, False) or "")
    assert "Drop a loop" in (missing(Intent.VARY, Ask(), None, False) or "")
    assert "Sweep a region" in (missing(Intent.INPAINT, Ask(), clip, False) or "")
    assert missing(Intent.INPAINT, Ask(), clip, True) is None
    with pytest.raises(BadArgument, match="Pull an edge"):
        build_request(Intent.EXTEND, Ask(), Target(clip, SHA))


@pytest.mark.parametrize("bpm", ["39", "301", "fast", "0", "-1", "nan"])
def test_a_tempo_that_is_none_is_refused_in_one_sentence(bpm: str) -> None:
    with pytest.raises(BadArgument) as caught:
        build_request(Intent.NEW, Ask(prompt="drums", bpm=bpm), None)
    assert "\n" not in caught.value.sentence


def test_the_button_says_what_it_does() -> None:
    assert button_text(Intent.NEW, Ask(takes=1), PulledEdges()) == "Make 1 take"
    assert button_text(Intent.INPAINT, Ask(), PulledEdges()) == "Graft 4 takes"
    grown = button_text(Intent.EXTEND, Ask(), PulledEdges(right_bars=2))
    assert grown == "Grow 2 bars after, 4 takes"
    grown = button_text(Intent.EXTEND, Ask(), PulledEdges(left_bars=1))
    assert grown == "Grow 1 bar before, 4 takes"


def test_progress_never_goes_back_and_lanes_fill_one_by_one() -> None:
    order, shares = batch(takes=2), list[float]()
    for take in range(2):
        for phase in (Phase.SAMPLING, Phase.DECODING, Phase.SAVING):
            for step in range(1, 5):
                order = order.progressed(told(phase, take, step))
                shares.append(order.share)
        order = order.finished(take, tone_clip())
    assert shares == sorted(shares)
    assert shares[-1] <= 1.0
    ended = order.ended(LaneState.DONE)
    assert ended.is_over
    assert all(lane.state is LaneState.DONE for lane in ended.lanes)


def test_takes_that_are_ready_outlive_a_cancelled_order() -> None:
    order = batch(takes=3).finished(0, tone_clip()).ended(LaneState.CANCELLED)
    states = [lane.state for lane in order.lanes]
    assert states == [LaneState.DONE, LaneState.CANCELLED, LaneState.CANCELLED]


def test_an_order_cancelled_without_a_take_leaves_what_was_there(session: Session) -> None:
    mine = tone_clip()
    session.open(mine)
    session.add_batch(batch("job"), show=True)
    assert session.shown is None
    session.leave_unmade("job")
    assert session.shown is mine
    session.redo()
    session.finish_take("job", 0, tone_clip(clip_id="take"))
    session.leave_unmade("job")
    assert session.chosen is not None, "what is made stays shown"


def test_the_first_order_cancelled_leaves_its_lanes(session: Session) -> None:
    session.add_batch(batch("job"), show=True)
    session.leave_unmade("job")
    assert session.canvas.batch_id == "job"


def test_the_best_join_is_named_only_where_there_is_a_choice() -> None:
    order = batch(takes=2).finished(0, tone_clip(seam_score=0.5))
    assert order.best is None
    order = order.finished(1, tone_clip(seam_score=0.2))
    assert order.best is not None
    assert order.best.letter == "B"


def told(phase: Phase, take: int, step: int) -> Progress:
    return Progress("job", take, 2, phase, step, 4)
