"""The app's side of playback: orders in, events out, an audio process kept alive.

Imports no sounddevice. All frames are timeline frames, at the options' sample rate, also where the
device runs at another one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from fractions import Fraction

from engine.action_loop import ActionLoop, Turns
from engine.audio import AudioClip
from engine.errors import AppError, BadArgument
from engine.work_thread import WorkThread
from plugin_bridge.audio_blocks import SampleBlock, stereo_at
from plugin_bridge.audio_child import AudioChild, AudioOptions, list_devices
from plugin_bridge.audio_events import (
    AudioEvent,
    AudioGaveUp,
    AudioRestarting,
    Playback,
    SlotFailed,
    SlotReady,
    SlotsStretched,
    VirtualOutputMade,
    VirtualOutputRefused,
)
from plugin_bridge.audio_feed import Order
from plugin_bridge.audio_messages import (
    DeviceGone,
    DeviceList,
    DeviceOpened,
    Refused,
    SyncStatus,
)
from plugin_bridge.audio_supervisor import AudioSupervisor
from plugin_bridge.slots import At, Grid, LoopRange, check_gain, fade_frames
from plugin_bridge.stretch_client import StretchClient
from plugin_bridge.sync.sources import SyncRequest
from plugin_bridge.virtual_output import create_virtual_output

__all__ = [
    "AudioClient",
    "AudioEvent",
    "AudioGaveUp",
    "AudioOptions",
    "AudioRestarting",
    "DeviceGone",
    "DeviceList",
    "DeviceOpened",
    "Playback",
    "Refused",
    "SlotFailed",
    "SlotReady",
    "SlotsStretched",
    "SyncStatus",
    "VirtualOutputMade",
    "VirtualOutputRefused",
]

_log = logging.getLogger(__name__)

#: A sound system that hangs while it is asked for devices does not hold up the end.
_LISTER_PATIENCE_SECONDS = 1.0


class AudioClient:
    """Owns playback. Methods: any thread, none blocks but close().

    `on_event` is called on the client's own thread and must not block. Until a slot is ready, a
    choose of it, and what follows that choose, waits; stop() does not.
    """

    def __init__(self, options: AudioOptions, on_event: Callable[[AudioEvent], None]) -> None:
        """Start the audio process. Raises BadArgument for a rate that nothing plays."""
        fade_frames(options.sample_rate)
        self._loop = ActionLoop[AudioEvent]("audio-client", on_event)
        self._supervisor = AudioSupervisor(options, self._loop.emit, self._on_line, self._prepare)
        self._preparer = WorkThread("audio-preparer")
        self._stretcher = StretchClient()
        self._lister = WorkThread("audio-lister")
        supervisor = self._supervisor
        self._loop.start(
            Turns(supervisor.start, supervisor.wait_seconds, supervisor.tick, self._end)
        )

    def __enter__(self) -> AudioClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def child_pid(self) -> int | None:
        """Return the audio process's id, None while there is none."""
        return self._supervisor.child_pid

    def put(self, slot_id: str, clip: AudioClip, start: int = 0, gain: float = 1.0) -> None:
        """Add or replace a slot; SlotReady or SlotFailed tells. `clip` must not change any more.

        start: timeline frame of its first sample. Mono is heard on both sides, of more channels
        the first two. Raises BadArgument for an empty clip or a gain outside 0 to 1000.
        """
        check_gain(gain)
        if clip.frames < 1 or clip.channels < 1:
            raise BadArgument(f"“{slot_id}” has no audio; give at least 1 frame.")
        self._loop.do(lambda: self._supervisor.put(slot_id, clip, start, gain))

    def drop(self, slot_id: str) -> None:
        """Take a slot away."""
        self._loop.do(lambda: self._supervisor.drop(slot_id))

    def set_gain(self, slot_id: str, gain: float) -> None:
        """Change a slot's linear gain, faded. Raises BadArgument outside 0 to 1000."""
        check_gain(gain)
        self._loop.do(lambda: self._supervisor.set_gain(slot_id, gain))

    def choose(self, slot_id: str | None, at: At = "now") -> None:
        """Go on in another slot, at once or at the next bar or beat line. None: silence."""
        self._loop.do(lambda: self._supervisor.choose(slot_id, at))

    def play(self, frame: int | None = None) -> None:
        """Start from a timeline frame, or from where it stands."""
        self._loop.do(lambda: self._supervisor.play(frame))

    def stop(self) -> None:
        """Stop, and stay there."""
        self._loop.do(self._supervisor.stop)

    def seek(self, frame: int) -> None:
        """Go to a timeline frame, playing or not."""
        self._loop.do(lambda: self._supervisor.seek(frame))

    def set_loop(self, on: bool, span: tuple[int, int] | None = None) -> None:
        """Loop over timeline frames [start, stop), None: each slot's whole; off: stop at the end.

        A slot that holds too little of the span loops as a whole. Raises BadArgument for an empty
        span.
        """
        chosen = None if span is None else LoopRange(*span)
        self._loop.do(lambda: self._supervisor.set_loop(on, chosen))

    def set_grid(
        self, frames_per_bar: Fraction | int, downbeat: Fraction | int = 0, beats_per_bar: int = 4
    ) -> None:
        """Set where bars and beats lie, in exact timeline frames. Raises BadArgument below 1
        frame."""
        grid = Grid(Fraction(frames_per_bar), Fraction(downbeat), beats_per_bar)
        self._loop.do(lambda: self._supervisor.set_grid(grid))

    def unset_grid(self) -> None:
        """Have no bars and beats: nothing is placed on a transport any more."""
        self._loop.do(lambda: self._supervisor.set_grid(None))

    def set_sync(self, request: SyncRequest | None) -> None:
        """Follow a transport, or lead it; SyncStatus tells. None: nobody's.

        What is followed starts and stops the slots, once they are set to play, and places them: the
        downbeat of the grid is its beat 0. Without a grid nothing is placed.
        """
        self._loop.do(lambda: self._supervisor.set_sync(request))

    def set_device(self, name: str) -> None:
        """Go on at another output: a name, a label, or empty for the system's default."""
        self._loop.do(lambda: self._supervisor.set_device(name))

    def set_insert(self, ring: str) -> None:
        """Play through the plugin host with this ring, empty: through none (see plugins.live)."""
        self._loop.do(lambda: self._supervisor.set_insert(ring))

    def list_devices(self) -> None:
        """Ask for a DeviceList, which takes about half a second."""
        self._lister.do(self._look_for_devices)

    def make_virtual_output(self) -> None:
        """Make an output that leads into the DAW, or find it; VirtualOutputMade or
        VirtualOutputRefused tells, then a DeviceList."""
        self._lister.do(self._make_virtual_output)

    def close(self) -> None:
        """End the audio process and free everything. Blocks for the close deadline at most."""
        self._loop.close()

    def _on_line(self, child: AudioChild, line: bytes | None) -> None:
        self._loop.do(lambda: self._supervisor.on_line(child, line))

    def _prepare(self, order: Order) -> None:
        self._preparer.do(lambda: self._make_ready(order))

    def _make_ready(self, order: Order) -> None:
        """Resample, stretch and copy, on the preparer's thread."""
        try:
            samples = stereo_at(order.placed.clip, order.sample_rate)
            if order.bend is None:
                block = SampleBlock(samples)
            else:
                block = self._stretcher.stretch(samples, order.sample_rate, order.bend)
        except AppError as error:
            _log.warning("%s: %s %s", order.placed.slot_id, error.sentence, error.details)
            sentence, details = error.sentence, error.details
        except (MemoryError, ValueError) as error:
            sentence = f"“{order.placed.slot_id}” cannot be made ready to play."
            details = repr(error)
        else:
            self._loop.do(lambda: self._supervisor.on_prepared(order, block))
            return
        self._loop.do(lambda: self._supervisor.on_not_prepared(order, sentence, details))

    def _look_for_devices(self) -> None:
        try:
            found = list_devices()
        except AppError as error:
            found = DeviceList((), error.sentence)
        self._loop.do(lambda: self._loop.emit(found))

    def _make_virtual_output(self) -> None:
        try:
            made = create_virtual_output()
        except AppError as error:
            refused = VirtualOutputRefused(error.sentence, error.details)
            self._loop.do(lambda: self._loop.emit(refused))
            return
        event = VirtualOutputMade(made.name, made.sentence)
        self._loop.do(lambda: self._loop.emit(event))
        self._look_for_devices()

    def _end(self) -> None:
        """Blocks that were made ready meanwhile are unlinked by the loop's last actions."""
        self._supervisor.close()
        self._stretcher.give_up()
        self._preparer.close()
        self._stretcher.close()
        self._lister.close(_LISTER_PATIENCE_SECONDS)
