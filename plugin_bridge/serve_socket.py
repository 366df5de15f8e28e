"""The address of the warm engine: a Unix socket that only its user can reach."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import struct
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from engine.atomic_file import write_problem
from engine.display_name import display_text
from engine.errors import ModelProblem

#: sun_path holds 108 bytes on Linux and 104 on macOS, with its final zero.
PATH_LIMIT_BYTES = 103


@dataclass(frozen=True)
class Address:
    """Where a server listens. Its folder is made with mode 700."""

    path: Path

    @property
    def lock_path(self) -> Path:
        return self.path.with_name(self.path.name + ".lock")

    @property
    def is_possible(self) -> bool:
        """Return whether this system has such sockets and the path fits into one."""
        return hasattr(socket, "AF_UNIX") and sys.platform != "win32" and self._fits

    @property
    def _fits(self) -> bool:
        return len(os.fsencode(self.path)) <= PATH_LIMIT_BYTES


class SocketMark(NamedTuple):
    """What tells one socket from its successor: inode numbers alone are used again."""

    inode: int
    changed_ns: int


def connect(address: Address) -> socket.socket | None:
    """Return a connection to a server of this user, None when nobody listens.

    Raises ModelProblem when the socket or the process behind it is not the user's alone.
    """
    if not _exists(address):
        return None
    check_private(address.path.parent, "folder")
    check_private(address.path, "socket")
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(os.fsencode(address.path))
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        return None
    if not peer_is_me(connection):
        connection.close()
        raise ModelProblem("The engine server belongs to another user; use --no-serve.")
    return connection


def listen(address: Address) -> socket.socket:
    """Return a listening socket with mode 600; a stale one is replaced. Hold start_lock."""
    with contextlib.suppress(FileNotFoundError):
        address.path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(os.fsencode(address.path))
    except OSError as error:
        listener.close()
        raise write_problem(address.path, error) from error
    finally:
        os.umask(before)
    listener.listen(16)
    return listener


@contextlib.contextmanager
def start_lock(address: Address) -> Generator[None]:
    """Hold the right to start a server here; waits for whoever holds it."""
    if sys.platform == "win32":
        raise ModelProblem("A warm engine is not supported on Windows yet; use --no-serve.")
    import fcntl

    try:
        address.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_private(address.path.parent, "folder")
        descriptor = os.open(address.lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise write_problem(address.lock_path, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def peer_is_me(connection: socket.socket) -> bool:
    """Return whether the process at the other end has this user's id.

    Where the system does not tell (no SO_PEERCRED), the folder's mode is what protects.
    """
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    credentials = connection.getsockopt(
        socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")
    )
    _, uid, _ = struct.unpack("3i", credentials)
    return uid == os.getuid()


def check_private(path: Path, what: str) -> None:
    """Raise ModelProblem when others could reach what lies at `path`."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    if status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o077:
        raise ModelProblem(
            f"The engine's {what} “{display_text(str(path))}” is open to other users; "
            "delete it, or use --no-serve."
        )


def mark_of(address: Address) -> SocketMark | None:
    """Return which socket lies at the address, None when there is none."""
    try:
        status = address.path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return SocketMark(status.st_ino, status.st_ctime_ns)


def unlink_own(address: Address, mark: SocketMark | None) -> None:
    """Remove the socket unless another server has replaced it."""
    if mark is not None and mark_of(address) == mark:
        address.path.unlink(missing_ok=True)


def _exists(address: Address) -> bool:
    try:
        return stat.S_ISSOCK(address.path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
