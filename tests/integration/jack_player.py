"""A timebase master that plays: at each frame of its transport the sample of that frame.

`python -m tests.integration.jack_player NAME BPM` says “ready” when it runs and obeys the lines
“start”, “stop”, “locate FRAME” and “tempo BPM” until stdin closes. What it plays is `song()`.
"""

from __future__ import annotations

import sys
import time
from functools import cache

import jack

from engine.audio import FloatArray
from tests.integration.jack_master import Master
from tests.plugin_bridge.audio_scenarios import noise

SONG_SECONDS = 60.0


@cache
def song() -> FloatArray:
    """Return the song, float32 (2, frames): noise, so that every frame is told from every other."""
    return noise(SONG_SECONDS, seed=3)


def main(name: str, bpm: float) -> None:
    client = jack.Client(name, no_start_server=True)
    master = Master(bpm, client.samplerate)
    samples = song()
    ports = [client.outports.register(f"out_{side}") for side in (1, 2)]

    @client.set_process_callback
    def play(frames: int) -> None:
        state, position = client.transport_query_struct()
        first = int(position.frame)
        for side, port in enumerate(ports):
            out = port.get_array()
            out.fill(0.0)
            if state == jack.ROLLING and first < samples.shape[1]:
                part = samples[side, first : first + frames]
                out[: part.size] = part

    client.set_timebase_callback(master.tell)
    with client:
        client.transport_stop()
        client.transport_frame = 0  # wherever the DAW before has left it
        while client.transport_state != jack.STOPPED or client.transport_frame != 0:
            time.sleep(0.01)
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


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
