"""The worker alone, spoken to over its pipes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from engine.errors import BadArgument
from engine.faults import Fault, FaultName, Faults, parse_fault
from engine.job_runner import ORPHAN_GRACE_SECONDS
from engine.messages import (
    Cancel,
    FromWorker,
    JobCancelledMessage,
    JobDone,
    JobFailed,
    LoadFailed,
    Phase,
    Ping,
    Pong,
    Progress,
    Ready,
    Shutdown,
    Submit,
    TakeDone,
    ToWorker,
    decode_from_worker,
    encode_message,
)
from engine.pipes import LINE_LIMIT_BYTES
from engine.progress import ProgressTeller, TimeLeft
from engine.request import GenerationRequest, Task
from engine.worker import NICE
from engine.worker_process import (
    WorkerOptions,
    start_worker,
    worker_command,
    worker_environment,
)
from tests.engine.fake_maker import MAKER_SPEC, QUICK_STEPS

ROOT = Path(__file__).resolve().parents[2]


def request(prompt: str = "", takes: int = 1, seed: int = 1, steps: int | None = None):
    return GenerationRequest(
        task=Task.GENERATE, seed=seed, prompt=prompt, bars=1, variations=takes, steps=steps
    )


class Talk:
    """A worker and both ends of its pipes, blocking."""

    def __init__(self, library: Path, maker: str = MAKER_SPEC, faults: tuple[str, ...] = ()):
        options = WorkerOptions(library, threads=1, maker=maker)
        self.process = subprocess.Popen(
            worker_command(options, faults),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=worker_environment(),
        )

    def send(self, *messages: ToWorker) -> None:
        assert self.process.stdin is not None
        for message in messages:
            self.process.stdin.write(encode_message(message))
        self.process.stdin.flush()

    def read(self) -> FromWorker:
        assert self.process.stdout is not None
        return decode_from_worker(self.process.stdout.readline())

    def read_until(self, *kinds: type[FromWorker]) -> list[FromWorker]:
        messages = [self.read()]
        while not isinstance(messages[-1], kinds):
            messages.append(self.read())
        return messages

    def run(self, job: GenerationRequest, first_take: int = 0) -> list[FromWorker]:
        self.send(Submit("j", job, first_take))
        return self.read_until(JobDone, JobFailed, JobCancelledMessage)

    def close(self) -> tuple[int, str]:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.stdin = None
        _, err = self.process.communicate(timeout=20)
        return self.process.returncode, err.decode()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Talk]]:
    talks: list[Talk] = []

    def begin(*args: object, **kwargs: object) -> Talk:
        talks.append(Talk(tmp_path / "library", *args, **kwargs))  # type: ignore[arg-type]
        return talks[-1]

    yield begin
    for talk in talks:
        talk.process.kill()
        talk.process.communicate()


@pytest.fixture
def ready(start: Callable[..., Talk]) -> Talk:
    talk = start()
    assert isinstance(talk.read(), Ready)
    return talk


def test_a_job_ends_in_takes_on_the_disk(ready: Talk) -> None:
    messages = ready.run(request(takes=2))
    takes = [message for message in messages if isinstance(message, TakeDone)]
    assert [take.take_index for take in takes] == [0, 1]
    assert all(take.path.is_file() for take in takes)
    assert isinstance(messages[-1], JobDone)


def test_a_job_goes_on_from_its_first_missing_take_with_the_same_seeds(ready: Talk) -> None:
    messages = ready.run(request(takes=4, seed=10), first_take=2)
    takes = [message for message in messages if isinstance(message, TakeDone)]
    assert [(take.take_index, take.facts.request.seed) for take in takes] == [(2, 12), (3, 13)]
    told = [message for message in messages if isinstance(message, Progress)]
    assert {message.take_index for message in told} == {2, 3}
    assert {message.takes for message in told} == {4}


def test_a_take_that_is_stored_already_is_told_and_not_stored_again(ready: Talk) -> None:
    first, second = (
        next(message for message in ready.run(request("named")) if isinstance(message, TakeDone))
        for _ in range(2)
    )
    assert first == second


def test_what_a_library_prints_never_enters_the_protocol(ready: Talk) -> None:
    messages = ready.run(request("noisy"))
    assert isinstance(messages[-1], JobDone)
    assert messages[-1].job_id == "j"
    ready.send(Shutdown())
    _, err = ready.close()
    assert "a library that prints" in err
    assert "forged" in err


def test_every_phase_tells_its_first_and_its_last_step(ready: Talk) -> None:
    told = [m for m in ready.run(request("slow:sampling", steps=100)) if isinstance(m, Progress)]
    for phase in (Phase.READING, Phase.SAMPLING, Phase.DECODING):
        steps = [message.step for message in told if message.phase is phase]
        assert steps[0] == 1
        assert steps[-1] == 100
    assert Phase.SAVING in {message.phase for message in told}


def test_progress_is_told_at_most_60_times_a_second(ready: Talk) -> None:
    began = time.monotonic()
    messages = ready.run(request("slow:sampling", steps=200))
    seconds = time.monotonic() - began
    told = [m for m in messages if isinstance(m, Progress) and m.phase is Phase.SAMPLING]
    # First and last are free of the limit.
    assert len(told) <= 60 * seconds + 2
    assert told[-1].seconds_left is not None


def test_pings_are_answered_while_a_job_samples(ready: Talk) -> None:
    ready.send(Submit("j", request("slow:sampling")))
    ready.read_until(Progress)
    began = time.monotonic()
    ready.send(Ping(7))
    assert ready.read_until(Pong, JobDone)[-1] == Pong(7)
    assert time.monotonic() - began < 1.0


def test_pings_are_answered_while_the_model_loads(start: Callable[..., Talk]) -> None:
    talk = start("tests.engine.fake_maker:build_slowly")
    talk.send(Ping(1))
    assert talk.read() == Pong(1)
    assert isinstance(talk.read(), Ready)


def test_a_cancel_for_another_job_is_not_taken_for_this_one(ready: Talk) -> None:
    ready.send(Cancel("other"), Cancel(None))
    assert isinstance(ready.run(request())[-1], JobDone)


def test_a_cancel_without_a_name_stops_what_runs(ready: Talk) -> None:
    ready.send(Submit("j", request("slow:sampling")))
    ready.read_until(Progress)
    ready.send(Cancel())
    assert ready.read_until(JobCancelledMessage, JobDone)[-1] == JobCancelledMessage("j")


def test_the_worker_is_nice_to_the_daw(ready: Talk) -> None:
    assert psutil.Process(ready.process.pid).nice() == min(19, psutil.Process().nice() + NICE)


@pytest.mark.parametrize("prompt", [None, "slow:sampling"])
def test_the_worker_ends_when_the_app_is_gone(ready: Talk, prompt: str | None) -> None:
    if prompt is not None:
        ready.send(Submit("j", request(prompt)))
        ready.read_until(Progress)
    began = time.monotonic()
    ready.close()
    assert time.monotonic() - began < 2.0


def test_a_stuck_worker_ends_too_when_the_app_is_gone(start: Callable[..., Talk]) -> None:
    talk = start(faults=("stall@reading",))
    talk.send(Submit("j", request()))
    talk.read_until(Progress)
    began = time.monotonic()
    talk.close()
    assert ORPHAN_GRACE_SECONDS <= time.monotonic() - began < 2.0


def test_garbage_from_the_app_ends_the_worker(ready: Talk) -> None:
    assert ready.process.stdin is not None
    ready.process.stdin.write(b"hello\n")
    ready.process.stdin.flush()
    assert ready.process.wait(5) is not None


def test_a_model_that_cannot_load_says_so_and_ends(start: Callable[..., Talk]) -> None:
    talk = start("tests.engine.fake_maker:build_missing")
    message = talk.read()
    assert isinstance(message, LoadFailed)
    assert message.sentence == "The model file is missing; install it again."
    assert talk.process.wait(5) == 4


def test_an_unknown_model_is_named(start: Callable[..., Talk]) -> None:
    message = start("nonesuch").read()
    assert isinstance(message, LoadFailed)
    assert "nonesuch" in message.sentence


@pytest.mark.parametrize(
    ("prompt", "details"), [("error", "a defect of the model"), ("short", "1 takes instead of 2")]
)
def test_a_defect_of_the_maker_fails_the_job_and_not_the_worker(
    ready: Talk, prompt: str, details: str
) -> None:
    failed = ready.run(request(prompt, takes=2))[-1]
    assert isinstance(failed, JobFailed)
    assert details in failed.details
    assert "Traceback" not in failed.sentence
    assert isinstance(ready.run(request())[-1], JobDone)


def test_an_endless_line_is_given_up(tmp_path: Path) -> None:
    lines: list[bytes | None] = []
    options = WorkerOptions(tmp_path, maker=MAKER_SPEC)
    worker = start_worker(options, (), lambda _worker, line: lines.append(line))
    try:
        # A line this long stops the worker's reading: garbage, so it ends.
        worker.send(Submit("x" * (LINE_LIMIT_BYTES + 100_000), request()))
        deadline = time.monotonic() + 10
        while not worker.flush() and time.monotonic() < deadline:
            time.sleep(0.01)
    finally:
        assert worker.end(10) is not None
        assert any("cannot be understood" in line for line in worker.stderr_tail())


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("crash", Fault(FaultName.CRASH)),
        ("crash@3", Fault(FaultName.CRASH, Phase.SAMPLING, 3)),
        ("oom@decoding", Fault(FaultName.OOM, Phase.DECODING, 1)),
        ("die-mid-write@saving:2", Fault(FaultName.DIE_MID_WRITE, Phase.SAVING, 2)),
    ],
)
def test_faults_are_read(text: str, fault: Fault) -> None:
    assert parse_fault(text) == fault


@pytest.mark.parametrize(
    "text", ["", "sulk", "crash@", "crash@lunch", "crash@sampling:0", "oom@x:y"]
)
def test_what_is_no_fault_is_refused(text: str) -> None:
    if text == "crash@":
        assert parse_fault(text) == Fault(FaultName.CRASH)
        return
    with pytest.raises(BadArgument):
        parse_fault(text)


def test_a_spoiled_take_is_not_finite_once() -> None:
    faults = Faults([Fault(FaultName.NAN)], lambda _line: None)
    samples = np.zeros((2, 8), dtype=np.int32)
    assert faults.spoil(samples) is samples
    faults.at(Phase.SAMPLING)
    assert not np.isfinite(faults.spoil(samples)).any()
    assert faults.spoil(samples) is samples


def test_time_left_falls_with_a_steady_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    left = TimeLeft(takes_left=3)
    seen: list[float | None] = []
    for take in range(3):
        for step in range(1, 11):
            now += 1.0
            seen.append(left.update(take, Phase.SAMPLING, step, 10))
    assert seen[0] is None
    # 1 s a step: each take is 10 steps, and its first step is where its time starts.
    assert seen[1] == pytest.approx(8 + 2 * 9)
    assert seen[18] == pytest.approx(1 + 10)
    assert seen[-1] == pytest.approx(0)


def test_the_teller_keeps_the_promise_without_a_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 5.0)
    told: list[Progress] = []
    teller = ProgressTeller("j", 2, 0, told.append)
    for step in range(1, QUICK_STEPS + 1):
        teller.tell(0, Phase.SAMPLING, step, QUICK_STEPS)
    assert [message.step for message in told] == [1, QUICK_STEPS]


def test_a_worker_without_torch_imports_none() -> None:
    code = (
        "import sys, engine.client, engine.worker, engine.worker_process;"
        "sys.exit(any(name in sys.modules for name in ('torch', 'onnxruntime', 'PyQt6')))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
