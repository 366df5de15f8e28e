"""Which drum a one-shot is, told by the ones it is nearest to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.models.graft.codec import load_codec
from engine.resources import resource_path
from engine.training.evaluation import crew
from engine.training.evaluation.drum_hits import (
    DRUMS,
    PROFILE_FRAMES,
    Hit,
    hit,
    item_jobs,
    nearest_drum,
    profile_of,
)


def _hit(drum: int, *place: float) -> Hit:
    return Hit(drum, np.array(place, np.float32))


def test_most_of_the_nearest_decide_and_the_nearest_of_as_many() -> None:
    known = [_hit(0, 1.0), _hit(1, 2.0), _hit(1, 3.0), _hit(2, 4.0), _hit(2, 5.0), _hit(0, 90.0)]
    assert nearest_drum(np.zeros(1, np.float32), known) == 1
    assert nearest_drum(np.full(1, 5.0, np.float32), known) == 2


def test_a_short_sound_is_silent_behind_its_end() -> None:
    codec = load_codec(resource_path("models", "graft", "codec.safetensors"))
    profile = profile_of(codec, np.ones((2, 128), np.float16)).reshape(PROFILE_FRAMES, 128)
    assert (profile[:2] == 1).all()
    assert np.allclose(profile[2:], codec.silence().numpy())


def test_unseen_drums_are_mostly_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    weights = resource_path("models", "graft")
    monkeypatch.setattr(crew, "_at_hand", [crew.Tools(crew.Place(weights, tmp_path, tmp_path))])
    known = [hit(job) for job in item_jobs("train", 100)]
    unseen = [hit(job) for job in item_jobs("held_out", 16)]
    right = [nearest_drum(one.profile, known) == one.drum for one in unseen]
    assert np.mean(right) > 3 / len(DRUMS)
