"""What is measured on one case: a bar made again, bars added, variations, changed prompts."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from engine.analysis import in_key_share, measure_loudness, measure_tempo
from engine.analysis.groove import bar_patterns, groove_likeness
from engine.analysis.spectra import Float64Array
from engine.audio import MODEL_SAMPLE_RATE, AudioClip, FloatArray, FrameSpan, resample
from engine.diffusion.channels import to_stereo
from engine.messages import Phase
from engine.models.graft.backend import GraftMaker
from engine.models.graft.codec import Codec
from engine.models.graft.spectral import LATENT_HOP
from engine.request import GenerationRequest, Task
from engine.sample_format import dequantise
from engine.take_maker import RenderedTake
from engine.training.graft_cases import GraftCase

STRENGTHS = (0.1, 0.3, 0.5, 0.7, 0.9)
MORPH_SEGMENTS = 8
MORPH_BANDS = 40
MORPH_BPM, MORPH_BARS = 120.0, 4
MORPHS = (
    ("soft dark pad", "bright saw lead"),
    ("deep sub bass", "bright pluck melody"),
    ("warm pad", "punchy drums"),
    ("dark techno drums", "bright house drums with open hats"),
    ("mellow electric piano", "distorted acid bass"),
    ("glassy bell keys", "warm sub bass"),
    ("sparse trap drums", "lush string pad"),
    ("dark drone pad", "bright arp"),
)
TEMPO_TOLERANCE = 0.01
BRIGHT_HZ = 5000.0


@dataclass(frozen=True)
class Found:
    """Figures of one case by name; NaN where one does not apply."""

    name: str
    family: str
    task: str
    figures: dict[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True)
class Follow:
    """A prompt that changes what is continued, and what must rise (+1) or fall (-1) by it."""

    family: str
    prompt: str
    quantity: str
    direction: int


FOLLOWS = (
    Follow("drums", "same drums with open hats", "high_share_db", +1),
    Follow("drums", "dark muffled drums", "centre_octaves", -1),
    Follow("pad", "dark pad", "centre_octaves", -1),
    Follow("pad", "bright airy pad", "centre_octaves", +1),
    Follow("bass", "distorted bright bass", "centre_octaves", +1),
    Follow("keys", "dark mellow keys", "centre_octaves", -1),
)


def quiet(_take: int, _phase: Phase, _step: int, _steps: int) -> None:
    """Report nothing."""


def make(maker: GraftMaker, request: GenerationRequest) -> RenderedTake:
    return next(iter(maker.make(request, quiet)))


def graft_request(case: GraftCase, task: Task, seed: int) -> GenerationRequest:
    """Ask as a user does who knows the tempo, and gives no words."""
    request = GenerationRequest(
        task=task,
        seed=seed,
        source=case.source,
        bpm=case.bpm,
        downbeat_frame=case.downbeat_frame,
        spans=(case.hole,) if task is Task.INPAINT else (),
        bars=2 if task is Task.CONTINUE else None,
    )
    return replace(request, signature=replace(request.signature, beats_per_bar=case.beats_per_bar))


def inpainted(maker: GraftMaker, case: GraftCase, seed: int) -> Found:
    """Make a bar again without words, and hold it against the bar that was there."""
    take = make(maker, graft_request(case, Task.INPAINT, seed))
    after = AudioClip(dequantise(take.samples), case.clip.sample_rate)
    span = case.hole
    made, removed = cut(after, span), cut(case.clip, span)
    kept = AudioClip(
        np.delete(case.clip.samples, np.s_[span.start : span.stop], axis=1), case.clip.sample_rate
    )
    figures = {
        "seam": take.facts.measured.seam_score or 0.0,
        "level_db": _apart_db(made, kept),
        "removed_level_db": _apart_db(removed, kept),
        "tempo_kept": _tempo_kept(case, after),
        "seconds": take.facts.timings_seconds["making"],
    }
    figures |= _in_key(case, made, removed) | _grooves(case, after) | _beginnings(case, after)
    return Found(case.name, case.family, "inpaint", figures)


def continued(maker: GraftMaker, case: GraftCase, seed: int) -> Found:
    """Add two bars without words; hold their onsets and level against the last bar's."""
    request = graft_request(case, Task.CONTINUE, seed)
    take = make(maker, request)
    after = AudioClip(dequantise(take.samples), case.clip.sample_rate)
    length = case.bar_frames or 1.0
    added = [round(case.clip.frames + bar * length) for bar in range(2)]
    starts = [round(case.clip.frames - length), *added]
    patterns = bar_patterns(after, starts, length, case.beats_per_bar)
    figures = {"seam": take.facts.measured.seam_score or 0.0}
    figures["groove"] = _mean([_likeness(patterns[0], row) for row in patterns[1:]])
    figures["source_groove"] = _own_groove(case)
    tail = FrameSpan(case.clip.frames, after.frames)
    figures["level_db"] = _apart_db(cut(after, tail), case.clip)
    figures |= _in_key(case, cut(after, tail), case.clip)
    return Found(case.name, case.family, "continue", figures)


