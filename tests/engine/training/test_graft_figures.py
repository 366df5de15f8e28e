"""The measurement of grafts, and floors that a few real ones must keep."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from engine.models.graft.backend import GraftMaker
from engine.models.graft.model import load_model
from engine.training.evaluate_grafts import graft_bars, worst
from engine.training.graft_cases import GraftCase, held_out_case, recorded_case, recordings
from engine.training.graft_figures import Found, continued, inpainted, varied


@pytest.fixture(scope="module")
def maker() -> GraftMaker:
    return GraftMaker(load_model("cpu", 1))


@pytest.fixture(scope="module")
def drums(tmp_path_factory: pytest.TempPathFactory) -> GraftCase:
    return held_out_case(0, tmp_path_factory.mktemp("cases"))


def test_a_held_out_case_is_a_file_of_whole_bars_with_a_bar_cut_out(drums: GraftCase) -> None:
    assert sf.info(drums.source.path).frames == drums.clip.frames
    assert len(drums.bar_starts) >= 2
    assert drums.bar_frames is not None
    assert abs(drums.hole.frames - drums.bar_frames) <= 1
    assert drums.hole.start in drums.bar_starts


def test_recordings_are_taken_from_each_kind_in_turn(tmp_path: Path) -> None:
    for name in ("beats/a.wav", "beats/b.wav", "latin/c.wav", "drums/d.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        sf.write(tmp_path / name, np.zeros((66_150, 1)), 44_100)
    sf.write(tmp_path / "beats/short.wav", np.zeros((441, 1)), 44_100)
    (tmp_path / "latin/broken.wav").write_bytes(b"RIFF")
    found = recordings(tmp_path, 30)
    assert [path.stem for path in found] == ["a", "c", "b"]
    case = recorded_case(found[0], tmp_path)
    assert (case.bpm, case.key, case.family) == (None, None, "recording")
    assert case.hole.frames == case.clip.frames // 4


def test_the_table_counts_what_passed_and_names_the_worst() -> None:
    figures = {
        "seam": 0.5, "level_db": -1.0, "removed_level_db": 0.0, "tempo_kept": 1.0, "groove": 0.9,
        "removed_groove": 1.0, "in_key": 0.9, "removed_in_key": 0.95, "quiet_start_db": 0.0,
    }  # fmt: skip
    bad = {**figures, "seam": 1.5, "level_db": float("nan")}
    found = [Found("good", "drums", "inpaint", figures), Found("bad", "drums", "inpaint", bad)]
    bars = {bar.what: bar for bar in graft_bars(found)}
    assert bars["inpaint, held-out: seam ≤ 1 at every join"].value == 0.5
    assert not bars["inpaint, held-out: seam ≤ 1 at every join"].passed
    assert bars["inpaint, held-out: within 2 LU of the rest"].count == 1
    lines = worst(found).splitlines()
    assert lines[lines.index("inpaint, worst by seam:") + 1].startswith("- bad: ")


def test_a_real_graft_joins_keeps_its_level_and_its_groove(
    maker: GraftMaker, drums: GraftCase
) -> None:
    """Measured: seam 0.45, -0.1 LU, 0.83."""
    figures = inpainted(maker, drums, 0).figures
    assert figures["seam"] <= 1.0
    assert abs(figures["level_db"]) <= 2.5
    assert figures["groove"] >= 0.6


@pytest.mark.slow
@pytest.mark.parametrize("index", range(10))
def test_grafts_into_each_family_hold_their_floors(
    maker: GraftMaker, tmp_path: Path, index: int
) -> None:
    case = held_out_case(index, tmp_path)
    found = inpainted(maker, case, index).figures
    assert found["seam"] <= 1.0
    assert abs(found["level_db"]) <= 4.0
    assert not found["in_key"] < 0.6
    assert continued(maker, case, index).figures["seam"] <= 1.0


@pytest.mark.slow
def test_variation_goes_further_the_stronger_it_is(maker: GraftMaker, drums: GraftCase) -> None:
    distances = list(varied(maker, drums, 0).figures.values())
    assert distances == sorted(distances)
