"""`loopgraft record --sync jack` of a real Ardour that leads: its own click, on its own bars."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.integration.ardour_jack import RATE, ArdourOnJack, on_jack, what_ardour_on_jack_lacks
from tests.integration.desktop_parts import desktop, needs_desktop
from tests.integration.test_ardour_sync import onsets
from tests.integration.test_jack import read_until

BPM, SECOND_BPM, SECOND_FROM_BAR, BARS = 120.0, 126.0, 9, 3


@needs_desktop("ardour")
@pytest.mark.skipif(bool(what_ardour_on_jack_lacks()), reason=what_ardour_on_jack_lacks())
def test_ardours_click_is_recorded_on_its_bars(tmp_path: Path) -> None:
    out = tmp_path / "click.wav"
    with desktop(tmp_path) as desk:
        ardour = ArdourOnJack(desk, SECOND_BPM, SECOND_FROM_BAR)
        words = ["--bars", str(BARS), "--sync", "jack", "--input", "ardour:Click*"]
        record = ["plugin_bridge", "record", *words, "--out", str(out), "--json"]
        with on_jack(ardour, *record) as process:
            read_until(process, "stopped")
            ardour.toggle_playing()
            told, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    facts = json.loads(told)
    frames = round(BARS * 4 * 60 / BPM * RATE)
    samples = soundfile.read(out, dtype="float32", always_2d=True)[0].T
    assert samples.shape[1] == facts["frames"] == frames
    assert facts["bpm"] == BPM
    clicks = [onset for onset in onsets(samples[0]) if onset < frames]
    late = np.array([onset - round(onset / (RATE / 2)) * RATE / 2 for onset in clicks])
    print(f"first bar {facts['first_bar']}, clicks late by {late} frames")  # noqa: T201
    # Its first beat after a start is silent; those that follow begin within a frame of theirs.
    assert len(clicks) >= 4 * BARS - 1
    assert np.abs(late).max() <= 2
