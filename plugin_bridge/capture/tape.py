"""What the input's thread writes: samples into the ring, beside them where the music is.

Nothing here locks. Stamps and gaps cross to the reporting thread in deques, whose ends are atomic.
"""

from __future__ import annotations

import time
from collections import deque
from typing import NamedTuple

import numpy as np
from msgspec import structs

from engine.audio import FloatArray
from plugin_bridge.audio_stage import Leader
from plugin_bridge.capture.capture_ring import CaptureRing
from plugin_bridge.capture.stamps import Course, Stamp, stamp_of
from plugin_bridge.slots import CHANNELS
from plugin_bridge.sync.lead import Lead
from plugin_bridge.sync.stream_clock import StreamClock
from plugin_bridge.sync.transport import Transport

#: More than this is no gap: the input has begun anew.
LONGEST_GAP_SECONDS = 1.0
_MOST_FRAMES = 8192
_BLOCK_SECONDS = 0.5
_BLOCK_LOOK_SECONDS = 0.002


class Heard(NamedTuple):
    """What the transport said at the last block."""

    transport: Transport | None = None
    error_seconds: float | None = None


class Gap(NamedTuple):
    """Frames that the sound system lost, captured as silence. frames 0: it stumbled, no more."""

    frame: int
    frames: int


class Tape:
    """`write` is for the input's thread, the rest for any. Until there is a ring nothing is kept.

    stamps, gaps: what is to be told. blocks: how many came. fault: the last thing that went wrong.
    """

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self.stamps: deque[Stamp] = deque()
        self.gaps: deque[Gap] = deque()
        self.blocks = 0
        self.seen = Heard()
        self.fault: BaseException | None = None
        self._ring: CaptureRing | None = None
        self._leader: Leader | None = None
        self._course = Course(sample_rate)
        self._clock = StreamClock(sample_rate)
        self._frames = 0
        self._is_fresh = True
        self._peak = 0.0

    @property
    def position(self) -> int:
        """Return how much is captured, 0 without a ring."""
        ring = self._ring
        return 0 if ring is None else ring.written

    def use_ring(self, ring: CaptureRing) -> None:
        """Keep what comes from now on. Once."""
        self._ring = ring

    def follow(self, leader: Leader | None, lead: Lead | None = None) -> None:
        """Ask somebody else where the music is, from the next block on; None: nobody. Who listens
        leads nobody."""
        del lead
        self._leader = leader

    def wait_for_block(self) -> None:
        """Wait until a block has passed that began after this, or no more come."""
        deadline = time.monotonic() + _BLOCK_SECONDS
        done = self.blocks + 2
        while self.blocks < done and time.monotonic() < deadline:
            time.sleep(_BLOCK_LOOK_SECONDS)

    def take_peak(self) -> float:
        """Return the peak since the last call."""
        peak, self._peak = self._peak, 0.0
        return peak

    def write(
        self,
        block: FloatArray,
        lost_frames: int = 0,
        *,
        late_seconds: float = 0.0,
        is_jack: bool = False,
    ) -> None:
        """Take float32 (1 or 2, frames); one channel is heard on both sides. Never raises.

        lost_frames: what the sound system lost before it. late_seconds: how long ago its cycle
        began, where that is known. is_jack: within a cycle of JACK.
        """
        try:
            self._write(block, lost_frames, late_seconds, is_jack)
        except Exception as fault:  # noqa: BLE001 - the top of the audio thread
            self.fault = fault
        self.blocks += 1

    def stumble(self) -> None:
        """Note that the sound system was late, though nothing was lost."""
        self.gaps.append(Gap(self.position, 0))

    def _write(
        self, block: FloatArray, lost_frames: int, late_seconds: float, is_jack: bool
    ) -> None:
        now = time.monotonic() - late_seconds
        self._frames += lost_frames
        seen = self._clock.seconds_of(self._frames, now)
        self._frames += block.shape[1]
        leader = self._leader
        transport = None if leader is None else leader()
        self.seen = Heard(transport)
        ring = self._ring
        if ring is None:
            return
        shares_cycle = is_jack and transport is not None and transport.source == "jack"
        said = stamp_of(ring.written, transport, None if shares_cycle else seen)
        self._fill_gap(ring, self._lost(said, lost_frames, ring.written))
        self._stamp(said, ring.written)
        self._keep(ring, block)

    def _lost(self, said: Stamp, lost_frames: int, position: int) -> int:
        """Return how much silence stands for what was lost. Where JACK's server was late its
        transport waited too: then nothing is missing in the music."""
        if not lost_frames or lost_frames > LONGEST_GAP_SECONDS * self.sample_rate:
            self._is_fresh = self._is_fresh or lost_frames > 0
            return 0
        self.gaps.append(Gap(position, 0 if self._course.goes_on(said) else lost_frames))
        return self.gaps[-1].frames

    def _fill_gap(self, ring: CaptureRing, frames: int) -> None:
        silence = np.zeros((CHANNELS, min(frames, _MOST_FRAMES)), np.float32)
        while frames > 0:
            ring.write(silence[:, :frames])
            frames -= silence.shape[1]

    def _stamp(self, said: Stamp, position: int) -> None:
        told = structs.replace(said, frame=position, is_break=self._is_fresh)
        self._is_fresh = False
        if (news := self._course.hear(told)) is not None:
            self.stamps.append(news)

    def _keep(self, ring: CaptureRing, block: FloatArray) -> None:
        stereo = np.broadcast_to(block, (CHANNELS, block.shape[1]))
        for start in range(0, block.shape[1], _MOST_FRAMES):
            ring.write(stereo[:, start : start + _MOST_FRAMES])
        if block.size:
            self._peak = max(self._peak, float(block.max()), -float(block.min()))
