"""The worker's inside: listen to the app on one thread, make takes on the main one."""

from __future__ import annotations

import gc
import logging
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np

from engine.atomic_file import FileExists
from engine.errors import AppError, JobCancelled, ModelProblem
from engine.faults import Faults, parse_fault
from engine.library import Library
from engine.makers import build_maker
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
    Ready,
    Shutdown,
    Submit,
    TakeDone,
    decode_to_worker,
    encode_message,
)
from engine.pipes import LineWriter, read_lines
from engine.progress import ProgressTeller
from engine.take import TakeFacts
from engine.take_maker import NativeSamples, RenderedTake, TakeMaker

_log = logging.getLogger(__name__)

#: How long a worker whose app is gone may take to end by itself.
ORPHAN_GRACE_SECONDS = 1.0

EXIT_DEVICE_LOST = 70

OUT_OF_MEMORY_SENTENCE = (
    "The memory ran out while making this take; "
    "try a shorter one or fewer takes, or close other programs."
)
UNEXPECTED_SENTENCE = "The engine met a fault of its own while making this take; please report it."
UNLOADABLE_SENTENCE = "The model could not be loaded because of a fault in it or in the engine."
NOT_FINITE_SENTENCE = (
    "The model made a take that is not sound (values that are no numbers); "
    "try another seed, fewer steps or another device."
)


@dataclass(frozen=True)
class WorkerSettings:
    """What a worker is started with. faults: as `--fault` takes them."""

    maker: str
    device: str
    threads: int
    library: Path
    faults: Sequence[str] = ()


