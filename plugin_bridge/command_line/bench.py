"""`loopgraft bench`: how fast this machine is, measured on the commands as a person runs them."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import psutil

from engine.child_process import child_environment, module_command
from engine.client import WorkerOptions
from engine.errors import BadArgument, ModelProblem
from engine.messages import JobFailed, Phase, Progress
from engine.models.registry import installed_models
from engine.places import DATA_VARIABLE
from engine.request import GenerationRequest, Task
from plugin_bridge.command_line.console import Console, JsonValue
from plugin_bridge.command_line.engine_choice import DEFAULT_MODEL, check_model, worker_options
from plugin_bridge.command_line.options import Options
from plugin_bridge.engine_link import OwnEngine

_COMMAND_SECONDS = 600.0
_SAMPLE_SECONDS = 0.05
_PROMPT = "punchy house drums, 120 bpm"


@dataclass(frozen=True)
class Figure:
    """One row: every value that was measured, in `unit`."""

    name: str
    unit: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def row(self) -> str:
        spread = f"{min(self.values):.2f} - {max(self.values):.2f}"
        return f"| {self.name} | {self.median:.2f} {self.unit} | {spread} | {len(self.values)} |"

    def as_json(self) -> dict[str, JsonValue]:
        return {
            "name": self.name,
            "unit": self.unit,
            "median": self.median,
            "min": min(self.values),
            "max": max(self.values),
            "values": list(self.values),
        }


@dataclass
class MemoryPeaks:
    """The largest resident size seen of each process, by its role, in bytes."""

    peaks: dict[str, int] = field(default_factory=dict[str, int])

    def look(self, role: str, pid: int | None) -> None:
        try:
            size = psutil.Process(pid).memory_info().rss if pid else 0
        except psutil.Error:
            return
        self.peaks[role] = max(size, self.peaks.get(role, 0))


def run(options: Options, console: Console) -> int:
    """Measure and print a Markdown table. Returns an exit code."""
    if not 1 <= options.runs <= 100:
        raise BadArgument(f"--runs {options.runs} is outside 1 to 100.")
    check_model(options.model or DEFAULT_MODEL)
    with tempfile.TemporaryDirectory(prefix="lg-") as folder:
        bench = Bench(Path(folder), options, console)
        try:
            figures = bench.measure()
        finally:
            bench.stop_server()
    console.line(machine_text())
    console.line()
    console.line("| what | median | min - max | runs |")
    console.line("|---|---|---|---|")
    for figure in figures:
        console.line(figure.row())
    console.result({"machine": machine_text(), "figures": [figure.as_json() for figure in figures]})
    return 0


class Bench:
    """Runs commands in a data folder of its own, so that no library or server is touched."""

    def __init__(self, folder: Path, options: Options, console: Console) -> None:
        self._folder = folder
        self._options = options
        self._console = console
        self._environment = child_environment(**{DATA_VARIABLE: str(folder / "data")})
        self._memory = MemoryPeaks()
        self._seed = 0

    def measure(self) -> list[Figure]:
        """Return every figure. Raises ModelProblem when a command fails."""
        runs = self._options.runs
        generate = ("generate", _PROMPT, "--bars", "4", "--bpm", "120")
        cold = self._times("cold", (*generate, "--no-serve"), runs)
        source = self._make(generate)["paths"][0]  # and the server is warm from here on
        warm = self._times("warm", generate, runs)
        grid = ("--bpm", "120", "--downbeat", "0", "--start-bar", "2", "--end-bar", "3")
        inpaint = self._times("inpaint", ("inpaint", source, *grid), runs)
        eight = self._times("8 variations", (*generate, "--variations", "8"), runs)
        timed = [
            Figure("engine started to its first step", "s", self._first_steps(runs)),
            Figure("text to finished 8 s loop, cold", "s", cold),
            Figure("text to finished 8 s loop, warm", "s", warm),
            Figure("inpaint 1 bar in 8 s, warm", "s", inpaint),
            Figure("8 variations of 8 s, warm", "s", eight),
        ]
        return [*timed, *self._window(), *self._plugins(), *self._codec(), *self._sizes()]

    def stop_server(self) -> None:
        self._run(("serve", "--stop", *self._device(), "--json"))

    def _times(self, name: str, words: Sequence[str], runs: int) -> tuple[float, ...]:
        times: list[float] = []
        for index in range(runs):
            self._console.progress.show(f"{name}: run {index + 1} of {runs}")
            began = time.monotonic()
            self._make(words)
            times.append(time.monotonic() - began)
        return tuple(times)

    def _first_steps(self, runs: int) -> tuple[float, ...]:
        """Return how long a new engine takes until the first step of its first job is done."""
        options = worker_options(self._options, self._options.model or DEFAULT_MODEL)
        own = replace(options, library=self._folder / "engine", log_path=None)
        times: list[float] = []
        for index in range(runs):
            self._console.progress.show(f"first step: run {index + 1} of {runs}")
            times.append(first_step_seconds(own, GenerationRequest(Task.GENERATE, index, _PROMPT)))
        return tuple(times)

    def _make(self, words: Sequence[str]) -> dict[str, Any]:
        self._seed += 1  # no run may profit from the last one's result
        out = ("--out", str(self._folder / "out"), "--seed", str(1000 * self._seed), "--json")
        done = self._run((*words, *out, *self._device()))
        if done.returncode != 0:
            sentence = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
            raise ModelProblem(f"The command to be measured failed: {sentence[0]}", done.stderr)
        return json.loads(done.stdout)

    def _device(self) -> tuple[str, ...]:
        model = ("--model", self._options.model) if self._options.model else ()
        return ("--device", self._options.device, *model)

    def _run(self, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
        command = module_command("plugin_bridge", *words)
        with (
            subprocess.Popen(
                command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            ) as process,
            self._watching(process.pid),
        ):
            out, errors = process.communicate(timeout=_COMMAND_SECONDS)
        return subprocess.CompletedProcess(command, process.returncode, out, errors)

    @contextmanager
    def _watching(self, pid: int) -> Generator[None]:
        """Look at the memory of the command, the server and the worker while a command runs."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(_SAMPLE_SECONDS):
                self._memory.look("command", pid)
                for process in _processes_of(self._folder):
                    self._memory.look(*process)

        thread = threading.Thread(target=watch, name="bench-memory")
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _window(self) -> list[Figure]:
        """Return how quick the window is; it is a program of its own."""
        return self._figures("window", "gui.bench")

    def _plugins(self) -> list[Figure]:
        """Return how plugins are scanned, heard and passed by; nothing where there are none."""
        return self._figures("plugins", "plugin_bridge.plugins.bench")

    def _figures(self, name: str, module: str) -> list[Figure]:
        """Return what a bench that is a module prints: each figure with its unit and values."""
        words = (module, "--runs", str(self._options.runs))
        found: dict[str, tuple[str, list[float]]] = self._program(name, words)
        return [Figure(name, unit, tuple(values)) for name, (unit, values) in found.items()]

    def _codec(self) -> list[Figure]:
        """Return how many times faster than real time codec and sampler are, from the model's
        own bench."""
        found: dict[str, list[float]] = self._program(
            "codec", ("engine.models.graft.bench", "--json")
        )
        return [Figure(name, "× real time", tuple(values)) for name, values in found.items()]

    def _program(self, name: str, words: Sequence[str]) -> dict[str, Any]:
        """Return what a bench of its own prints, nothing where it fails."""
        self._console.progress.show(f"{name}")
        done = subprocess.run(
            module_command(*words),
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            self._console.progress.say(f"The {name} could not be measured; it is left out.")
            return {}
        return json.loads(done.stdout)

    def _sizes(self) -> list[Figure]:
        memory = [
            Figure(f"peak memory of the {role}", "MiB", (size / 2**20,))
            for role, size in sorted(self._memory.peaks.items())
        ]
        weights = sum(card.total_bytes for card in installed_models())
        return [*memory, Figure("size of the shipped weights", "MiB", (weights / 2**20,))]


def first_step_seconds(options: WorkerOptions, request: GenerationRequest) -> float:
    """Start a worker, give it a job and return how long its first sampler step took to come.

    Raises ModelProblem when the job fails.
    """
    began = time.monotonic()
    link = OwnEngine(options)
    try:
        link.submit(request)
        while True:
            match link.events.get(timeout=_COMMAND_SECONDS):
                case Progress(phase=Phase.SAMPLING, step=step) if step > 0:
                    return time.monotonic() - began
                case JobFailed(sentence=sentence, details=details):
                    raise ModelProblem(sentence, details)
                case _:
                    pass
    finally:
        link.close()


def machine_text() -> str:
    """Return one line that says which machine this was."""
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    )


def _processor() -> str:
    # Only Linux has it, and not every container lets it be read.
    with suppress(FileNotFoundError, PermissionError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _processes_of(folder: Path) -> Iterator[tuple[str, int]]:
    """Yield role and id of the servers and workers that use this data folder."""
    for process in psutil.process_iter(["cmdline"]):
        words = cast("list[str]", process.info["cmdline"] or [])
        if not any(str(folder) in word for word in words):
            continue
        if "plugin_bridge.serve" in words:
            yield "server", process.pid
        elif "engine.worker" in words:
            yield "worker", process.pid