def followed(maker: GraftMaker, case: GraftCase, follow: Follow, seed: int) -> Found:
    """Continue with and without words from the same noise; return how far the words moved it."""
    request = graft_request(case, Task.CONTINUE, seed)
    tail = FrameSpan(case.clip.frames, case.clip.frames + 1)
    values: list[float] = []
    for prompt in ("", follow.prompt):
        take = make(maker, replace(request, prompt=prompt))
        after = AudioClip(dequantise(take.samples), case.clip.sample_rate)
        values.append(_quantity(cut(after, replace(tail, stop=after.frames)), follow.quantity))
    moved = follow.direction * (values[1] - values[0])
    figures = {"moved": moved}
    return Found(f"{case.name}: “{follow.prompt}”", case.family, "follow", figures)


def varied(maker: GraftMaker, case: GraftCase, seed: int) -> Found:
    """Vary the whole file at rising strengths; return the latents' distance at each."""
    codec, figures = maker.model.codec, dict[str, float]()
    before = latents_of(codec, case.clip)
    for strength in STRENGTHS:
        request = replace(graft_request(case, Task.VARY, seed), strength=strength)
        take = make(maker, request)
        after = latents_of(codec, AudioClip(dequantise(take.samples), case.clip.sample_rate))
        figures[f"{strength:g}"] = float(np.sqrt(np.square(after - before).mean()))
    return Found(case.name, case.family, "vary", figures)


def morphed(maker: GraftMaker, index: int, seed: int) -> Found:
    """Morph between two prompts; return where each eighth lies between the prompts' own takes."""
    first, second = MORPHS[index % len(MORPHS)]
    plain = GenerationRequest(Task.GENERATE, seed, first, bpm=MORPH_BPM, bars=MORPH_BARS)
    ends = [
        _bands(AudioClip(make(maker, order).samples.astype(np.float32), MODEL_SAMPLE_RATE), 1)[0]
        for order in (plain, replace(plain, prompt=second))
    ]
    morph = replace(plain, task=Task.MORPH, to_prompt=second)
    take = make(maker, morph)
    clip = AudioClip(take.samples.astype(np.float32), MODEL_SAMPLE_RATE)
    way = ends[1] - ends[0]
    places = (_bands(clip, MORPH_SEGMENTS) - ends[0]) @ way / max(float(way @ way), 1e-9)
    figures = {f"{number}": float(place) for number, place in enumerate(places)}
    figures["spearman"] = _spearman(places)
    return Found(f"{first} → {second}, seed {seed}", "morph", "morph", figures)


def cut(clip: AudioClip, span: FrameSpan) -> AudioClip:
    return AudioClip(clip.samples[:, span.start : span.stop], clip.sample_rate)


def latents_of(codec: Codec, clip: AudioClip) -> FloatArray:
    """Return the codec's latents of a clip, padded to whole latent frames: (T, channels)."""
    stereo = to_stereo(resample(clip.samples, clip.sample_rate, MODEL_SAMPLE_RATE))
    missing = -stereo.shape[1] % LATENT_HOP
    padded = np.pad(stereo, ((0, 0), (0, missing)))
    with torch.inference_mode():
        return codec.encode(torch.from_numpy(padded)).numpy()


def _apart_db(made: AudioClip, kept: AudioClip) -> float:
    """Return how much louder `made` is than `kept`, in LU; NaN beside silence."""
    levels = measure_loudness(made), measure_loudness(kept)
    if levels[1] is None:
        return math.nan
    return (-70.0 if levels[0] is None else levels[0]) - levels[1]


