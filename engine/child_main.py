"""What a child process of ours does first: its pipes, its end with the app, its place in line.

Imports the standard library only: numpy and torch read the environment when they are imported.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def claim_pipes() -> tuple[int, int]:
    """Return private descriptors of stdin and stdout, which become nothing and stderr.

    From then on a library that prints cannot corrupt a message.
    """
    from_app, to_app = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return from_app, to_app


def end_with_the_app(parent: int = 0) -> None:
    """Die when the thread that started this process dies, hung or not; elsewhere than on Linux
    the closed pipe alone says it. parent: its process, where known: it may be gone already."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if parent and os.getppid() != parent:
            os._exit(1)


def leave_ctrl_c_to_the_app() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def step_back(steps: int) -> None:
    """Leave the processor to the DAW: come `steps` of niceness after the app."""
    if sys.platform == "win32":
        import psutil

        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
    else:
        os.nice(steps)


def go_first(niceness: int) -> None:
    """Come before programs that can wait, where the system grants it; elsewhere go on all the same.

    Threads that are started later inherit it.
    """
    if sys.platform == "win32":
        import psutil

        psutil.Process().nice(psutil.HIGH_PRIORITY_CLASS)
        return
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, niceness)
