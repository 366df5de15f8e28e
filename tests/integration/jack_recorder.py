"""A JACK client that records, in a process of its own: nothing in the test can hold it up.

`python -m tests.integration.jack_recorder NAME SECONDS FILE` says “ready” when it runs, records
until stdin closes, and writes FILE.npy, float32 (2, frames). Says how many frames it was late for.
"""

from __future__ import annotations

import sys

import jack
import numpy as np


def main(name: str, seconds: float, path: str) -> None:
    client = jack.Client(name, no_start_server=True)
    ports = [client.inports.register(f"in_{side}") for side in (1, 2)]
    taken = np.zeros((2, int(seconds * client.samplerate)), np.float32)
    done = lost = 0

    @client.set_process_callback
    def record(frames: int) -> None:
        nonlocal done
        count = min(frames, taken.shape[1] - done)
        for side, port in enumerate(ports):
            taken[side, done : done + count] = port.get_array()[:count]
        done += count

    @client.set_xrun_callback
    def count(_delayed_us: float) -> None:
        nonlocal lost
        lost += 1

    with client:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.read()
    np.save(path, taken[:, :done])
    sys.stdout.write(f"{lost}\n")


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), sys.argv[3])
