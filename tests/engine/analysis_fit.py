"""Fit the weights of engine/analysis/beat_choice.py and key_profiles.py again, and print them.

Run `python tests/engine/analysis_fit.py` when the corpus has changed (about half an hour on
two cores). Both are conditional logits: beat choice over the tempi that explain the onsets,
key over the 24 turned chromas. Fitted on the train split, reported on the held-out split.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from analysis_signals import GRIDS, DrumLoop, chord_loop
from scipy.optimize import minimize

from engine.analysis.beat_choice import beat_features
from engine.analysis.chroma import measure_chroma
from engine.analysis.key import LEVEL_POWER, key_features
from engine.analysis.onsets import onset_envelope
from engine.analysis.periodicity import candidate_tempi, periodicity
from engine.audio import AudioClip
from engine.key import Key
from engine.taxonomy import TONAL_FAMILIES
from engine.training.corpus import SAMPLE_RATE, make_item

Array = npt.NDArray[np.float64]
BEAT_PENALTY, KEY_PENALTY = 0.001, 0.0003
SAME_TEMPO = 0.01


class Choice(NamedTuple):
    """One question. features: (options, features); right: which options are right."""

    features: Array
    right: npt.NDArray[np.bool_]


def beat_choice(clip: AudioClip, bpm: float) -> Choice:
    found = periodicity(onset_envelope(clip))
    tempi = candidate_tempi(found, (60.0, 180.0))
    return Choice(beat_features(found, tempi), np.abs(tempi / bpm - 1.0) < SAME_TEMPO)


def key_choice(clip: AudioClip, key: Key) -> Choice:
    right = np.arange(24) == key.root + 12 * (key.mode == "minor")
    return Choice(key_features(measure_chroma(clip, LEVEL_POWER)), right)


def corpus_beat(case: tuple[int, str]) -> Choice:
    item = make_item(*case, family="drums", kind="loop")
    return beat_choice(AudioClip(item.audio, SAMPLE_RATE), item.facts.bpm or 120.0)


def grid_beat(seed: int) -> Choice:
    rng = np.random.default_rng(seed)
    grid, bpm = str(rng.choice(list(GRIDS))), float(rng.uniform(60, 175))
    bars, swing = int(rng.choice([1, 2, 4])), float(rng.choice([0, 0, 0.15, 0.33]))
    rate = int(rng.choice([22_050, 44_100, 96_000]))
    return beat_choice(DrumLoop(grid, bpm, bars, swing, rate, seed).render(), bpm)


def corpus_key(case: tuple[int, str]) -> Choice:
    seed, split = case
    family = TONAL_FAMILIES[seed % len(TONAL_FAMILIES)]
    item = make_item(seed, split, family=family, kind="loop")
    mode = "minor" if item.facts.mode == "minor" else "major"
    return key_choice(AudioClip(item.audio, SAMPLE_RATE), Key(item.facts.root or 0, mode))


def chord_key(seed: int) -> Choice:
    key = Key(seed % 12, "minor" if seed // 12 % 2 else "major")
    return key_choice(chord_loop(key, seed=seed), key)


def fit(choices: list[Choice], penalty: float) -> Array:
    """Return the weights that make the right options likeliest, ridge on unit features."""
    known = [choice for choice in choices if choice.right.any()]
    features = np.concatenate([choice.features for choice in known])
    scale = features.std(axis=0) + 1e-6 if len(features[0]) < 100 else np.ones(len(features[0]))
    features = features / scale
    right = np.concatenate([choice.right for choice in known]).astype(np.float64)
    sizes = np.array([len(choice.right) for choice in known])
    first = np.cumsum(sizes) - sizes

    def loss(weights: Array) -> tuple[float, Array]:
        scores = features @ weights
        odds = np.exp(scores - np.repeat(np.maximum.reduceat(scores, first), sizes))
        whole = np.add.reduceat(odds, first)
        hit = np.add.reduceat(odds * right, first) + 1e-30
        pull = odds / np.repeat(whole, sizes) - odds * right / np.repeat(hit, sizes)
        cost = -np.log(hit / whole).mean() + penalty * weights @ weights
        return float(cost), features.T @ pull / len(known) + 2 * penalty * weights

    start = np.zeros(features.shape[1])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500})
    return found.x / scale


def share_right(choices: list[Choice], weights: Array) -> float:
    return float(np.mean([c.right[np.argmax(c.features @ weights)] for c in choices]))


def main() -> None:
    cases = [(seed, "train") for seed in range(1000, 3000)]
    held = [(seed, "held_out") for seed in range(300)]
    with multiprocessing.Pool() as pool:

        def made(make: Callable[..., Choice], of: object) -> list[Choice]:
            return pool.map(make, of, chunksize=8)  # type: ignore[arg-type]

        beats = made(corpus_beat, cases[:1000]) + made(grid_beat, range(10_000, 10_400))
        keys = made(corpus_key, cases) + made(chord_key, range(240))
        held_beats, held_keys = made(corpus_beat, held), made(corpus_key, held)
    np.set_printoptions(precision=1, suppress=True)
    for name, train, test, penalty in (
        ("beat", beats, held_beats, BEAT_PENALTY),
        ("key", keys, held_keys, KEY_PENALTY),
    ):
        weights = np.round(fit(train, penalty), 1)
        print(name, share_right(train, weights), share_right(test, weights))  # noqa: T201
        print(repr(weights))  # noqa: T201


if __name__ == "__main__":
    main()