def _tempo_kept(case: GraftCase, after: AudioClip) -> float:
    """Say whether the tempo heard before is heard still; NaN where none was heard rightly."""
    before = measure_tempo(case.clip).bpm
    if case.bpm is None or before is None or abs(before / case.bpm - 1) > TEMPO_TOLERANCE:
        return math.nan
    heard = measure_tempo(after).bpm
    return float(heard is not None and abs(heard / case.bpm - 1) <= TEMPO_TOLERANCE)


def _in_key(case: GraftCase, made: AudioClip, removed: AudioClip) -> dict[str, float]:
    if case.key is None:
        return {"in_key": math.nan, "removed_in_key": math.nan}
    shares = in_key_share(made, case.key), in_key_share(removed, case.key)
    return {"in_key": shares[0], "removed_in_key": shares[1]}


def _grooves(case: GraftCase, after: AudioClip) -> dict[str, float]:
    """Return how alike the made bar's onsets are to the mean of the kept bars', and the
    removed one's."""
    starts, length = case.bar_starts, case.bar_frames
    if length is None or len(starts) < 2:
        return {"groove": math.nan, "removed_groove": math.nan}
    hole = len(starts) // 2
    before = bar_patterns(case.clip, starts, length, case.beats_per_bar, circular=True)
    made = bar_patterns(after, starts, length, case.beats_per_bar, circular=True)
    kept = np.delete(before, hole, axis=0).mean(0)
    return {
        "groove": _likeness(made[hole], kept),
        "removed_groove": _likeness(before[hole], kept),
    }


def _beginnings(case: GraftCase, after: AudioClip) -> dict[str, float]:
    """Return how much quieter the first sixteenth of the made bar is than the quietest first
    sixteenth of the source's bars, in dB (0 where it is not)."""
    starts, length = case.bar_starts, case.bar_frames
    if length is None or len(starts) < 2:
        return {"quiet_start_db": math.nan}
    frames = round(length / 4 / case.beats_per_bar)
    before = [_rms_db(case.clip.samples[:, s : s + frames]) for s in starts]
    made = _rms_db(after.samples[:, case.hole.start : case.hole.start + frames])
    return {"quiet_start_db": max(0.0, max(min(before), -60.0) - made)}


def _rms_db(samples: FloatArray) -> float:
    power = float(np.square(samples, dtype=np.float64).mean()) if samples.size else 0.0
    return 10 * math.log10(power + 1e-9)


def _own_groove(case: GraftCase) -> float:
    """Return how alike the source's last two bars are; NaN where there is only one."""
    starts, length = case.bar_starts, case.bar_frames
    if length is None or len(starts) < 2:
        return math.nan
    rows = bar_patterns(case.clip, starts[-2:], length, case.beats_per_bar, circular=True)
    return _likeness(rows[0], rows[1])


def _likeness(first: Float64Array, second: Float64Array) -> float:
    found = groove_likeness(first, second)
    return math.nan if found is None else found


def _quantity(clip: AudioClip, name: str) -> float:
    power = np.square(np.abs(np.fft.rfft(clip.samples.astype(np.float64), axis=1))).sum(0)
    hertz = np.fft.rfftfreq(clip.frames, 1 / clip.sample_rate)
    if name == "high_share_db":
        high = float(power[hertz > BRIGHT_HZ].sum())
        return 10 * math.log10((high + 1e-9) / (float(power.sum()) + 1e-9))
    amplitudes = np.sqrt(power)
    return math.log2(float((hertz * amplitudes).sum() / max(float(amplitudes.sum()), 1e-9)) + 1.0)


def _bands(clip: AudioClip, segments: int) -> Float64Array:
    """Return the log spectrum, in bands of equal ratio, of equal parts of a clip."""
    parts = np.array_split(clip.samples.mean(0).astype(np.float64), segments)
    edges = np.geomspace(40, 16_000, MORPH_BANDS + 1)
    rows: list[Float64Array] = []
    for part in parts:
        power = np.square(np.abs(np.fft.rfft(part * np.hanning(part.size))))
        hertz = np.fft.rfftfreq(part.size, 1 / clip.sample_rate)
        at = np.searchsorted(hertz, edges)
        sums = [power[a : max(a + 1, b)].mean() for a, b in itertools.pairwise(at)]
        rows.append(np.log(np.array(sums) / part.size + 1e-5))
    return np.array(rows)


def _spearman(values: Float64Array) -> float:
    ranks = np.argsort(np.argsort(values))
    return float(np.corrcoef(ranks, np.arange(len(values)))[0, 1])


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan
