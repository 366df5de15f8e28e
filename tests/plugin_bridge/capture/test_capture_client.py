"""Listening through PortAudio, made up here: one channel, its own rate, late, losing a block.

The listening process is the real one; it finds this sounddevice in the place of the real one.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
import soundfile

from plugin_bridge.capture.capture_client import CaptureClient, ListenOptions, RecordOrder
from plugin_bridge.capture.capture_events import (
    CaptureEvent,
    InputLost,
    Listening,
    NotListening,
    Recorded,
    RecordFailed,
)
from plugin_bridge.capture.capture_messages import InputOpened
from plugin_bridge.capture.punch import Running
from tests.plugin_bridge.audio_scenarios import is_running, shared_blocks
from tests.plugin_bridge.command_runs import ROOT

RATE = 48_000
BLOCK = 480
LATENCY_FRAMES = 2_400
PATIENCE_SECONDS = 60.0
SOUNDDEVICE = f'''
import os, threading, time
from types import SimpleNamespace
import numpy as np

class PortAudioError(Exception):
    pass

default = SimpleNamespace(device=(0, 1))

def _terminate(): pass
def _initialize(): pass

def query_hostapis(index=None):
    apis = [{{"name": "ALSA"}}]
    return apis if index is None else apis[index]

def query_devices():
    return [{{"name": "microphone", "index": 0, "hostapi": 0, "max_input_channels": 1,
              "max_output_channels": 0, "default_samplerate": {RATE}.0}}]

def check_input_settings(samplerate, **_settings):
    if samplerate != {RATE}:
        raise PortAudioError("rate")

class InputStream:
    """A ramp: sample n is n / 2^22. Block 50 is lost where LOSES is set; it ends after ENDS."""

    latency = {LATENCY_FRAMES / RATE}
    active = True

    def __init__(self, callback, channels, finished_callback, **_settings):
        assert channels == 1
        self._callback, self._finished = callback, finished_callback
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self._thread.start()

    def close(self):
        self.active = False

    def _run(self):
        began, number = time.monotonic(), 0
        ends = int(os.environ.get("ENDS", 10**9))
        while self.active and number < ends:
            time.sleep(max(0.0, began + (number + 1) * {BLOCK / RATE} - time.monotonic()))
            is_lost = number == 50 and "LOSES" in os.environ
            number += is_lost
            first = number * {BLOCK}
            block = (np.arange(first, first + {BLOCK}) / 2**22).astype(np.float32)[:, None]
            times = SimpleNamespace(inputBufferAdcTime=first / {RATE})
            self._callback(block, {BLOCK}, times, SimpleNamespace(input_overflow=is_lost))
            number += 1
        self._finished()
'''

Event = TypeVar("Event", bound=CaptureEvent)


class Ear:
    """A client whose events are waited for."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.events: list[CaptureEvent] = []
        self._changed = threading.Condition()
        self.client = CaptureClient(self._take)

    def _take(self, event: CaptureEvent) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def wait(
        self, kind: type[Event], where: Callable[[Event], bool] = lambda _event: True
    ) -> Event:
        """Return the first such event that was not waited for yet; the others stay."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        with self._changed:
            while True:
                for event in self.events:
                    if isinstance(event, kind) and where(event):
                        self.events.remove(event)
                        return event
                left = deadline - time.monotonic()
                assert left > 0, f"no {kind}"
                self._changed.wait(left)

    def order(self, bars: int = 1) -> RecordOrder:
        return RecordOrder(bars, str(self.out), 240.0)  # a bar is a second


@pytest.fixture
def ear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ear]:
    (tmp_path / "fake").mkdir()
    (tmp_path / "fake" / "sounddevice.py").write_text(SOUNDDEVICE)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "fake"), str(ROOT)]))
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "loopgraft-nobody")
    ear = Ear(tmp_path / "out")
    yield ear
    ear.client.close()
    assert shared_blocks() == set()


def ramp_of(recorded: Recorded) -> np.ndarray:
    samples = soundfile.read(recorded.path, dtype="float32", always_2d=True)[0].T
    assert samples.shape == (2, recorded.cut.frames)
    assert np.array_equal(samples[0], samples[1]), "one channel is heard on both sides"
    return np.rint(samples[0] * 2**22).astype(int)


def test_what_is_cut_out_is_as_much_later_as_the_input_is_late(ear: Ear) -> None:
    ear.client.listen(ListenOptions())
    ear.client.record(ear.order())
    opened = ear.wait(InputOpened)
    assert (opened.name, opened.sample_rate) == ("microphone", RATE)
    assert "48000 Hz, not 44100 Hz" in opened.sentence
    recorded = ear.wait(Recorded)
    assert recorded.cut.is_whole
    assert (recorded.cut.frames, recorded.latency_frames) == (RATE, LATENCY_FRAMES)
    ramp = ramp_of(recorded)
    assert np.array_equal(np.diff(ramp), np.ones(RATE - 1))
    # The ring begins with some block; the recording the latency after it.
    assert (ramp[0] - LATENCY_FRAMES) % BLOCK == 0


def test_the_latency_that_is_given_counts(ear: Ear) -> None:
    ear.client.listen(ListenOptions(latency_ms=10.0))
    ear.client.record(ear.order())
    recorded = ear.wait(Recorded)
    assert recorded.latency_frames == RATE // 100
    assert (ramp_of(recorded)[0] - RATE // 100) % BLOCK == 0


def test_what_was_lost_is_silent_and_said(ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOSES", "1")
    ear.client.listen(ListenOptions())
    ear.client.record(ear.order(2))
    recorded = ear.wait(Recorded)
    assert (recorded.gaps, recorded.lost_frames) == (1, BLOCK)
    assert "lost 10 ms of it, which are silent" in recorded.sentence
    ramp = ramp_of(recorded)
    silent = np.flatnonzero(ramp == 0)
    assert silent.size == BLOCK
    assert ramp[silent[-1] + 1] - ramp[silent[0] - 1] == BLOCK + 1, "time goes on"


def test_an_input_that_ends_leaves_what_came_and_is_opened_again(
    ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENDS", "150")
    ear.client.listen(ListenOptions())
    ear.wait(InputOpened)
    ear.client.record(ear.order(8))
    assert ear.wait(InputLost).is_kept
    recorded = ear.wait(Recorded)
    assert not recorded.cut.is_whole
    assert recorded.sentence.startswith("The input went: the 1.")
    assert "of 8 bars up to there" in recorded.sentence
    ramp_of(recorded)
    ear.wait(InputOpened)


def test_a_listening_process_that_is_killed_loses_nothing_that_was_captured(ear: Ear) -> None:
    ear.client.listen(ListenOptions())
    ear.wait(InputOpened)
    ear.client.record(ear.order(8))
    running = ear.wait(
        Listening, lambda event: isinstance(event.progress, Running) and event.progress.bars > 0.5
    )
    assert running.kept_seconds > 0.5
    pid = ear.client.child_pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    lost = ear.wait(InputLost)
    assert lost.is_kept
    assert "unexpectedly" in lost.sentence
    recorded = ear.wait(Recorded)
    assert recorded.cut.frames >= RATE // 2
    assert np.array_equal(np.diff(ramp_of(recorded)), np.ones(recorded.cut.frames - 1))
    ear.wait(InputOpened)
    assert ear.client.child_pid != pid


def test_off_is_off(ear: Ear) -> None:
    ear.client.record(ear.order())
    assert "switch listening on" in ear.wait(RecordFailed).sentence
    ear.client.keep_last(ear.order())
    assert "Nothing was heard" in ear.wait(RecordFailed).sentence
    ear.client.listen(ListenOptions())
    ear.wait(Listening, lambda event: event.kept_seconds > 0.3)
    pid = ear.client.child_pid
    assert len(shared_blocks()) == 1
    ear.client.keep_last(ear.order())
    heard = ear.wait(Recorded)
    assert heard.cut.mean_bpm is None
    assert np.array_equal(np.diff(ramp_of(heard)), np.ones(heard.cut.frames - 1))
    ear.client.stop_listening()
    ear.wait(NotListening)
    assert pid is not None
    assert not is_running(pid)
    assert shared_blocks() == set()
    assert len(list(ear.out.iterdir())) == 1
    ear.client.keep_last(ear.order())
    assert "Nothing was heard" in ear.wait(RecordFailed).sentence


def test_a_cancelled_recording_writes_nothing(ear: Ear) -> None:
    ear.client.listen(ListenOptions())
    ear.client.record(ear.order(2))
    ear.wait(Listening, lambda event: isinstance(event.progress, Running))
    ear.client.cancel()
    ear.wait(Listening, lambda event: event.progress is None and event.kept_seconds > 2.5)
    assert not ear.out.exists()