class Cancellations:
    """The jobs that are to stop. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._job_ids: set[str] = set()
        self._running: str | None = None
        self._all = False

    def start(self, job_id: str | None) -> None:
        """Name the job that runs now; None: no job does."""
        with self._lock:
            self._job_ids.discard(self._running or "")
            self._running = job_id

    def cancel(self, job_id: str | None) -> None:
        """Stop one job; None: the one that runs."""
        with self._lock:
            if (target := job_id or self._running) is not None:
                self._job_ids.add(target)

    def cancel_all(self) -> None:
        self._all = True

    def check(self, job_id: str) -> None:
        """Raise JobCancelled when the job is to stop."""
        if self._all or job_id in self._job_ids:
            raise JobCancelled


class Postbox:
    """Sends messages to the app. Any thread; raises BrokenPipeError when the app is gone."""

    def __init__(self, writer: LineWriter) -> None:
        self._writer = writer

    def send(self, message: FromWorker) -> None:
        self._writer.write(encode_message(message))


class Listener:
    """The reader thread: answers pings and notes cancels while a job runs."""

    def __init__(self, fd: int, postbox: Postbox, cancellations: Cancellations) -> None:
        self.jobs: queue.SimpleQueue[Submit | None] = queue.SimpleQueue()
        self._fd = fd
        self._postbox = postbox
        self._cancellations = cancellations
        self._thread = threading.Thread(target=self._listen, name="listener", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def _listen(self) -> None:
        try:
            for line in read_lines(self._fd):
                self._take(line)
        except (BrokenPipeError, msgspec.MsgspecError):
            _log.exception("The app cannot be understood any more; the worker ends")
        self._end()

    def _take(self, line: bytes) -> None:
        match decode_to_worker(line):
            case Submit() as submit:
                self.jobs.put(submit)
            case Cancel(job_id=job_id):
                self._cancellations.cancel(job_id)
            case Ping(number=number):
                self._postbox.send(Pong(number))
            case Shutdown():
                self._stop_jobs()

    def _stop_jobs(self) -> None:
        self._cancellations.cancel_all()
        self.jobs.put(None)

    def _end(self) -> None:
        """Let the main thread finish, then end the process whatever it does."""
        self._stop_jobs()
        time.sleep(ORPHAN_GRACE_SECONDS)
        os._exit(1)


class JobRunner:
    """Makes and stores the takes of one job after another. Main thread only."""

    def __init__(
        self,
        maker: TakeMaker,
        library: Library,
        postbox: Postbox,
        cancellations: Cancellations,
        faults: Faults,
    ) -> None:
        self._maker = maker
        self._library = library
        self._postbox = postbox
        self._cancellations = cancellations
        self._faults = faults
        self.device_lost = False

    def run(self, submit: Submit) -> None:
        """Make the takes and tell how it ended."""
        _log.info("Job %s: begins at take %s", submit.job_id, submit.first_take)
        self._cancellations.start(submit.job_id)
        last_word = self._attempt(submit)
        if isinstance(last_word, JobFailed):
            # Only here, outside any except block: a traceback keeps its tensors alive.
            _log.warning("Job %s: %s %s", submit.job_id, last_word.sentence, last_word.details)
            _free_memory()
        self._cancellations.start(None)
        self._postbox.send(last_word)

    def _attempt(self, submit: Submit) -> FromWorker:
        job_id = submit.job_id
        try:
            self._make(submit)
        except JobCancelled:
            return JobCancelledMessage(job_id)
        except AppError as error:
            return JobFailed(job_id, error.sentence, error.details, error.exit_code)
        except Exception as error:  # noqa: BLE001 - the top of a job: the worker must outlive it
            self.device_lost = _is_device_lost(error)
            sentence = OUT_OF_MEMORY_SENTENCE if _is_out_of_memory(error) else UNEXPECTED_SENTENCE
            return JobFailed(job_id, sentence, traceback.format_exc(), ModelProblem.exit_code)
        return JobDone(job_id)

    def _make(self, submit: Submit) -> None:
        first, request = submit.first_take, submit.request
        teller = ProgressTeller(submit.job_id, request.variations, first, self._postbox.send)

        def on_progress(take_index: int, phase: Phase, step: int, steps: int) -> None:
            self._cancellations.check(submit.job_id)
            teller.tell(first + take_index, phase, step, steps)
            self._faults.at(phase)

        self._cancellations.check(submit.job_id)
        # Take i of a request uses seed + i, so the rest of its takes is a request too.
        rest = replace(request, seed=request.seed + first, variations=request.variations - first)
        made = 0
        for rendered in self._maker.make(rest, on_progress):
            on_progress(made, Phase.SAVING, 0, 1)
            self._store(submit.job_id, first + made, rendered)
            made += 1
        if made != rest.variations:
            raise ModelProblem(UNEXPECTED_SENTENCE, f"{made} takes instead of {rest.variations}")

    def _store(self, job_id: str, take_index: int, rendered: RenderedTake) -> None:
        samples = self._faults.spoil(rendered.samples)
        if samples.dtype.kind == "f" and not np.isfinite(samples).all():
            raise ModelProblem(NOT_FINITE_SENTENCE, f"take {take_index}: NaN or infinity")
        path, facts = self._add(rendered.facts, samples)
        _log.info("Job %s: take %s is %s", job_id, take_index, path)
        self._postbox.send(TakeDone(job_id, take_index, os.fsencode(path), facts))

    def _add(self, facts: TakeFacts, samples: NativeSamples) -> tuple[Path, TakeFacts]:
        """Store a take, or find it where a worker that died had stored it but not told."""
        try:
            return self._library.add(facts, samples), facts
        except FileExists:
            entry = self._library.get(facts.take_id)
            # By digest: the same order is the same take, also where its source lies elsewhere now.
            if entry is None or entry.facts.request.digest != facts.request.digest:
                raise
            return entry.path, entry.facts


def serve(settings: WorkerSettings, from_app: int, to_app: int) -> int:
    """Load the model, then run jobs until the app says stop or is gone. Returns an exit code."""
    writer = LineWriter(to_app)
    postbox = Postbox(writer)
    cancellations = Cancellations()
    listener = Listener(from_app, postbox, cancellations)
    listener.start()
    faults = Faults([parse_fault(text) for text in settings.faults], writer.write)
    loaded = _load(settings, faults)
    if isinstance(loaded, LoadFailed):
        _log.error("%s %s", loaded.sentence, loaded.details)
        postbox.send(loaded)
        return loaded.exit_code
    with loaded.library as library:
        postbox.send(loaded.ready)
        runner = JobRunner(loaded.maker, library, postbox, cancellations, faults)
        while (submit := listener.jobs.get()) is not None:
            runner.run(submit)
            if runner.device_lost:
                return EXIT_DEVICE_LOST
    return 0


@dataclass(frozen=True)
class _Loaded:
    maker: TakeMaker
    library: Library
    ready: Ready


def _load(settings: WorkerSettings, faults: Faults) -> _Loaded | LoadFailed:
    began = time.monotonic()
    try:
        faults.at(Phase.LOADING)
        library = Library(settings.library)
        maker = build_maker(settings.maker, settings.device, settings.threads)
    except AppError as error:
        return LoadFailed(error.sentence, error.details, error.exit_code)
    except Exception as error:  # noqa: BLE001 - the top of the process: the app must hear of it
        sentence = OUT_OF_MEMORY_SENTENCE if _is_out_of_memory(error) else UNLOADABLE_SENTENCE
        return LoadFailed(sentence, traceback.format_exc(), ModelProblem.exit_code)
    seconds = time.monotonic() - began
    return _Loaded(maker, library, Ready(maker.model_version, maker.device, seconds))


def _is_out_of_memory(error: Exception) -> bool:
    """Tell by name, so that a worker without torch needs none: torch.OutOfMemoryError."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"


def _is_device_lost(error: Exception) -> bool:
    """A faulted kernel spoils its process's context for good (torch.AcceleratorError)."""
    return type(error).__name__ == "AcceleratorError" or "CUDA error" in str(error)


def _free_memory() -> None:
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
