"""Distances of clouds of points: known ones, and what few points do to them."""

from __future__ import annotations

import numpy as np
import pytest

from engine.training.evaluation.distances import (
    frechet_distance,
    frechet_ratio,
    mean_pairwise_distance,
)

RNG = np.random.default_rng(0)


def test_a_moved_cloud_is_as_far_as_it_was_moved() -> None:
    cloud = RNG.standard_normal((200, 4))
    assert frechet_distance(cloud, cloud) == pytest.approx(0.0, abs=1e-9)
    assert frechet_distance(cloud, cloud + np.array([3.0, 0, 4.0, 0])) == pytest.approx(
        25.0, rel=1e-9
    )


def test_a_wider_cloud_is_as_far_as_its_deviations_differ() -> None:
    cloud = RNG.standard_normal((300, 3))
    deviation = cloud.std(0, ddof=1)
    wide = (cloud - cloud.mean(0)) * 2.0 + cloud.mean(0)
    # With the same principal axes the distance is the sum of the squared differences.
    assert frechet_distance(cloud, wide) == pytest.approx(float((deviation**2).sum()), rel=1e-6)


def test_more_of_the_same_is_as_far_as_the_halves_are_from_each_other() -> None:
    thirds = RNG.standard_normal((3, 400, 8))
    assert 0.6 < frechet_ratio(*thirds) < 1.6
    assert frechet_ratio(thirds[0] + 1.0, thirds[1], thirds[2]) > 10


def test_sets_of_other_sizes_are_not_compared() -> None:
    points = RNG.standard_normal((50, 2))
    with pytest.raises(ValueError, match="equally many"):
        frechet_ratio(points[:40], points, points)


def test_the_mean_distance_of_pairs() -> None:
    corners = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])
    assert mean_pairwise_distance(corners) == pytest.approx((3 + 4 + 5) / 3)
