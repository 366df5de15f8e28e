"""Keeps one output open: opens it, sees it vanish, waits for it, and keeps time meanwhile."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Protocol

from engine.errors import AppError
from plugin_bridge.audio_deck import Deck, SilentClock
from plugin_bridge.audio_faults import GONE_SECONDS
from plugin_bridge.audio_messages import EXIT_STUCK, DeviceGone, DeviceOpened
from plugin_bridge.devices import OutputDevice, find_output

_log = logging.getLogger(__name__)

LOOK_SECONDS = 0.2
RETRY_SECONDS = 1.0
#: A device that draws nothing for so long is gone, whatever it says.
STALE_SECONDS = 2.0
EXIT_FAULT = 1
CLOSE_SECONDS = 2.0


class OpenOutput(Protocol):
    """An open stream that draws from the deck until it is closed."""

    sample_rate: int
    latency_seconds: float

    def is_alive(self) -> bool: ...

    def close(self) -> None: ...


class SoundPort(Protocol):
    """The sound system. One thread."""

    def outputs(self) -> tuple[OutputDevice, ...]:
        """Look again, with no stream open. Raises DeviceProblem."""
        ...

    def open(self, device: OutputDevice, request: OutputRequest, deck: Deck) -> OpenOutput:
        """Open and start, at the device's own rate where it refuses the asked one, and have the
        deck use that rate. Raises DeviceProblem."""
        ...


@dataclass(frozen=True)
class OutputRequest:
    """Which output is wanted. name: as find_output takes it."""

    name: str = ""
    sample_rate: int = 44_100
    latency_seconds: float = 0.1


class OutputKeeper:
    """Owns the output on a thread of its own. `choose` and `lose`: any thread.

    A device that was asked for by name is waited for: nothing is played elsewhere instead.
    """

    def __init__(
        self,
        port: SoundPort,
        deck: Deck,
        request: OutputRequest,
        send: Callable[[DeviceOpened | DeviceGone], None],
    ) -> None:
        self._port = port
        self._deck = deck
        self._request = request
        self._send = send
        self._wanted: str | None = None
        self._wake = threading.Event()
        self._closing = False
        self._output: OpenOutput | None = None
        self._silence: SilentClock | None = None
        self._told_rate: int | None = None
        self._drawn = (0, 0.0)
        self._hidden_until = 0.0
        self._thread = threading.Thread(target=self._run, name="output-keeper", daemon=True)
        self._thread.start()

    def choose(self, name: str) -> None:
        """Go on at another output, or at this one anew."""
        self._wanted = name
        self._wake.set()

    def lose(self) -> None:
        """Behave as if the device were pulled out, for GONE_SECONDS."""
        self._hidden_until = time.monotonic() + GONE_SECONDS
        self._wake.set()

    def close(self) -> None:
        self._closing = True
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        with ends_the_process_when_it_fails():
            self._keep()

    def _keep(self) -> None:
        while not self._closing:
            self._look()
            self._wake.wait(LOOK_SECONDS if self._output else RETRY_SECONDS)
            self._wake.clear()
        self._stop_drawing()

    def _look(self) -> None:
        """Notice what has changed and act on it."""
        dropped = self._take_wanted()
        if self._output is not None and (dropped or not self._is_alive(self._output)):
            if not dropped:  # said first: the close may take this process with it
                self._tell_gone(f"The output {self._name()} is gone; waiting until it is back.")
            self._stop_drawing()
            self._keep_time()
        if self._output is None:
            self._try_to_open()

    def _take_wanted(self) -> bool:
        """Adopt the output that was chosen meanwhile. Returns whether there was one."""
        wanted, self._wanted = self._wanted, None
        if wanted is None:
            return False
        self._request = replace(self._request, name=wanted)
        self._told_rate = None
        return True

    def _is_alive(self, output: OpenOutput) -> bool:
        now, blocks = time.monotonic(), self._deck.blocks
        if blocks != self._drawn[0]:
            self._drawn = (blocks, now)
        if now < self._hidden_until or not output.is_alive():
            return False
        return now - self._drawn[1] < STALE_SECONDS

    def _try_to_open(self) -> None:
        if time.monotonic() < self._hidden_until:
            self._keep_time()
            return
        try:
            device = find_output(self._port.outputs(), self._request.name)
            self._open(device)
        except AppError as error:
            self._keep_time()
            self._tell_gone(error.sentence, error.details)

    def _open(self, device: OutputDevice) -> None:
        """Open a device. The silence ends first: only one may draw from the deck."""
        self._stop_drawing()
        output = self._port.open(device, self._request, self._deck)
        self._output = output
        self._drawn = (self._deck.blocks, time.monotonic())
        self._told_rate = None
        asked, given = self._request.sample_rate, output.sample_rate
        sentence = ""
        if given != asked:
            sentence = f"“{device.name}” plays {given} Hz, not {asked} Hz; takes are resampled."
        _log.info("Opened %s at %s Hz", device.label, given)
        self._send(
            DeviceOpened(device.name, device.host_api, given, output.latency_seconds, sentence)
        )

    def _keep_time(self) -> None:
        if self._silence is None:
            self._silence = SilentClock(self._deck)

    def _stop_drawing(self) -> None:
        silence, self._silence = self._silence, None
        if silence is not None:
            silence.close()
        output, self._output = self._output, None
        if output is not None:
            close_or_exit(output)

    def _tell_gone(self, sentence: str, details: str = "") -> None:
        """Say it once, not at every look; again where a device that did not open left its rate."""
        rate = self._deck.sample_rate
        if self._told_rate != rate:
            self._told_rate = rate
            _log.info("No output: %s %s", sentence, details)
            self._send(DeviceGone(sentence, rate))

    def _name(self) -> str:
        return f"“{self._request.name}”" if self._request.name else "device of the system"


@contextlib.contextmanager
def ends_the_process_when_it_fails() -> Generator[None]:
    """End the process at a fault of one of its threads: half of it alive would look well."""
    try:
        yield
    except BaseException:  # noqa: BLE001 - the top of a thread
        _log.exception("A thread of the audio process failed")
        os._exit(EXIT_FAULT)


def close_or_exit(output: OpenOutput) -> None:
    """Close a stream. A driver that never comes back from it takes this process with it."""
    closer = threading.Thread(target=output.close, name="output-closer", daemon=True)
    closer.start()
    closer.join(CLOSE_SECONDS)
    if closer.is_alive():
        _log.error("The sound system hangs while a stream is closed")
        os._exit(EXIT_STUCK)
