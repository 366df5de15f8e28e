"""How one engine worker is started as a child process."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.allocator import keep_blocks
from engine.child_process import ChildPlan, ChildProcess, child_environment, module_command
from engine.messages import ToWorker, encode_message

WorkerProcess = ChildProcess[ToWorker]


@dataclass(frozen=True)
class WorkerOptions:
    """How a worker is started and how much patience there is with it.

    threads: 0 leaves one core to the DAW. faults: as `--fault` takes them; only the first worker
    gets them. log_path: where stderr is kept (None: only its last lines, for the event).
    The answer deadline is for a ping while no model loads; the stall deadline is for any
    progress of a load or a job, pings answered or not.
    """

    library: Path
    device: str = "auto"
    threads: int = 0
    maker: str = "graft"
    faults: tuple[str, ...] = ()
    log_path: Path | None = None
    heartbeat_seconds: float = 1.0
    answer_deadline_seconds: float = 10.0
    load_deadline_seconds: float = 180.0
    stall_deadline_seconds: float = 300.0
    cancel_deadline_seconds: float = 5.0
    close_deadline_seconds: float = 2.0
    backoff_seconds: float = 0.5

    @property
    def thread_count(self) -> int:
        return self.threads or max(1, (os.cpu_count() or 2) - 1)


def worker_command(options: WorkerOptions, faults: tuple[str, ...]) -> list[str]:
    """Return a worker's command line."""
    command = module_command("engine.worker", "--library", str(options.library))
    command += ["--maker", options.maker]
    command += ["--device", options.device, "--threads", str(options.thread_count)]
    return command + [f"--fault={fault}" for fault in faults]


def start_worker(
    options: WorkerOptions,
    faults: tuple[str, ...],
    on_line: Callable[[WorkerProcess, bytes | None], None],
) -> WorkerProcess:
    """Start a worker; `on_line` as ChildProcess calls it. Raises OSError."""
    plan = ChildPlan[ToWorker](
        name="worker",
        command=tuple(worker_command(options, faults)),
        encode=encode_message,
        environment=worker_environment(),
        log_path=options.log_path,
    )
    return ChildProcess(plan, on_line)


def worker_environment() -> dict[str, str]:
    """Return the environment of a worker, which keeps its freed memory."""
    environment = child_environment()
    keep_blocks(environment)
    return environment
