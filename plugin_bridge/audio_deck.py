"""The player inside the audio process: fed with commands by one thread, drawn on by another.

Nothing here locks. Commands cross in a deque, whose ends are atomic; what is seen of the player
crosses back as one immutable tuple.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from engine.audio import FloatArray
from plugin_bridge.audio_stage import Leader, Stage
from plugin_bridge.plugins.insert import Insert, join
from plugin_bridge.slots import CHANNELS
from plugin_bridge.sync.lead import Lead
from plugin_bridge.sync.transport import Transport

Command = Callable[[Stage], None]

#: How long a block may take, and how often it is looked for.
_BLOCK_SECONDS = 0.5
_BLOCK_LOOK_SECONDS = 0.002
#: How much the silent clock renders at once.
SILENT_BLOCK_SECONDS = 0.02


class Seen(NamedTuple):
    """The player after a block, and what its leader told: see Stage."""

    sample_rate: int
    frame: int = 0
    slot_id: str | None = None
    is_playing: bool = False
    commands: int = 0
    transport: Transport | None = None
    error_seconds: float | None = None


class Deck:
    """`fill` is for the thread that draws audio now, the rest for any.

    blocks: how many were drawn. under_runs, late: counted by whoever draws. fault: the last thing
    that went wrong in a block, which was silent then.
    """

    def __init__(self, sample_rate: int) -> None:
        self._insert: Insert | None = None
        #: What is heard through plugins is later: where that begins or ends, two places of the
        #: audio meet.
        self._is_jump = False
        self._last = np.zeros((CHANNELS, 1), np.float32)
        self._stage = Stage(sample_rate)
        self._leader: Leader | None = None
        self._lead: Lead | None = None
        self._commands: deque[tuple[Command, bool]] = deque()
        self._commands_done = 0
        self.seen = Seen(sample_rate)
        self.blocks = 0
        self.under_runs = 0
        self.late = 0
        self.fault: BaseException | None = None
        self._peaks = np.zeros(CHANNELS, np.float32)
        self._high = np.zeros(CHANNELS, np.float32)
        self._low = np.zeros(CHANNELS, np.float32)

    @property
    def sample_rate(self) -> int:
        return self._stage.player.sample_rate

    def use_rate(self, sample_rate: int) -> None:
        """Begin anew at another rate, without slots. Only while nothing draws audio."""
        if sample_rate != self.sample_rate:
            self._stage = Stage(sample_rate)
            self._stage.follow(self._leader, self._lead)
            self._look()

    def post(self, command: Command, *, counted: bool = False) -> None:
        """Have a command done before the next block. counted: in `Seen.commands`."""
        self._commands.append((command, counted))

    def use_insert(self, insert: Insert | None) -> None:
        """Go through a plugin host, or through none, from the next block on."""

        def use(_stage: Stage) -> None:
            self._insert = insert
            self._is_jump = True

        self.post(use)

    def follow(self, leader: Leader | None, lead: Lead | None = None) -> None:
        """Have a leader followed, also at another rate. lead: as Stage takes it."""
        self._leader, self._lead = leader, lead
        self.post(lambda stage: stage.follow(leader, lead))

    def wait_for_block(self) -> None:
        """Wait until what was posted is done, or nothing draws any more."""
        deadline = time.monotonic() + _BLOCK_SECONDS
        done = self.blocks + 2
        while self.blocks < done and time.monotonic() < deadline:
            time.sleep(_BLOCK_LOOK_SECONDS)

    def fill(self, out: FloatArray, latency_seconds: float = 0.0, *, is_jack: bool = False) -> None:
        """Write the next (frames, 2): the only place where this layout exists. Never raises.

        latency_seconds: until it is heard. is_jack: within a cycle of JACK.
        """
        try:
            self._do_commands()
            insert = self._insert
            late = 0 if insert is None else insert.lookahead_frames
            self._stage.render_into(out.T, latency_seconds, is_jack=is_jack, late_frames=late)
            if insert is not None:
                insert.process(out.T)
            self._go_on(out)
            self._measure(out)
            self._look()
        except Exception as fault:  # noqa: BLE001 - the top of the audio thread
            out.fill(0.0)
            self.fault = fault
        self.blocks += 1

    def take_peaks(self) -> tuple[float, float]:
        """Return the peaks since the last call. A block that comes at this instant may be lost."""
        left, right = np.abs(self._peaks).tolist()
        self._peaks.fill(0.0)
        return left, right

    def _do_commands(self) -> None:
        while self._commands:
            command, counted = self._commands.popleft()
            self._commands_done += counted
            command(self._stage)

    def _go_on(self, out: FloatArray) -> None:
        """Have the block go on from the one before where a jump would be heard."""
        if not len(out):
            return
        if self._is_jump:
            self._is_jump = False
            join(out.T, self._last)
        self._last[:, 0] = out[-1]

    def _measure(self, out: FloatArray) -> None:
        if not len(out):
            return
        np.max(out, axis=0, out=self._high)
        np.min(out, axis=0, out=self._low)
        np.negative(self._low, out=self._low)
        np.maximum(self._high, self._low, out=self._high)
        np.maximum(self._peaks, self._high, out=self._peaks)

    def _look(self) -> None:
        stage, player = self._stage, self._stage.player
        self.seen = Seen(
            player.sample_rate,
            player.position_before(self._late()),
            player.slot_id,
            stage.is_playing,
            self._commands_done,
            stage.transport,
            stage.error_seconds,
        )

    def _late(self) -> int:
        """Return by how much what is heard is behind the player: it plays on while it waits."""
        if self._insert is None or not self._stage.player.is_playing:
            return 0
        return self._insert.lookahead_frames


class SilentClock:
    """Draws from a deck in real time where no device does, and throws the audio away."""

    def __init__(self, deck: Deck) -> None:
        self._deck = deck
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="silent-clock", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        rate = self._deck.sample_rate
        block = np.zeros((round(rate * SILENT_BLOCK_SECONDS), CHANNELS), np.float32)
        due = time.monotonic()
        while True:
            due += len(block) / rate
            wait = due - time.monotonic()
            if self._ended.wait(max(0.0, wait)):
                return
            if wait < -1.0:  # the machine slept: its music did not go on
                due = time.monotonic()
            self._deck.fill(block)
