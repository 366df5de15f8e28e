"""Listening as a JACK client of our own: to the sound card, the DAW, any program's outputs."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

import numpy as np

from plugin_bridge.capture.jack_ports import SIDES, capture_latency_frames, matching_ports
from plugin_bridge.capture.tape import Tape
from plugin_bridge.devices import JACK, DeviceProblem
from plugin_bridge.sync.jack_client import open_client

_log = logging.getLogger(__name__)

#: Frame times are 32 bits.
_WRAP_FRAMES = 2**32
_LOOK_SECONDS = 1.0


class JackInput:
    """Two input ports, connected to what a name means. One thread but for JACK's own.

    What a client plays in a cycle arrives in the same cycle, whose transport is asked within it:
    so frames and beats belong together exactly.
    """

    host_api = JACK
    sentence = ""

    def __init__(self, name: str) -> None:
        """Join and listen. Raises SyncProblem without a server, DeviceProblem without ports."""
        self._pattern = name
        self._client = open_client("loopgraft-listen")
        self.sample_rate = int(self._client.samplerate)
        self.tape = Tape(self.sample_rate)
        self._ports: list[Any] = [
            self._client.inports.register(f"in_{side + 1}") for side in range(SIDES)
        ]
        self._block = np.zeros((SIDES, int(self._client.blocksize)), np.float32)
        self._due: int | None = None
        self._gone = threading.Event()
        self._looked_at = time.monotonic()
        self._client.set_shutdown_callback(self._on_shutdown)
        self._client.set_xrun_callback(self._on_xrun)
        self._client.set_process_callback(self._take)
        try:
            names = self._matching()
            self._client.activate()
            self._connect(names)
        except BaseException:
            self._client.close(ignore_errors=True)
            raise
        self.ports = names
        self.name = name or names[0].rpartition(":")[0]
        self.latency_seconds = capture_latency_frames(self._client, names) / self.sample_rate

    def is_alive(self) -> bool:
        """Return whether the server runs; connect anew where the program had ended meanwhile."""
        if self._gone.is_set():
            return False
        if time.monotonic() - self._looked_at > _LOOK_SECONDS:
            self._looked_at = time.monotonic()
            if not any(port.connections for port in self._ports):
                self._connect_again()
        return True

    def close(self) -> None:
        """Leave the server."""
        self._client.deactivate(ignore_errors=True)
        self._client.close(ignore_errors=True)

    def _matching(self) -> tuple[str, ...]:
        outputs = self._client.get_ports(is_audio=True, is_output=True)
        own = f"{self._client.name}:"
        names = [port.name for port in outputs if not port.name.startswith(own)]
        return matching_ports(names, self._pattern)

    def _connect(self, names: tuple[str, ...]) -> None:
        for side, port in enumerate(self._ports):
            self._client.connect(names[min(side, len(names) - 1)], port)

    def _connect_again(self) -> None:
        import jack

        try:
            self._connect(self._matching())
        except (DeviceProblem, jack.JackError) as error:
            _log.info("Nothing to listen to yet: %s", error)

    def _take(self, frames: int) -> None:
        """Take a cycle. JACK's own thread: it waits for nothing."""
        now = int(self._client.last_frame_time)
        lost = 0 if self._due is None else (now - self._due) % _WRAP_FRAMES
        self._due = now + frames
        if self._block.shape[1] < frames:
            self._block = np.zeros((SIDES, frames), np.float32)
        for side, port in enumerate(self._ports):
            self._block[side, :frames] = port.get_array()
        late = self._client.frames_since_cycle_start / self.sample_rate
        self.tape.write(self._block[:, :frames], lost, late_seconds=late, is_jack=True)

    def _on_xrun(self, _delayed_usecs: float) -> None:
        self.tape.stumble()

    def _on_shutdown(self, _status: Any, reason: str) -> None:
        _log.info("JACK has ended: %s", reason)
        self._gone.set()
