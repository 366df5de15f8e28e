"""Jobs and their queue: every order of events keeps the promises that the app relies on."""

from __future__ import annotations

import itertools
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine.jobs import (
    INTERRUPTED_SENTENCE,
    INTERRUPTIONS_LIMIT,
    MOVES,
    Change,
    IllegalMove,
    Job,
    JobQueue,
    JobState,
)
from engine.request import GenerationRequest, Task


def job(job_id: str, takes: int = 1) -> Job:
    return Job(job_id, GenerationRequest(task=Task.GENERATE, seed=1, bars=1, variations=takes))


def queue_of(*jobs: Job) -> JobQueue:
    queue = JobQueue()
    for one in jobs:
        queue = queue.submit(one).queue
    return queue


@pytest.mark.parametrize(("before", "after"), list(itertools.product(JobState, repeat=2)))
def test_only_the_moves_of_the_table_are_legal(before: JobState, after: JobState) -> None:
    at = Job("a", job("a").request, before)
    if after in MOVES[before]:
        assert at.moved(after).state is after
    else:
        with pytest.raises(IllegalMove):
            at.moved(after)


def test_final_states_are_done_failed_and_cancelled() -> None:
    assert {state for state in JobState if state.is_final} == {
        JobState.DONE,
        JobState.FAILED,
        JobState.CANCELLED,
    }


def test_jobs_start_in_the_order_of_submission() -> None:
    queue = queue_of(job("a"), job("b"))
    queue = queue.start_next().queue
    assert queue.running is not None
    assert queue.running.job_id == "a"
    with pytest.raises(IllegalMove):
        queue.start_next()


def test_a_change_leaves_the_old_queue_as_it_was() -> None:
    queue = queue_of(job("a"))
    queue.start_next()
    assert queue.running is None
    assert len(queue.waiting) == 1
    with pytest.raises(FrozenInstanceError):
        queue.running = None  # type: ignore[misc]


def test_cancelling_a_waiting_job_drops_it_at_once() -> None:
    queue, (dropped,) = queue_of(job("a"), job("b")).cancel("a")
    assert dropped.state is JobState.CANCELLED
    assert [one.job_id for one in queue.waiting] == ["b"]


def test_cancelling_the_running_job_marks_it_until_the_worker_answers() -> None:
    queue = queue_of(job("a")).start_next().queue.cancel("a").queue
    assert queue.running is not None
    assert queue.running.cancel_requested
    assert queue.cancelled("a").jobs[0].state is JobState.CANCELLED


def test_cancelling_a_job_that_is_over_changes_nothing() -> None:
    queue = queue_of(job("a"))
    assert queue.cancel("gone") == Change(queue)


def test_the_newest_replaces_those_that_wait_but_not_the_one_that_runs() -> None:
    queue = queue_of(job("a"), job("b"), job("c")).start_next().queue
    queue, dropped = queue.submit(job("d"), replace_waiting=True)
    assert [one.job_id for one in dropped] == ["b", "c"]
    assert [one.job_id for one in queue.waiting] == ["d"]
    assert queue.running is not None


def test_the_same_job_twice_is_refused() -> None:
    with pytest.raises(IllegalMove):
        queue_of(job("a")).submit(job("a"))


def test_an_interrupted_job_keeps_its_takes_and_goes_to_the_head() -> None:
    queue = queue_of(job("a", takes=3), job("b")).start_next().queue
    queue = queue.take_done("a", 0).queue.interrupted().queue
    assert [one.job_id for one in queue.waiting] == ["a", "b"]
    assert queue.start_next().jobs[0].takes_done == 1


def test_a_job_that_kills_its_worker_again_fails_with_a_sentence() -> None:
    queue = queue_of(job("a"), job("b"))
    for _ in range(INTERRUPTIONS_LIMIT):
        queue, (last,) = queue.start_next().queue.interrupted()
    assert last.state is JobState.FAILED
    assert last.sentence == INTERRUPTED_SENTENCE
    assert [one.job_id for one in queue.waiting] == ["b"]


def test_a_new_take_gives_an_interrupted_job_another_chance() -> None:
    queue = queue_of(job("a", takes=9))
    for index in range(5):
        queue = queue.start_next().queue.take_done("a", index).queue.interrupted().queue
    assert queue.waiting[0].takes_done == 5


