"""A JACK client that hears a stream and a DAW at once, beside the transport they share.

`python -m tests.integration.jack_witness NAME FILE` says “ready” when it runs, until stdin closes.
FILE (npz): `stream`, `daw` float32 (frames,), what came into the ports in_1 and daw; `cycles`, one
row per cycle: first frame, the transport's frame, whether it rolled, and its bpm.
"""

from __future__ import annotations

import sys
from pathlib import Path

import jack
import numpy as np


def main(name: str, path: Path) -> None:
    client = jack.Client(name, no_start_server=True)
    # Two that PortAudio takes for a device; the third is the DAW's.
    stream, _other, daw = [client.inports.register(part) for part in ("in_1", "in_2", "daw")]
    heard: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    cycles: list[tuple[float, ...]] = []
    done = 0

    @client.set_process_callback
    def record(frames: int) -> None:
        nonlocal done
        state, position = client.transport_query_struct()
        rolls = state == jack.ROLLING
        cycles.append((done, position.frame, rolls, position.beats_per_minute))
        for kept, port in zip(heard, (stream, daw), strict=True):
            kept.append(port.get_array().copy())
        done += frames

    with client:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.read()
    first, second = (np.concatenate(kept) for kept in heard)
    np.savez(path, stream=first, daw=second, cycles=np.array(cycles))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
