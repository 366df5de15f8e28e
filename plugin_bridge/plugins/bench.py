"""How fast plugins are scanned, heard, passed by and brought back: `… bench [--runs N]`.

One JSON object on stdout: {figure: [unit, values]}; empty where there is no plugin to measure.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np

from engine.child_process import child_environment, module_command
from plugin_bridge.plugins.chain import Chain, ChainSlot
from plugin_bridge.plugins.folders import default_folders, find_candidates
from plugin_bridge.plugins.host_client import HostOptions, PluginHost
from plugin_bridge.plugins.insert import Insert
from plugin_bridge.plugins.plugin_index import PluginIndex
from plugin_bridge.plugins.scan import ScanLimits, scan_file
from plugin_bridge.slots import CHANNELS

Figures = dict[str, tuple[str, list[float]]]

_RATE = 44_100
_BLOCK_FRAMES = 512
_BLOCKS = 400
_PATIENCE_SECONDS = 30.0
#: A real compressor that many Linux machines have; elsewhere the first effect that there is.
_PREFERRED = "ZamCompX2.vst3"
_OPTIONS = HostOptions(_RATE, _BLOCK_FRAMES, crash_limit=10_000, hang_seconds=2.0)


def measure(runs: int, blocks: int = _BLOCKS) -> Figures:
    """Return every figure. Raises AppError and TimeoutError."""
    with tempfile.TemporaryDirectory(prefix="lg-") as folder, _index(Path(folder)) as index:
        path = _find(index)
        if path is None:
            return {}
        scans = [scan_file(index, path, ScanLimits()).seconds for _ in range(runs)]
        figures: Figures = {
            "scan of one plugin": ("s", scans),
            "a plugin's block of 512 frames, in process": ("ms", _in_process(path)),
        }
        return figures | _live(index, runs, blocks)


def _index(folder: Path) -> PluginIndex:
    return PluginIndex(folder / "plugins.sqlite3")


def _find(index: PluginIndex) -> Path | None:
    """Return an effect that works."""
    candidates = find_candidates(default_folders())
    for path in sorted(candidates, key=lambda path: path.name != _PREFERRED):
        entry = scan_file(index, path, ScanLimits())
        if not entry.denied and not entry.plugins[0].is_instrument:
            return path
        index.forget([path])
    return None


def _in_process(path: Path) -> list[float]:
    """Return how many ms each block takes where pedalboard is called without further ado."""
    words = ("--time", str(path), "--rate", str(_RATE), "--block", str(_BLOCK_FRAMES))
    done = subprocess.run(
        module_command("plugin_bridge.plugins.host_process", *words),
        env=child_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_PATIENCE_SECONDS,
        check=True,
    )
    return [1000 * seconds for seconds in msgspec.json.decode(done.stdout, type=list[float])]


def _live(index: PluginIndex, runs: int, blocks: int) -> Figures:
    with _streaming(index) as stream:
        through, held = stream.round_trips(blocks)
    gone, hung = (
        [_lose(index, number) for _ in range(runs)] for number in (signal.SIGKILL, signal.SIGSTOP)
    )
    return {
        "the same, through the plugin host": ("ms", through),
        "what of that the audio thread spends": ("ms", held),
        "dry after the host was killed": ("ms", [1000 * bypass for bypass, _ in gone]),
        "wet again after the host was killed": ("s", [back for _, back in gone]),
        "dry after the host hung": ("ms", [1000 * bypass for bypass, _ in hung]),
        "wet again after the host hung (it is killed after 2 s)": ("s", [b for _, b in hung]),
    }


@contextmanager
def _streaming(index: PluginIndex) -> Generator[_Stream]:
    """Stream through a host of its own: one that died before would be given up sooner."""
    (plugin,) = index.usable()
    with PluginHost(index, _OPTIONS, lambda _event: None) as host:
        host.set_chain(Chain((ChainSlot(plugin.facts.plugin_id),)))
        stream = _Stream(host)
        stream.until_wet()
        yield stream


def _lose(index: PluginIndex, signal_number: int) -> tuple[float, float]:
    with _streaming(index) as stream:
        return stream.lose(signal_number)


class _Stream:
    """Noise at a device's pace."""

    def __init__(self, host: PluginHost) -> None:
        self._host = host
        self._insert = Insert(host.ring)
        rng = np.random.default_rng(1)
        self._noise = rng.uniform(-0.5, 0.5, (CHANNELS, _BLOCK_FRAMES)).astype(np.float32)
        self._due = time.monotonic()

    def until_wet(self) -> None:
        self._until(lambda: self._insert.is_wet)

    def round_trips(self, count: int) -> tuple[list[float], list[float]]:
        """Return how many ms pass until a block is done, and how many the insert takes of them."""
        ring = self._host.ring
        taken: list[float] = []
        held: list[float] = []
        for _ in range(count):
            held.append(1000 * self._block())
            sent = time.perf_counter()
            target = ring.sent - ring.latency_frames
            while ring.done < target and time.perf_counter() - sent < _PATIENCE_SECONDS:
                time.sleep(0.00005)
            taken.append(held[-1] + 1000 * (time.perf_counter() - sent))
        return taken, held

    def lose(self, signal_number: int) -> tuple[float, float]:
        """Return how many seconds pass until it is dry, and then wet again."""
        pid = self._host.pid
        assert pid is not None  # it just was wet
        os.kill(pid, signal_number)
        began = time.monotonic()
        self._until(lambda: not self._insert.is_wet)
        bypassed = time.monotonic() - began
        self._until(lambda: self._insert.is_wet and self._host.pid != pid)
        return bypassed, time.monotonic() - began

    def _until(self, condition: Callable[[], bool]) -> None:
        began = time.monotonic()
        while not condition():
            if time.monotonic() - began > _PATIENCE_SECONDS:
                raise TimeoutError("the plugin host does not come")
            self._block()

    def _block(self) -> float:
        """Put a block through when it is due; returns how many seconds that took."""
        time.sleep(max(0.0, self._due - time.monotonic()))
        self._due = max(self._due + _BLOCK_FRAMES / _RATE, time.monotonic())
        block = self._noise.copy()
        began = time.perf_counter()
        self._insert.process(block)
        return time.perf_counter() - began


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print. Returns an exit code."""
    parser = argparse.ArgumentParser(prog="plugin_bridge.plugins.bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, metavar="N")
    options = parser.parse_args(arguments)
    sys.stdout.write(json.dumps(measure(options.runs)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
