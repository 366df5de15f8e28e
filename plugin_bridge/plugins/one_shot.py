"""A child that does one thing with one plugin and ends: a job in, a file of its output back."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from typing import BinaryIO

import msgspec

from engine.child_process import child_environment, module_command
from plugin_bridge.plugins.scan import ScanLimits, kill_group

_HOST = "plugin_bridge.plugins.host_process"
_STDERR_TAIL_BYTES = 4 * 1024


class ChildFailed(Exception):
    """It crashed, ended or was late; how, and its last words."""


@contextmanager
def one_shot(role: str, job: msgspec.Struct, limits: ScanLimits) -> Generator[BinaryIO]:
    """Give what a child of this role writes about a job. Blocks. Raises ChildFailed."""
    with tempfile.TemporaryFile() as order, tempfile.TemporaryFile() as result:
        order.write(msgspec.json.encode(job))
        order.seek(0)
        _run(role, order, result, limits)
        result.seek(0)
        yield result


def _run(role: str, order: BinaryIO, result: BinaryIO, limits: ScanLimits) -> None:
    words = (role, "--memory", str(limits.memory_bytes), "--parent", str(os.getpid()))
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            module_command(_HOST, *words),
            stdin=order,
            stdout=result,
            stderr=errors,
            env=child_environment(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1"),
            start_new_session=sys.platform != "win32",
        )
        try:
            exit_code = process.wait(limits.seconds)
        except subprocess.TimeoutExpired:
            exit_code = None
        finally:
            kill_group(process)
            process.wait()
        if exit_code != 0:
            errors.seek(max(0, errors.seek(0, os.SEEK_END) - _STDERR_TAIL_BYTES))
            details = errors.read().decode(errors="replace")
            raise ChildFailed(f"exit code {exit_code}\n{details}")
