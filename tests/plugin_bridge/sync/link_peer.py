"""A Link peer in a process of its own, written without our own code: it proves what ours does.

`python -m tests.plugin_bridge.sync.link_peer BPM` prints “TIME BEAT TEMPO PLAYING PEERS” every
10 ms, TIME in the seconds of the machine's monotonic clock, and obeys lines such as “tempo 131”,
“play” and “stop”, until stdin closes.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time

import aalink


async def main(bpm: float) -> None:
    link = aalink.Link(bpm)
    link.quantum = 4
    link.start_stop_sync_enabled = True
    link.enabled = True
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def obey(words: list[str]) -> None:
        match words:
            case ["tempo", tempo]:
                link.tempo = float(tempo)
            case ["play"]:
                link.playing = True
            case _:
                link.playing = False

    def listen() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(obey, line.split())
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=listen).start()
    while not ended.is_set():
        before = time.monotonic()
        beat = link.beat
        after = time.monotonic()
        if after - before < 100e-6:
            place = f"{(before + after) / 2:.9f} {beat:.9f}"
            sys.stdout.write(f"{place} {link.tempo:.6f} {int(link.playing)} {link.num_peers}\n")
            sys.stdout.flush()
        await asyncio.sleep(0.01)
    link.enabled = False


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
