"""Fit the weights of engine/analysis/{beat_choice,downbeat,key_profiles}.py again; print them.

Run `python tests/engine/analysis_fit.py` when the corpus has changed (about half an hour on
two cores). All are conditional logits: beat choice over the tempi that explain the onsets,
downbeat over the 16 readings of a bar, key over the 24 turned chromas. Fitted on the train split,
reported on the held-out split.
"""

from __future__ import annotations

import multiprocessing
import sys
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from analysis_signals import GRIDS, DrumLoop, chord_loop
from scipy.optimize import minimize

from engine.analysis.beat_choice import beat_features
from engine.analysis.chroma import measure_chroma
from engine.analysis.downbeat import bar_readings
from engine.analysis.key import LEVEL_POWER, key_features
from engine.analysis.onsets import LEAD_SECONDS, onset_envelope
from engine.analysis.periodicity import candidate_tempi, periodicity
from engine.audio import AudioClip
from engine.key import Key
from engine.taxonomy import TONAL_FAMILIES
from engine.training.corpus import SAMPLE_RATE, make_item

Array = npt.NDArray[np.float64]
BEAT_PENALTY, DOWNBEAT_PENALTY, KEY_PENALTY = 0.001, 0.01, 0.0003
SAME_TEMPO = 0.01


class Choice(NamedTuple):
    """One question. features: (options, features); right: which options are right."""

    features: Array
    right: npt.NDArray[np.bool_]


def beat_choice(clip: AudioClip, bpm: float) -> Choice:
    found = periodicity(onset_envelope(clip))
    tempi = candidate_tempi(found, (60.0, 180.0))
    return Choice(beat_features(found, tempi), np.abs(tempi / bpm - 1.0) < SAME_TEMPO)


def downbeat_choice(clip: AudioClip, bpm: float) -> Choice:
    envelope = onset_envelope(clip, circular=True)
    step = 15.0 / bpm * envelope.rate_hz
    phase = -LEAD_SECONDS * envelope.rate_hz
    return Choice(bar_readings(envelope, phase, step), np.arange(16) == 0)


def key_choice(clip: AudioClip, key: Key) -> Choice:
    right = np.arange(24) == key.root + 12 * (key.mode == "minor")
    return Choice(key_features(measure_chroma(clip, LEVEL_POWER)), right)


def corpus_beats(case: tuple[int, str]) -> tuple[Choice, Choice]:
    item = make_item(*case, family="drums", kind="loop")
    clip, bpm = AudioClip(item.audio, SAMPLE_RATE), item.facts.bpm or 120.0
    return beat_choice(clip, bpm), downbeat_choice(clip, bpm)


def grid_beats(seed: int) -> tuple[Choice, Choice]:
    rng = np.random.default_rng(seed)
    grid, bpm = str(rng.choice(list(GRIDS))), float(rng.uniform(60, 175))
    bars, swing = int(rng.choice([1, 2, 4])), float(rng.choice([0, 0, 0.15, 0.33]))
    rate = int(rng.choice([22_050, 44_100, 96_000]))
    clip = DrumLoop(grid, bpm, bars, swing, rate, seed).render()
    return beat_choice(clip, bpm), downbeat_choice(clip, bpm)


def corpus_key(case: tuple[int, str]) -> Choice:
    seed, split = case
    family = TONAL_FAMILIES[seed % len(TONAL_FAMILIES)]
    item = make_item(seed, split, family=family, kind="loop")
    mode = "minor" if item.facts.mode == "minor" else "major"
    return key_choice(AudioClip(item.audio, SAMPLE_RATE), Key(item.facts.root or 0, mode))


def chord_key(seed: int) -> Choice:
    key = Key(seed % 12, "minor" if seed // 12 % 2 else "major")
    return key_choice(chord_loop(key, seed=seed), key)


def fit(choices: list[Choice], penalty: float, unit_variance: bool) -> Array:
    """Return the weights that make the right options likeliest, with a ridge penalty."""
    known = [choice for choice in choices if choice.right.any()]
    features = np.concatenate([choice.features for choice in known])
    scale = features.std(axis=0) + 1e-6 if unit_variance else np.ones(features.shape[1])
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


def main(loops: int = 1000, held: int = 300) -> None:
    train_cases = [(seed, "train") for seed in range(1000, 1000 + 2 * loops)]
    held_cases = [(seed, "held_out") for seed in range(held)]
    with multiprocessing.Pool() as pool:
        beats = pool.map(corpus_beats, train_cases[:loops], chunksize=8)
        beats += pool.map(grid_beats, range(10_000, 10_000 + 2 * loops // 5), chunksize=8)
        held_beats = pool.map(corpus_beats, held_cases, chunksize=8)
        keys = pool.map(corpus_key, train_cases, chunksize=8)
        keys += pool.map(chord_key, range(240), chunksize=8)
        held_keys = pool.map(corpus_key, held_cases, chunksize=8)
    tempi, downbeats = (list(choices) for choices in zip(*beats, strict=True))
    held_tempi, held_downbeats = (list(choices) for choices in zip(*held_beats, strict=True))
    report("beat_choice", fit(tempi, BEAT_PENALTY, True), tempi, held_tempi)
    report("downbeat", fit(downbeats, DOWNBEAT_PENALTY, True), downbeats, held_downbeats)
    report("key_profiles", fit(keys, KEY_PENALTY, False), keys, held_keys)


def report(name: str, weights: Array, train: list[Choice], held: list[Choice]) -> None:
    """Print the shares of right choices and the weights, rounded as they are kept."""
    rounded = np.round(weights, 1)
    right = (share_right(choices, rounded) for choices in (train, held))
    sys.stdout.write("{}: train {:.3f}, held out {:.3f}\n".format(name, *right))
    sys.stdout.write(f"{rounded.tolist()}\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
