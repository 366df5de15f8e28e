"""`loopgraft doctor`: what this machine has, what is missing, and the command that mends it."""

from __future__ import annotations

import ctypes.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from engine.errors import AppError, ModelProblem
from engine.models.registry import installed_models, verify
from engine.places import DATA_VARIABLE, library_folder
from plugin_bridge.command_line.console import Console, shown_path
from plugin_bridge.command_line.engine_choice import server_plan, worker_options
from plugin_bridge.command_line.options import Options
from plugin_bridge.command_line.runtimes import find_runtimes
from plugin_bridge.command_line.serving import server_state
from plugin_bridge.plugins.plugin_index import PluginIndex

_PROBE_SECONDS = 30.0
_LEAST_FREE_BYTES = 10**9
_LEAST_PYTHON = (3, 11)
_REPAIR = "make run"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. needed: without it no take can be made."""

    name: str
    ok: bool
    text: str
    fix: str = ""
    needed: bool = True


def run(options: Options, console: Console) -> int:
    """Look at everything. Returns 0, or 4 when something needed is missing."""
    findings = examine(options)
    for finding in findings:
        mark = "ok  " if finding.ok else ("MISS" if finding.needed else "—   ")
        console.line(f"{mark} {finding.name:12s} {finding.text}")
        if finding.fix and not finding.ok:
            console.line(f"{'':17s} → {finding.fix}")
    healthy = all(finding.ok for finding in findings if finding.needed)
    console.line("Everything needed is there." if healthy else "Something needed is missing.")
    console.result({"ok": healthy, "findings": [asdict(finding) for finding in findings]})
    return 0 if healthy else ModelProblem.exit_code


def examine(options: Options) -> list[Finding]:
    """Return what was found, in the order it is shown."""
    looks: tuple[Callable[[], Finding], ...] = (
        _python,
        _machine,
        _torch,
        _onnx_runtime,
        _gpu,
        _portaudio,
        _plugins,
        _library,
        lambda: _server(options),
    )
    return [*(look() for look in looks), *_models(), _runtime(options)]


def _python() -> Finding:
    ok = sys.version_info[:2] >= _LEAST_PYTHON
    fix = "" if ok else "sudo apt install python3.11 python3.11-venv"
    return Finding("Python", ok, f"{platform.python_version()} on {platform.platform()}", fix)


def _machine() -> Finding:
    memory = psutil.virtual_memory()
    text = (
        f"{os.cpu_count()} cores, {memory.total / 2**30:.1f} GiB of memory, "
        f"{memory.available / 2**30:.1f} GiB free"
    )
    return Finding("Machine", True, text)


def _torch() -> Finding:
    try:
        return Finding("torch", True, version("torch"))
    except PackageNotFoundError:
        return Finding("torch", False, "not installed", _REPAIR)


def _onnx_runtime() -> Finding:
    """Ask in a child: a broken driver may crash or hang whoever loads it."""
    code = "import onnxruntime as o; print(', '.join(o.get_available_providers()))"
    ok, text = _ask([sys.executable, "-P", "-c", code])
    return Finding("ONNX Runtime", ok, text if ok else f"does not load: {text}", _REPAIR)


def _gpu() -> Finding:
    query = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    ok, text = _ask(query) if shutil.which(query[0]) else (False, "")
    shown = text if ok else "no NVIDIA GPU; the CPU is used"
    fix = "install the NVIDIA driver, if this machine has such a card"
    return Finding("GPU", ok, shown, fix, needed=False)


def _portaudio() -> Finding:
    name = ctypes.util.find_library("portaudio")
    fix = "brew install portaudio" if sys.platform == "darwin" else "sudo apt install libportaudio2"
    return Finding("PortAudio", name is not None, name or "not installed", fix, needed=False)


def _library() -> Finding:
    folder = library_folder()
    nearest = folder
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    fix = f"set {DATA_VARIABLE} to a folder on a disk with room"
    try:
        with tempfile.TemporaryFile(dir=nearest):
            free = shutil.disk_usage(nearest).free
    except OSError as error:
        return Finding("Library", False, f"{shown_path(folder)}: {error.strerror}", fix)
    text = f"{shown_path(folder)}, {free / 1e9:.1f} GB free"
    return Finding("Library", free >= _LEAST_FREE_BYTES, text, fix)


def _plugins() -> Finding:
    """Ask in a child: nothing here may load what loads plugins."""
    ok, text = _ask([sys.executable, "-P", "-c", "import pedalboard as p; print(p.__version__)"])
    if not ok:
        return Finding("Plugins", False, f"pedalboard does not load: {text}", _REPAIR, needed=False)
    try:
        with PluginIndex() as index:
            entries = index.entries()
    except AppError as error:
        return Finding("Plugins", False, error.sentence, "loopgraft plugins scan", needed=False)
    denied = sum(entry.denied for entry in entries)
    shown = f"{len(entries) - denied} files usable, {denied} in quarantine"
    text = f"pedalboard {text}; {shown if entries else 'none scanned yet'}"
    return Finding("Plugins", True, text, "loopgraft plugins scan", needed=False)


def _server(options: Options) -> Finding:
    try:
        plan = server_plan(worker_options(options))
        state = server_state(plan.address, plan.options)
    except AppError as error:
        return Finding("Engine", False, error.sentence, "loopgraft serve --stop", needed=False)
    text = "not running; started on demand" if state is None else f"runs as process {state.pid}"
    return Finding("Engine", True, text, needed=False)


def _models() -> list[Finding]:
    try:
        cards = installed_models()
    except ModelProblem as error:
        return [Finding("Models", False, error.sentence, _repair_models())]
    findings: list[Finding] = []
    for card in cards:
        faults = verify(card)
        text = (
            " ".join(faults) or f"{card.version}, {card.total_bytes / 1e6:.1f} MB, checksums agree"
        )
        findings.append(Finding(f"Model {card.id}", not faults, text, _repair_models()))
    if "graft" not in {card.id for card in cards}:
        findings.append(Finding("Model graft", False, "not installed", _repair_models()))
    return findings


def _runtime(options: Options) -> Finding:
    """Tell what the takes are made with, as far as the model could be loaded for it."""
    try:
        found = find_runtimes(options.device)
    except ModelProblem as error:
        return Finding("Runs on", False, error.sentence, "loopgraft models verify")
    text = ", ".join(f"{name}: {runtime.text}" for name, runtime in found.items())
    is_fastest = not any(runtime.note for runtime in found.values())
    return Finding("Runs on", is_fastest, text, _repair_models(), needed=False)


def _repair_models() -> str:
    root = Path(__file__).resolve().parents[2]
    return f"git -C {shown_path(root)} checkout -- resources/models"


def _ask(command: list[str]) -> tuple[bool, str]:
    """Run a program for a moment; returns whether it went well, and one line of what it said."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False, f"no answer within {_PROBE_SECONDS:g} s"
    except OSError as error:
        return False, error.strerror or "cannot be started"
    said = done.stdout if done.returncode == 0 else done.stderr
    lines = said.decode("utf-8", "replace").strip().splitlines() or [f"exit code {done.returncode}"]
    return done.returncode == 0, "; ".join(lines) if done.returncode == 0 else lines[-1]
