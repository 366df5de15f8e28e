"""How far two sets of sounds are apart in the ear's space, and how different one set is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]


def frechet_distance(a: Points, b: Points) -> float:
    """Return the squared Frechet distance of two clouds' Gaussians (Heusel et al. 2017).

    a, b: (n, dimensions), at least two points each. It is larger the fewer points there are:
    compare only distances of equally many.
    """
    mean = a.mean(0) - b.mean(0)
    first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = _square_root(first)
    shared = np.linalg.eigvalsh(root @ second @ root)
    cross = float(np.sqrt(np.clip(shared, 0, None)).sum())
    distance = float(mean @ mean) + float(np.trace(first) + np.trace(second)) - 2 * cross
    return max(0.0, distance)


def _square_root(covariance: Points) -> Points:
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T


def frechet_ratio(made: Points, first_half: Points, second_half: Points) -> float:
    """Return how many times as far what was made lies from the held-out items as their two halves
    lie from each other. All three of equally many points, so that all are biased alike; the
    made ones are compared with both halves."""
    counts = {len(made), len(first_half), len(second_half)}
    if len(counts) != 1:
        raise ValueError(f"The sets have {sorted(counts)} points; they must have equally many.")
    apart = frechet_distance(first_half, second_half)
    far = (frechet_distance(made, first_half) + frechet_distance(made, second_half)) / 2
    return far / max(apart, 1e-12)


def mean_pairwise_distance(points: Points) -> float:
    """Return the mean Euclidean distance of all pairs of (n, dimensions), n at least 2."""
    far = np.linalg.norm(points[:, None] - points[None], axis=-1)
    return float(far[np.triu_indices(len(points), 1)].mean())
