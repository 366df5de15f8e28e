"""The host's thread that takes blocks out of the ring, and puts back what the plugins made."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Sequence

import numpy as np

from engine.audio import FloatArray
from plugin_bridge.plugins.host_messages import EXIT_SPOILED
from plugin_bridge.plugins.plugin_ring import CAPACITY_FRAMES, PluginRing
from plugin_bridge.plugins.rack import Rack, RackSlot, Spoiled
from plugin_bridge.slots import CHANNELS

_log = logging.getLogger(__name__)

#: How often it looks for the next block while audio flows, and while none does.
LOOK_SECONDS = 0.0005
_REST_LOOK_SECONDS = 0.01
_REST_AFTER_SECONDS = 2.0
#: As PipeWire gives its clients.
_NICE = -11
#: Further behind it does not try to catch up.
_LOST_FRAMES = CAPACITY_FRAMES // 4


class RingLoop:
    """Takes `block_frames` at a time. The methods are for the main thread.

    resting: held while plugins run; whoever takes it can set them up.
    """

    def __init__(self, ring: PluginRing, block_frames: int) -> None:
        self.resting = threading.RLock()
        self._rack: Rack | None = None
        self._ring = ring
        self._block = np.zeros((CHANNELS, block_frames), np.float32)
        self._running: Rack | None = None
        self._position = 0
        self._thread = threading.Thread(target=self._run, name="plugins", daemon=True)

    @property
    def latency_frames(self) -> int:
        return 0 if self._rack is None else self._rack.latency_frames

    def use(self, slots: Sequence[RackSlot]) -> None:
        """Go on with these slots from the next block on; begin with what is sent from now on."""
        is_first = self._rack is None
        if self._rack is None or self._rack.slots != tuple(slots):
            self._rack = Rack(slots, self._set_active)
            self._ring.needed_frames = self._rack.latency_frames + self._block.shape[1]
        if is_first:  # what is sent before stays dry: nobody knows the chain yet
            self._position = self._ring.sent
            self._thread.start()

    def _run(self) -> None:
        try:
            _go_first()
            self._serve()
        except Spoiled:
            _log.exception("A plugin gives nothing but NaN")
            os._exit(EXIT_SPOILED)
        except BaseException:  # noqa: BLE001 - the top of a thread, without which there is no host
            _log.exception("The thread of the plugins failed")
            os._exit(1)

    def _serve(self) -> None:
        frames = self._block.shape[1]
        busy_at = time.monotonic()
        while True:
            waiting = self._ring.sent - self._position
            if waiting < frames:
                is_busy = time.monotonic() - busy_at < _REST_AFTER_SECONDS
                time.sleep(LOOK_SECONDS if is_busy else _REST_LOOK_SECONDS)
                continue
            busy_at = time.monotonic()
            if waiting > _LOST_FRAMES:
                self._position += waiting - frames
                self._running = None
            self._take_block(frames)

    def _take_block(self, frames: int) -> None:
        with self.resting:  # whoever holds it may have the next rack ready
            rack = self._rack
            assert rack is not None  # the thread begins with the first one
            if rack is not self._running:
                self._running = rack
                self._ring.begin(self._position, rack.latency_frames)
            self._ring.read_dry(self._position, self._block)
            wet: FloatArray = rack.process(self._block)
        self._ring.finish(self._position - rack.latency_frames, wet)
        self._position += frames

    def _set_active(self, slot: int) -> None:
        self._ring.active = slot


def _go_first() -> None:
    """Have this thread alone come before programs that can wait, where the system grants it."""
    if sys.platform == "linux":
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, _NICE)
