"""Finding out what plugins are, each in a process of its own, denied before it is loaded.

The order that survives crashes is Ardour's: a plugin goes on the deny list, is scanned under a
limit of time and memory, and comes off the list when the scan succeeds.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import msgspec

from engine.child_process import child_environment, module_command
from engine.places import log_folder
from plugin_bridge.plugins.folders import Stamp, find_candidates, stamp_of
from plugin_bridge.plugins.plugin_index import PluginEntry, PluginIndex
from plugin_bridge.plugins.scan_messages import REPLY_LIMIT_BYTES, ScanReply

#: A scan waits for the disk and for its own start as well; more at once only wait for each other.
_WORKERS = 2
_STDERR_TAIL_BYTES = 4 * 1024
_LOG_LIMIT_BYTES = 4 << 20
_INTERRUPTED = "Loopgraft ended while this was scanned."
_HOST = "plugin_bridge.plugins.host_process"


@dataclass(frozen=True)
class ScanLimits:
    """What one plugin may take. memory_bytes: beyond what its process needs without it (Linux)."""

    seconds: float = 15.0
    memory_bytes: int = 2 << 30


@dataclass(frozen=True)
class Scanned:
    """What became of one candidate. is_new: it was loaded now, not known from before."""

    entry: PluginEntry
    is_new: bool


def scan(
    index: PluginIndex,
    places: Sequence[Path],
    limits: ScanLimits = ScanLimits(),
    *,
    again: bool = False,
) -> Generator[Scanned]:
    """Yield what each candidate in folders (or a given file) is, as it becomes known.

    What is in the index with the same age and size is not loaded, unless `again`; what has
    vanished from the places is forgotten. Raises BadInputFile and WriteProblem.
    """
    candidates = find_candidates(places)
    index.forget(_vanished(index, places, set(candidates)))
    fresh: list[Path] = []
    for path in candidates:
        known = None if again else _known(index, path)
        if known is None:
            fresh.append(path)
        else:
            yield Scanned(known, is_new=False)
    # Threads, because a child that was started by a thread dies with it, and this may be closed.
    with ThreadPoolExecutor(_WORKERS, "plugin-scan") as pool:
        try:
            running = [pool.submit(scan_file, index, path, limits) for path in fresh]
            for future in as_completed(running):
                yield Scanned(future.result(), is_new=True)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def scan_file(index: PluginIndex, path: Path, limits: ScanLimits) -> PluginEntry:
    """Load one candidate in a child and keep the verdict. Raises WriteProblem."""
    try:
        stamp = stamp_of(path)
        os.fspath(path).encode()
    except OSError as error:
        return _unread(path, f"It cannot be read: {error.strerror}.")
    except UnicodeEncodeError:
        return _unread(path, "Its name is no text; give it another.")
    entry = PluginEntry(path, stamp, denied=True, reason=_INTERRUPTED)
    index.put(entry)
    began = time.monotonic()
    with tempfile.TemporaryFile() as reply, tempfile.TemporaryFile() as errors:
        ended = _run_child(path, limits, reply, errors)
        seconds = time.monotonic() - began
        reason, said = _verdict(ended, reply, limits)
        plugins = () if reason else said.plugins
        entry = replace(entry, denied=bool(reason), reason=reason, plugins=plugins, seconds=seconds)
        _tell_log(entry, said.details, errors)
    index.put(entry)
    return entry


def _known(index: PluginIndex, path: Path) -> PluginEntry | None:
    """Return what is known of a file that has not changed since."""
    entry = index.get(path)
    try:
        return entry if entry is not None and entry.stamp == stamp_of(path) else None
    except OSError:
        return None


def _vanished(index: PluginIndex, places: Iterable[Path], found: set[Path]) -> list[Path]:
    roots = [Path(os.path.abspath(place)) for place in places]  # noqa: PTH100 - keeps links
    known = [entry.path for entry in index.entries()]
    return [
        path
        for path in known
        if path not in found and any(root == path or root in path.parents for root in roots)
    ]


def _run_child(path: Path, limits: ScanLimits, reply: BinaryIO, errors: BinaryIO) -> int | None:
    """Return the child's exit code, None when it had to be killed for its time."""
    words = ("--scan", os.fspath(path), "--memory", str(limits.memory_bytes))
    process = subprocess.Popen(
        module_command(_HOST, *words, "--parent", str(os.getpid())),
        stdin=subprocess.DEVNULL,
        stdout=reply,
        stderr=errors,
        env=child_environment(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1"),
        # A group of its own, so that what a plugin starts can be ended with it.
        start_new_session=sys.platform != "win32",
    )
    try:
        return process.wait(limits.seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        kill_group(process)
        process.wait()


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """End a child and what it started, also where the child has ended already."""
    if sys.platform == "win32":
        process.kill()
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _verdict(exit_code: int | None, reply: BinaryIO, limits: ScanLimits) -> tuple[str, ScanReply]:
    """Return why the plugin is to be denied, empty when it is not, and what its child said."""
    nothing = ScanReply()
    if exit_code is None:
        return f"It was not loaded within {limits.seconds:g} s.", nothing
    if exit_code != 0:
        return f"It {_ended(exit_code)} when it was loaded.", nothing
    reply.seek(0)
    try:
        said = msgspec.json.decode(reply.read(REPLY_LIMIT_BYTES), type=ScanReply)
    except msgspec.MsgspecError:
        return "It ended its process when it was loaded.", nothing
    return said.problem or ("" if said.plugins else "There is no plugin in it."), said


def _ended(exit_code: int) -> str:
    """Return how a child ended, in words."""
    if exit_code >= 0:
        return f"ended its process with exit code {exit_code}"
    try:
        return f"crashed ({signal.Signals(-exit_code).name})"
    except ValueError:
        return f"crashed (signal {-exit_code})"


def _unread(path: Path, reason: str) -> PluginEntry:
    """Return the verdict on what was not even tried; it is not kept."""
    return PluginEntry(path, Stamp(0, 0), denied=True, reason=reason)


def scan_log_path() -> Path:
    """Return where the log of scans is."""
    return log_folder() / "plugin_scan.log"


def _tell_log(entry: PluginEntry, details: str, errors: BinaryIO) -> None:
    """Append what happened to one plugin, with its last words; a full disk is no reason to stop."""
    errors.seek(max(0, errors.seek(0, os.SEEK_END) - _STDERR_TAIL_BYTES))
    words = [*details.splitlines(), *errors.read().decode(errors="replace").splitlines()]
    verdict = entry.reason or f"usable: {', '.join(facts.plugin_id for facts in entry.plugins)}"
    when = time.strftime("%Y-%m-%d %H:%M:%S")
    lines = [
        f"{when} {entry.path} ({entry.seconds:.2f} s): {verdict}",
        *(f"    {line}" for line in words),
    ]
    path = scan_log_path()
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > _LOG_LIMIT_BYTES:
            path.replace(path.with_name(f"{path.name}.1"))
        with path.open("a", encoding="utf-8", errors="backslashreplace") as log:
            log.write("\n".join(lines) + "\n")


def allow(index: PluginIndex, path: Path, limits: ScanLimits) -> PluginEntry:
    """Let a file out of quarantine: one that failed its scan is scanned again, under `limits`.

    Raises BadArgument for one that was never scanned.
    """
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - keeps links as they are
    entry = index.allow(absolute)
    if entry.plugins:
        return replace(entry, denied=False, reason="")
    return scan_file(index, absolute, limits)
