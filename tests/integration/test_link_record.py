"""`loopgraft record --sync link`: the bars are those of a session that another peer began."""

from __future__ import annotations

import importlib.util
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import jack
import numpy as np
import pytest
import soundfile

from tests.integration.jack_parts import PERIOD_FRAMES, RATE, jack_server, what_jack_lacks
from tests.integration.jack_player import song
from tests.integration.test_jack_record import daw
from tests.plugin_bridge.command_runs import new_shell
from tests.plugin_bridge.sync.test_link import Peer, peer

pytestmark = [
    pytest.mark.skipif(bool(what_jack_lacks()), reason=what_jack_lacks()),
    pytest.mark.skipif(
        importlib.util.find_spec("aalink") is None, reason="needs Ableton Link: pip install aalink"
    ),
]
BPM = 131.0
#: The dummy driver slips by a cycle where the machine is busy.
NEAR_SECONDS = PERIOD_FRAMES / RATE


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with jack_server(tmp_path / "jackd.log") as name:
        monkeypatch.setenv("JACK_DEFAULT_SERVER", name)
        yield name


def song_began_at(client: jack.Client) -> float:
    """Return when the transport that rolls now was at its first frame."""
    seen: list[float] = []
    for _ in range(100):
        seen.append(time.monotonic() - client.transport_frame / RATE)
        threading.Event().wait(0.01)
    return float(np.median(seen))


def beat_of(other: Peer, seconds: float) -> float:
    near = min(other.readings, key=lambda reading: abs(reading.seconds - seconds))
    return near.beat + (seconds - near.seconds) * near.bpm / 60


#: Slow: see tests/gui/test_lead.py.
@pytest.mark.slow
def test_a_bar_begins_on_the_bar_line_of_the_session(server: str, tmp_path: Path) -> None:
    shell = new_shell(tmp_path, JACK_DEFAULT_SERVER=server)
    with (
        daw(97.0) as other,
        peer(BPM) as session,
        closing(jack.Client("clock", no_start_server=True, servername=server)) as client,
    ):
        other.tell("start")
        began = song_began_at(client)
        ended = shell.run(
            "record", "--bars", "1", "--sync", "link", "--input", "daw", "--out", "a.wav", "--json"
        )
        assert ended.code == 0, ended.errors
        taken, _ = soundfile.read(shell.folder / "a.wav", dtype="float32")
        assert taken.shape[0] == round(4 * 60 / ended.json["bpm"] * RATE)
        assert ended.json["bpm"] == pytest.approx(BPM, abs=0.01)
        (first,) = np.flatnonzero((song()[:, : -taken.shape[0]] == taken[0, :, None]).all(axis=0))
        beat = beat_of(session, began + first / RATE)
    late_seconds = (beat - 4 * round(beat / 4)) * 60 / BPM
    print(f"off the session's bar line by {1000 * late_seconds:.2f} ms")  # noqa: T201
    assert abs(late_seconds) < NEAR_SECONDS
