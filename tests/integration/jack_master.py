"""A timebase master that is a device too: it leads, and records what it is sent meanwhile.

`python -m tests.integration.jack_master NAME BPM FILE` says “ready” when it runs and obeys the
lines “start”, “stop”, “locate FRAME” and “tempo BPM” until stdin closes. FILE (npz): `samples`
float32 (2, frames); `cycles`, one row per cycle: first frame of `samples`, frame and beat of the
transport, whether it rolled.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import jack
import numpy as np

BEATS_PER_BAR, TICKS = 4, 1920


class Master:
    """The transport as a song: tempo and place of its last change."""

    def __init__(self, bpm: float, rate: int) -> None:
        self.bpm, self.rate = bpm, rate
        self.frame, self.beat = 0, 0.0

    def beat_at(self, frame: int) -> float:
        return self.beat + (frame - self.frame) * self.bpm / (60 * self.rate)

    def set_bpm(self, frame: int, bpm: float) -> None:
        self.frame, self.beat, self.bpm = frame, self.beat_at(frame), bpm

    def tell(self, _state: int, _frames: int, position: Any, _is_new: bool) -> None:
        beat = self.beat_at(position.frame)
        bar, in_bar = divmod(beat, BEATS_PER_BAR)
        position.valid = 0x10
        position.bar, position.beat = int(bar) + 1, int(in_bar) + 1
        position.tick = int(in_bar % 1 * TICKS)
        position.beats_per_bar, position.beat_type = BEATS_PER_BAR, 4
        position.ticks_per_beat, position.beats_per_minute = TICKS, self.bpm


def main(name: str, bpm: float, path: Path) -> None:
    client = jack.Client(name, no_start_server=True)
    master = Master(bpm, client.samplerate)
    ports = [client.inports.register(f"in_{side}") for side in (1, 2)]
    blocks: list[np.ndarray] = []
    cycles: list[tuple[float, ...]] = []
    done = 0

    @client.set_process_callback
    def record(frames: int) -> None:
        nonlocal done
        state, position = client.transport_query_struct()
        beat = (position.bar - 1) * BEATS_PER_BAR + position.beat - 1 + position.tick / TICKS
        cycles.append((done, position.frame, beat, state == jack.ROLLING))
        blocks.append(np.stack([port.get_array().copy() for port in ports]))
        done += frames

    client.set_timebase_callback(master.tell)
    with client:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        for line in sys.stdin:
            match line.split():
                case ["start"]:
                    client.transport_start()
                case ["locate", frame]:
                    client.transport_frame = int(frame)
                case ["tempo", bpm_now]:
                    master.set_bpm(int(client.transport_frame), float(bpm_now))
                case _:
                    client.transport_stop()
    np.savez(path, samples=np.concatenate(blocks, axis=1), cycles=np.array(cycles))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), Path(sys.argv[3]))
