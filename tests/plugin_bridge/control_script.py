"""What a DAW's script is to the control port: a socket, a line out, a line back."""

from __future__ import annotations

import contextlib
import json
import socket
from pathlib import Path
from typing import Any

from tests.plugin_bridge.command_runs import PATIENCE_SECONDS, wait_for

Answer = dict[str, Any]


class Script:
    """A connection to a control port. Answers must be JSON objects with an `ok`."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE_SECONDS)
        self.socket.connect(str(path))
        self._lines = self.socket.makefile("rb")

    def ask(self, command: str, **fields: object) -> Answer:
        answer = self.send(json.dumps({"command": command, **fields}).encode())
        assert answer is not None, "the port hung up"
        return answer

    def send(self, line: bytes) -> Answer | None:
        """Send raw bytes as a line and return the answer, None where the port hung up."""
        with contextlib.suppress(OSError):  # it hung up before it had heard all
            self.socket.sendall(line + b"\n")
        return self.answer()

    def answer(self) -> Answer | None:
        try:
            line = self._lines.readline()
        except ConnectionResetError:
            return None
        if not line:
            return None
        answer = json.loads(line)
        assert isinstance(answer["ok"], bool)
        return answer

    def over(self, job: str) -> Answer:
        """Wait until a job is over, and return its last state."""
        seen: Answer = {}

        def is_over() -> bool:
            seen.update(self.ask("progress", job=job))
            return seen["state"] != "open"

        wait_for(is_over, "the end of a job")
        return seen

    def close(self) -> None:
        self._lines.close()
        self.socket.close()
