"""A JACK client that records, in a process of its own: nothing in the test can hold it up.

`python -m tests.integration.jack_recorder NAME SECONDS FILE` says “ready” when it runs, keeps the
first SECONDS of what comes until stdin closes, and writes them to FILE, float32 (2, frames).
"""

from __future__ import annotations

import sys

import jack
import numpy as np


def main(name: str, seconds: float, path: str) -> None:
    client = jack.Client(name, no_start_server=True)
    ports: list[jack.OwnPort] = []
    for side in (1, 2):
        port = client.inports.register(f"in_{side}")
        assert isinstance(port, jack.OwnPort)
        ports.append(port)
    taken = np.zeros((2, int(seconds * client.samplerate)), np.float32)
    done = 0

    @client.set_process_callback
    def record(frames: int) -> None:
        nonlocal done
        count = min(frames, taken.shape[1] - done)
        for side, port in enumerate(ports):
            taken[side, done : done + count] = port.get_array()[:count]
        done += count

    with client:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.read()
    np.save(path, taken[:, :done])


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), sys.argv[3])
