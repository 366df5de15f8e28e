"""`loopgraft stream --sync jack` beside a real Ardour that leads: our clicks against its own."""

from __future__ import annotations

import itertools
import json
import signal
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.audio import FloatArray
from plugin_bridge.sync.phase_lock import LIMIT_SECONDS
from tests.integration.ardour_jack import (
    RATE,
    ArdourOnJack,
    on_jack,
    what_ardour_on_jack_lacks,
    witness_file,
)
from tests.integration.desktop_parts import desktop, needs_desktop
from tests.integration.test_jack import read_until
from tests.plugin_bridge.command_runs import write_clicks

BPM, SECOND_BPM, SECOND_FROM_BAR = 120.0, 126.0, 3
_AROUND = 900


def lateness_ms(stream: FloatArray, daw: FloatArray, clicks: FloatArray) -> FloatArray:
    """Return how late our click is against each of the DAW's, in ms. clicks: ours, one a row."""
    late: list[float] = []
    for onset in onsets(daw):
        around = stream[onset - _AROUND : onset + _AROUND + clicks.shape[1]]
        if onset < _AROUND or around.size < 2 * _AROUND + clicks.shape[1]:
            continue
        fits = [np.correlate(around, click) / np.linalg.norm(click) for click in clicks]
        best = max(fits, key=lambda fit: float(fit.max()))
        if best.max() > 0.1:
            late.append(1000 * (int(np.argmax(best)) - _AROUND) / RATE)
    return np.array(late)


def onsets(samples: FloatArray) -> list[int]:
    """Return where clicks begin: loud after a tenth of a second of silence."""
    loud = np.flatnonzero(np.abs(samples) > 0.02 * np.abs(samples).max())
    starts = [int(loud[0])] if loud.size else []
    return starts + [int(b) for a, b in itertools.pairwise(loud) if b - a > RATE // 10]


@needs_desktop("ardour")
@pytest.mark.skipif(bool(what_ardour_on_jack_lacks()), reason=what_ardour_on_jack_lacks())
def test_our_clicks_are_ardours_through_play_tempo_locate_and_stop(tmp_path: Path) -> None:
    write_clicks(tmp_path / "loop.wav", BPM, bars=1)
    loop = soundfile.read(tmp_path / "loop.wav", dtype="float32")[0][:, 0]
    clicks = np.stack([loop[beat * RATE // 2 :][:800] for beat in range(4)])
    waiting = threading.Event()
    with desktop(tmp_path) as desk:
        ardour = ArdourOnJack(desk, SECOND_BPM, SECOND_FROM_BAR)
        file = witness_file(tmp_path)
        words = ["--sync", "jack", "--bpm", f"{BPM:g}", "--downbeat", "0", "--json"]
        stream_words = ["stream", str(tmp_path / "loop.wav"), "--device", "witness", *words]
        with on_jack(ardour, "tests.integration.jack_witness", "witness", str(file)) as witness:
            assert witness.stdout is not None
            assert witness.stdout.readline() == "ready\n"
            ardour.link("ardour:Click/audio_out 1", "witness:daw")
            with on_jack(ardour, "plugin_bridge", *stream_words) as stream:
                read_until(stream, "Ctrl+C")
                read_until(stream, "stopped")
                ardour.toggle_playing()
                read_until(stream, "stretched")  # the second tempo, from bar 3 on
                waiting.wait(4.0)
                ardour.go_to_start()
                waiting.wait(3.0)
                ardour.toggle_playing()
                waiting.wait(1.0)
                stream.send_signal(signal.SIGINT)
                out, _ = stream.communicate(timeout=60)
            witness.communicate(timeout=60)
    taken = np.load(file)
    late = lateness_ms(taken["stream"], taken["daw"], clicks)
    median, p99 = np.median(np.abs(late)), np.percentile(np.abs(late), 99)
    print(f"{late.size} clicks, off by {median:.3f} ms (median), {p99:.3f} ms (p99)")  # noqa: T201
    assert late.size >= 15
    # Right after the tempo, which Ardour does not tell, the beats are held by jumps for a while.
    assert np.percentile(np.abs(late), 75) < 1000 * LIMIT_SECONDS
    assert np.abs(late).max() < 5.0
    assert json.loads(out)["sync"]["source"] == "jack"
    last = taken["stream"][-RATE // 4 :]
    assert not last.any(), "it stops with Ardour"
