"""An app that streams noise while its own interpreter is held and its engine makes takes.

`python -m tests.integration.held_stream FOLDER DEVICE SECONDS` says “playing” when it does, plays
for SECONDS and prints as JSON how many under-runs there were, and how many steps the engine took
and how many takes it made meanwhile.
"""

from __future__ import annotations

import json
import queue
import sys
import threading
from pathlib import Path

from engine.client import WorkerOptions
from engine.messages import JobFailed, Progress, TakeDone
from engine.request import GenerationRequest, Task
from plugin_bridge.audio_client import AudioOptions, Playback
from plugin_bridge.engine_link import LinkEvent, OwnEngine
from tests.integration.jack_parts import RATE
from tests.integration.test_jack import gil_held_on_and_off, start_playing
from tests.plugin_bridge.audio_scenarios import audio, noise

NOISE_SECONDS = 4.0
_ORDERS, _TAKES = 16, 64


def main(folder: Path, device: str, seconds: float) -> None:
    engine = OwnEngine(WorkerOptions(folder / "takes"))
    try:
        for order in range(_ORDERS):
            seed = order * _TAKES
            engine.submit(
                GenerationRequest(Task.GENERATE, seed, "house drums", bars=1, variations=_TAKES)
            )
        while not isinstance(event := engine.events.get(timeout=120), Progress):
            _check(event)
        status = _play(device, seconds)
        told = {"under_runs": status.under_runs, **_done(engine)}
    finally:
        engine.close()
    sys.stdout.write(json.dumps(told) + "\n")


def _play(device: str, seconds: float) -> Playback:
    with audio(AudioOptions(device, RATE)) as (client, heard), gil_held_on_and_off():
        start_playing(client, heard, noise(NOISE_SECONDS))
        sys.stdout.write("playing\n")
        sys.stdout.flush()
        threading.Event().wait(seconds)
        client.stop()
        return heard.wait(Playback, lambda event: not event.is_playing, start=heard.now())


def _done(engine: OwnEngine) -> dict[str, int]:
    """Return what the engine told up to now. Raises RuntimeError if it failed."""
    counts = {"steps": 0, "takes": 0}
    while True:
        try:
            event = engine.events.get_nowait()
        except queue.Empty:
            return counts
        _check(event)
        counts["steps"] += isinstance(event, Progress)
        counts["takes"] += isinstance(event, TakeDone)


def _check(event: LinkEvent) -> None:
    if isinstance(event, JobFailed):
        raise RuntimeError(event.sentence)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]))