def test_a_job_whose_takes_are_all_stored_is_done_though_its_worker_died() -> None:
    queue = queue_of(job("a")).start_next().queue.take_done("a", 0).queue
    assert queue.interrupted().jobs[0].state is JobState.DONE


def test_a_cancelled_job_does_not_come_back_after_a_death() -> None:
    queue = queue_of(job("a")).start_next().queue.cancel("a").queue
    assert queue.interrupted().jobs[0].state is JobState.CANCELLED


@pytest.mark.parametrize("take_index", [1, -1])
def test_a_take_out_of_order_is_refused(take_index: int) -> None:
    with pytest.raises(IllegalMove):
        queue_of(job("a", takes=3)).start_next().queue.take_done("a", take_index)


def test_a_job_with_missing_takes_is_not_done() -> None:
    with pytest.raises(IllegalMove):
        queue_of(job("a")).start_next().queue.done("a")


class QueueMachine(RuleBasedStateMachine):
    """Any order of orders, answers and deaths."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = JobQueue()
        self.numbers = itertools.count()
        self.submitted: dict[str, int] = {}
        self.ended: dict[str, JobState] = {}
        self.takes: dict[str, list[int]] = {}

    def apply(self, change: Change) -> None:
        self.queue = change.queue
        for one in change.jobs:
            if one.state.is_final:
                assert one.job_id not in self.ended, "a job ended twice"
                self.ended[one.job_id] = one.state

    @rule(takes=st.integers(1, 4), replace_waiting=st.booleans())
    def submit(self, takes: int, replace_waiting: bool) -> None:
        name = f"job{next(self.numbers)}"
        self.submitted[name] = takes
        self.takes[name] = []
        self.apply(self.queue.submit(job(name, takes), replace_waiting=replace_waiting))
        assert self.queue.waiting[-1].job_id == name

    @precondition(lambda self: self.queue.waiting and self.queue.running is None)
    @rule()
    def start(self) -> None:
        head = self.queue.waiting[0].job_id
        self.apply(self.queue.start_next())
        assert self.queue.running is not None
        assert self.queue.running.job_id == head

    @precondition(lambda self: self.queue.running and not self.queue.running.is_complete)
    @rule()
    def take(self) -> None:
        running = self.queue.running
        assert running is not None
        self.takes[running.job_id].append(running.takes_done)
        self.apply(self.queue.take_done(running.job_id, running.takes_done))

    @precondition(lambda self: self.queue.running and self.queue.running.is_complete)
    @rule()
    def done(self) -> None:
        assert self.queue.running is not None
        self.apply(self.queue.done(self.queue.running.job_id))

    @precondition(lambda self: self.queue.running)
    @rule(cancelled=st.booleans())
    def stop(self, cancelled: bool) -> None:
        assert self.queue.running is not None
        name = self.queue.running.job_id
        self.apply(self.queue.cancelled(name) if cancelled else self.queue.failed(name, "no"))

    @precondition(lambda self: self.submitted)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.submitted)))
        self.apply(self.queue.cancel(name))
        assert name not in [one.job_id for one in self.queue.waiting]

    @rule()
    def worker_dies(self) -> None:
        running = self.queue.running
        self.apply(self.queue.interrupted())
        assert self.queue.running is None
        if running is not None and running.job_id not in self.ended:
            assert self.queue.waiting[0].job_id == running.job_id

    @rule(state=st.sampled_from([JobState.FAILED, JobState.CANCELLED]))
    def everything_ends(self, state: JobState) -> None:
        self.apply(self.queue.all_ended(state))
        assert len(self.queue) == 0

    @invariant()
    def every_job_is_in_one_place(self) -> None:
        here = [one.job_id for one in self.queue.waiting]
        if self.queue.running is not None:
            here.append(self.queue.running.job_id)
            assert self.queue.running.state is JobState.RUNNING
        assert len(here) == len(set(here)) == len(self.queue)
        assert set(here) | set(self.ended) == set(self.submitted)
        assert not set(here) & set(self.ended)
        assert all(one.state is JobState.QUEUED for one in self.queue.waiting)

    @invariant()
    def no_take_is_made_twice_and_done_means_all(self) -> None:
        for name, indices in self.takes.items():
            assert indices == list(range(len(indices)))
            if self.ended.get(name) is JobState.DONE:
                assert len(indices) == self.submitted[name]


TestQueueMachine = QueueMachine.TestCase
TestQueueMachine.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
