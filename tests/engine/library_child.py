"""A server for library tests that forks children which add takes, to be killed at any moment.

Reads lines `FOLDER INDEX COUNT LABEL`; answers `pid N`, then every acknowledged act of the child
as `take ID` or `rate ID RATING`, then `done STATUS`. The imports are paid for once.
"""

from __future__ import annotations

import os
import sys
import uuid
from pathlib import Path

import numpy as np

from engine.key import Key
from engine.library import Library
from engine.request import GenerationRequest, Task
from engine.take import Measurements, TakeFacts

FRAMES = 2205


def make_facts(
    take_id: str = "",
    prompt: str = "dusty lo-fi drums",
    bpm: float | None = 84.0,
    key: Key | None = None,
    task: Task = Task.GENERATE,
) -> TakeFacts:
    request = GenerationRequest(
        task, 7, prompt=prompt, to_prompt="glass" if task is Task.MORPH else "", bpm=bpm, key=key
    )
    return TakeFacts(
        take_id=take_id or uuid.uuid4().hex,
        request=request,
        frames=FRAMES,
        sample_rate=44_100,
        channels=2,
        subtype="PCM_16",
        tempo_bpm=bpm,
        bars=4.0,
        downbeat_frame=0,
        is_loop=True,
        grafted=(),
        measured=Measurements(bpm, 0.9, None, 0.0, -12.0, 0.8),
        model_version="graft-1",
        device="cpu",
    )


def make_samples() -> np.ndarray[tuple[int, int], np.dtype[np.int32]]:
    ramp = np.arange(FRAMES, dtype=np.int32) << 16
    return np.stack([ramp, -ramp])


def _add_takes(folder: Path, index: Path, count: int, label: str) -> None:
    library = Library(folder, index)
    for number in range(count):
        facts = make_facts(prompt=f"{label} {number}")
        library.add(facts, make_samples())
        os.write(1, f"take {facts.take_id}\n".encode())
        if number % 3 == 0:
            library.star(facts.take_id, number % 5 + 1)
            os.write(1, f"rate {facts.take_id} {number % 5 + 1}\n".encode())
    library.close()


def main() -> None:
    children: set[int] = set()
    for line in sys.stdin:
        if line == "wait\n":
            for pid in children:
                os.write(1, f"done {os.waitpid(pid, 0)[1]}\n".encode())
            children.clear()
            continue
        folder, index, count, label = line.split()
        pid = os.fork()
        if pid == 0:
            _add_takes(Path(folder), Path(index), int(count), label)
            os._exit(0)
        children.add(pid)
        os.write(1, f"pid {pid}\n".encode())


if __name__ == "__main__":
    main()
