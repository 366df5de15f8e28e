"""Ardour records what the app plays: sample for sample, whatever the app and its engine do."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from engine.audio import FloatArray
from plugin_bridge.slots import fade_frames
from tests.integration.ardour_jack import RATE, ArdourOnJack, on_jack, what_ardour_on_jack_lacks
from tests.integration.desktop_parts import desktop, needs_desktop
from tests.integration.held_stream import NOISE_SECONDS
from tests.integration.test_jack import rendered
from tests.plugin_bridge.audio_scenarios import noise

pytestmark = [
    needs_desktop("ardour"),
    pytest.mark.skipif(bool(what_ardour_on_jack_lacks()), reason=what_ardour_on_jack_lacks()),
]


def record(seconds: float, folder: Path) -> tuple[FloatArray, dict[str, int]]:
    """Return what Ardour recorded of the app's output (2, frames), and what the app says."""
    with desktop(folder) as desk:
        ardour = ArdourOnJack(desk, second_bpm=126.0, from_bar=999)
        ardour.silence()
        for side, port in (("FL", "1"), ("FR", "2")):
            ardour.link(f"loopgraft:monitor_{side}", f"ardour:Gen/audio_in {port}")
        ardour.start_recording()
        words = (str(folder / "app"), "loopgraft", f"{seconds:g}")
        with on_jack(ardour, "tests.integration.held_stream", *words) as app:
            out, errors = app.communicate(timeout=seconds + 120)
            assert app.returncode == 0, errors
        return ardour.stop_recording(), json.loads(out.splitlines()[-1])


def check_recording(taken: FloatArray, seconds: float) -> None:
    """Compare all that was recorded, from the first sound to the fade that stopped it."""
    sounding = np.flatnonzero(taken.any(axis=0))
    played = taken[:, int(sounding[0]) : int(sounding[-1]) + 1 - fade_frames(RATE)]
    assert played.shape[1] > 0.9 * seconds * RATE
    assert np.array_equal(played, rendered(noise(NOISE_SECONDS), played.shape[1]))


def test_ardour_records_the_stream_to_the_sample(tmp_path: Path) -> None:
    taken, told = record(5.0, tmp_path)
    assert told["steps"] > 0
    check_recording(taken, 5.0)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_ardour_records_five_minutes_without_an_under_run(tmp_path: Path) -> None:
    taken, told = record(300.0, tmp_path)
    print(f"{taken.shape[1]} frames, {told}")  # noqa: T201
    assert told["under_runs"] == 0
    assert told["takes"] > 0
    check_recording(taken, 300.0)
