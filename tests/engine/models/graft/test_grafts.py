"""Grafts: outside what is made, every sample is the file's own; inside, it joins."""

from __future__ import annotations

import hashlib
import itertools
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import analysis
from engine.audio import FrameSpan
from engine.audio_files import SourceAudio
from engine.diffusion.canvas import SourceGrid, plan_graft
from engine.errors import BadArgument, BadInputFile, JobCancelled
from engine.messages import Phase
from engine.models.graft import grafts
from engine.models.graft.backend import GraftMaker, sampler_settings
from engine.models.graft.decoding import decode
from engine.models.graft.grafts import GraftJob
from engine.models.graft.sampling import sample
from engine.request import GenerationRequest, SourceReference, Task
from engine.sample_format import dequantise, quantise
from engine.take_maker import NativeSamples, RenderedTake
from engine.tempo import Tempo
from tests.engine.models.graft.tiny_model import tiny_model

RATES = (8_000, 22_050, 44_100, 48_000, 96_000, 192_000)
SUBTYPES = ("PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")
TASKS = ("inpaint", "vary", "loop", "forward", "backward")


@pytest.fixture(autouse=True)
def quick_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four iterations of Griffin-Lim, not 32: nothing here is about the sound."""
    monkeypatch.setattr(grafts, "decode", partial(decode, iterations=4))


def _ignore(index: int, phase: Phase, step: int, steps: int) -> None:
    return None


def _music(seconds: float, rate: int, channels: int, bpm: float = 120.0) -> np.ndarray:
    """Return (channels, frames): a click on each beat over a tone and a little noise."""
    frames = round(seconds * rate)
    position = np.arange(frames)
    generator = np.random.default_rng(1)
    beat = 60 / bpm * rate
    click = np.exp(-(position % beat) / (0.01 * rate))
    tone = 0.2 * np.sin(2 * np.pi * 220 * position / rate)
    noise = generator.uniform(-1, 1, (channels, frames))
    return tone + (0.4 * click + 0.01) * noise


def _write(folder: Path, samples: np.ndarray, rate: int, subtype: str = "PCM_24") -> Path:
    path = folder / "source.wav"
    native = quantise(samples, subtype)
    sf.write(path, native.T, rate, subtype=subtype)
    return path


def _native(path: Path, subtype: str) -> NativeSamples:
    kind = {"FLOAT": "float32", "DOUBLE": "float64"}.get(subtype, "int32")
    return np.ascontiguousarray(sf.read(path, dtype=kind, always_2d=True)[0].T)


def _reference(path: Path) -> SourceReference:
    return SourceReference.to(path, hashlib.sha256(path.read_bytes()).hexdigest())


def _order(task: str, source: SourceReference, frames: int, **more) -> GenerationRequest:
    middle = (FrameSpan(frames // 3, max(frames // 3 + 1, frames // 2)),)
    plain = {
        "inpaint": {"task": Task.INPAINT, "spans": middle},
        "vary": {"task": Task.VARY, "spans": middle},
        "loop": {"task": Task.LOOP},
        "forward": {"task": Task.CONTINUE, "bars": 1},
        "backward": {"task": Task.CONTINUE, "bars": 1, "direction": "backward"},
    }[task]
    defaults = {"seed": 3, "prompt": "bass", "steps": 1, "bpm": 240.0, "downbeat_frame": 0}
    defaults["candidates"] = 1
    return GenerationRequest(**{**defaults, **plain, "source": source, **more})


def _make(request: GenerationRequest, on_progress=_ignore) -> RenderedTake:
    return next(iter(GraftMaker(tiny_model()).make(request, on_progress)))


def _in_memory(
    samples: NativeSamples, rate: int, subtype: str, request: GenerationRequest,
    bpm: float | None = 240.0, told: list[tuple[Phase, int, int]] | None = None,
) -> RenderedTake:  # fmt: skip
    """Graft without the reading child, which costs more than the tiny model."""
    source = SourceAudio(samples, rate, subtype, Path("/music/source.wav"), "ab" * 32)
    tempo = None if bpm is None else Tempo.of(bpm)
    grid = SourceGrid(tempo, 0, 4, source.frames, rate)
    job = GraftJob(tiny_model(), source, grid, plan_graft(request, grid))

    def note(_index: int, phase: Phase, step: int, steps: int) -> None:
        if told is not None:
            told.append((phase, step, steps))

    return job.make(request, 0, sampler_settings(request), note, "id")


def _check_untouched(take: RenderedTake, source: NativeSamples, offset: int) -> None:
    """Every sample outside take.facts.grafted is the source's; the made ones are not silence."""
    samples = take.samples
    assert samples.dtype == source.dtype
    assert np.isfinite(samples).all()
    outside = np.ones(samples.shape[1], dtype=np.bool_)
    for span in take.facts.grafted:
        outside[span.start : span.stop] = False
        assert samples[:, span.start : span.stop].any()
    placed = np.zeros_like(samples)
    placed[:, offset : offset + source.shape[1]] = source
    assert np.array_equal(samples[:, outside], placed[:, outside])
    assert not np.array_equal(samples, placed)


CASES = [
    (rate, (1, 2, 6)[i % 3], subtype, TASKS[i % 5 if i % 2 else (i + 2) % 5])
    for i, (rate, subtype) in enumerate(itertools.product(RATES, SUBTYPES))
]


@pytest.mark.parametrize(("rate", "channels", "subtype", "task"), CASES)
def test_outside_what_is_made_every_sample_is_the_sources(
    rate: int, channels: int, subtype: str, task: str
) -> None:
    source = quantise(_music(0.4, rate, channels), subtype)
    take = _in_memory(
        source, rate, subtype, _order(task, SourceReference("/x", "ab"), source.shape[1])
    )
    assert (take.facts.sample_rate, take.facts.channels) == (rate, channels)
    added = rate if task in ("forward", "backward") else 0
    assert take.samples.shape == (channels, source.shape[1] + added)
    _check_untouched(take, source, added if task == "backward" else 0)


@pytest.mark.parametrize(("rate", "channels", "subtype", "task"), CASES[::7])
def test_outside_what_is_made_the_file_is_bit_exact(
    tmp_path: Path, rate: int, channels: int, subtype: str, task: str
) -> None:
    """The same from a real file, read back by libsndfile itself."""
    path = _write(tmp_path, _music(0.7, rate, channels), rate, subtype)
    source = _native(path, subtype)
    take = _make(_order(task, _reference(path), source.shape[1]))
    facts = take.facts
    assert (facts.sample_rate, facts.channels, facts.subtype) == (rate, channels, subtype)
    added = rate if task in ("forward", "backward") else 0
    assert take.samples.shape == (channels, facts.frames)
    assert facts.frames == source.shape[1] + added
    _check_untouched(take, source, added if task == "backward" else 0)


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_spans_anywhere_leave_everything_else_bit_exact(data: st.DataObject) -> None:
    rate = data.draw(st.sampled_from(RATES[:3]))
    subtype = data.draw(st.sampled_from(SUBTYPES))
    channels = data.draw(st.sampled_from([1, 2, 6]))
    task = data.draw(st.sampled_from(["inpaint", "vary"]))
    bars = data.draw(st.sampled_from([0.4, 1.0]))  # 240 bpm: one bar is one second, a loop
    source = quantise(_music(bars, rate, channels), subtype)
    frames = source.shape[1]
    cuts = data.draw(
        st.lists(st.integers(0, frames), min_size=2, max_size=6, unique=True).map(sorted)
    )
    spans = tuple(FrameSpan(a, b) for a, b in zip(cuts[::2], cuts[1::2], strict=False))
    context = data.draw(st.sampled_from([None, 0.1]))
    order = _order(task, SourceReference("/x", "ab"), frames, spans=spans, context_seconds=context)
    take = _in_memory(source, rate, subtype, order)
    outside = np.ones(frames, dtype=np.bool_)
    for span in spans:
        outside[span.start : span.stop] = False
    assert np.array_equal(take.samples[:, outside], source[:, outside])
    assert np.isfinite(take.samples).all()
    assert take.facts.frames == frames


@pytest.mark.parametrize("seconds", [1.0, 14.0])
@pytest.mark.parametrize("context", [None, 0.2])
def test_closing_a_loop_takes_the_click_at_its_wrap_away(
    seconds: float, context: float | None
) -> None:
    """A ramp jumps by its whole height at the wrap; what is made there must not keep the jump."""
    rate = 8_000
    frames = round(seconds * rate)
    ramp = np.linspace(-0.5, 0.5, frames, dtype=np.float32)[None].repeat(2, axis=0)
    order = _order("loop", SourceReference("/x", "ab"), frames, context_seconds=context)
    take = _in_memory(ramp.copy(), rate, "FLOAT", order)
    reach = rate // 8  # half a beat at 240 bpm
    assert take.facts.grafted == (FrameSpan(0, reach), FrameSpan(frames - reach, frames))
    _check_untouched(take, ramp, 0)
    made = np.concatenate([take.samples[:, -reach:], take.samples[:, :reach]], axis=1)
    jumps = np.abs(np.diff(made))
    # The wrap is a step like any other inside what was made, not the ramp's jump of 1.0.
    assert jumps[:, reach - 1].max() <= np.abs(jumps).max() <= 0.9
    before, after = made[:, reach - 40 : reach].mean(), made[:, reach : reach + 40].mean()
    assert abs(before - after) <= 0.5


def test_nothing_old_is_left_right_at_a_closed_wrap() -> None:
    """The fades lie at the outer ends of the two spans, none at the wrap between them."""
    rate, frames = 44_100, 44_100
    source = _music(1.0, rate, 2).astype(np.float32)
    reach = round(rate / 8 + 0.1)  # half a beat at 240 bpm, half frames up
    order = _order("loop", SourceReference("/x", "ab"), frames)
    closed = _in_memory(source.copy(), rate, "FLOAT", order)
    change = np.abs(closed.samples - source).max(axis=0)
    for stretch in (slice(0, 64), slice(frames - 64, frames)):
        assert change[stretch].mean() > 0.05, "old audio is left at the wrap"
    assert not change[reach : frames - reach].any()


@pytest.mark.parametrize("task", ["forward", "backward"])
def test_what_is_added_to_a_loop_meets_it_at_both_ends(task: str) -> None:
    """One bar of a tone, whole cycles: the added bar joins at its start and across the wrap."""
    rate = 44_100
    position = np.arange(rate)
    tone = (0.5 * np.sin(2 * np.pi * 110 * position / rate)).astype(np.float32)[None]
    take = _in_memory(tone, rate, "FLOAT", _order(task, SourceReference("/x", "ab"), rate))
    assert take.facts.is_loop
    samples = take.samples[0].astype(np.float64)
    steepest = 0.5 * 2 * np.pi * 110 / rate
    for join in (0, rate):
        step = abs(samples[join] - samples[join - 1])
        # From the tone's own prediction: its slope, and the first sliver of the fade.
        assert step <= 1.5 * steepest


@pytest.mark.parametrize(("task", "open_end"), [("forward", True), ("backward", False)])
def test_behind_an_open_end_no_silence_is_told_as_known(
    monkeypatch: pytest.MonkeyPatch, task: str, open_end: bool
) -> None:
    """The guard behind a continuation is made with it; behind kept audio it stays silence."""
    seen: list[np.ndarray] = []

    def spy(denoiser, canvas, *rest):
        seen.append(canvas.keep[-grafts.GUARD_LATENT_FRAMES :, 0].numpy())
        return sample(denoiser, canvas, *rest)

    monkeypatch.setattr(grafts, "sample", spy)
    source = _music(1.3, 44_100, 2).astype(np.float32)
    order = _order(task, SourceReference("/x", "ab"), source.shape[1])
    _check_untouched(_in_memory(source, 44_100, "FLOAT", order), source, 0 if open_end else 44_100)
    assert [guard.tolist() for guard in seen] == [[0.0, 0.0] if open_end else [1.0, 1.0]]


def test_a_long_source_is_made_by_short_canvases() -> None:
    rate, frames = 8_000, 40 * 8_000
    source = quantise(_music(40.0, rate, 2), "PCM_16")
    starts = (0, 12 * rate, 25 * rate, frames - 4_000)
    spans = tuple(FrameSpan(start, start + 4_000) for start in starts)
    order = _order("inpaint", SourceReference("/x", "ab"), frames, spans=spans)
    for bpm, context in ((240.0, None), (77.7, 0.5)):
        asked = replace(order, context_seconds=context)
        take = _in_memory(source, rate, "PCM_16", asked, bpm)
        _check_untouched(take, source, 0)
        assert take.facts.grafted == spans


def test_spans_of_one_take_do_not_repeat_each_other() -> None:
    """Each canvas goes on in the take's noise; one seed again would give one sound twice."""
    rate, frames = 8_000, 30 * 8_000
    source = quantise(np.tile(_music(1.0, rate, 1), 30), "FLOAT")
    spans = (FrameSpan(8 * rate, 9 * rate), FrameSpan(22 * rate, 23 * rate))
    order = _order("inpaint", SourceReference("/x", "ab"), frames, spans=spans)
    take = _in_memory(source, rate, "FLOAT", order)
    a, b = (take.samples[0, s.start + 800 : s.stop - 800].astype(np.float64) for s in spans)
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.5


def test_the_cost_of_a_graft_does_not_grow_with_the_source(monkeypatch) -> None:
    """No float copy of the whole file per span: its samples are read round each span alone."""
    rate, frames = 8_000, 300 * 8_000
    read: list[int] = []

    def counted(samples: NativeSamples) -> np.ndarray:
        read.append(samples.shape[1])
        return dequantise(samples)

    monkeypatch.setattr(analysis, "measure", lambda *_heard: None)
    source = np.zeros((6, frames), np.int32)
    source[:, ::80] = 1 << 20
    spans = tuple(FrameSpan(s * rate, s * rate + 400) for s in (50, 150, 250))
    order = _order("inpaint", SourceReference("/x", "ab"), frames, spans=spans)
    monkeypatch.setattr(grafts, "dequantise", counted)
    begun = time.process_time()
    take = _in_memory(source, rate, "PCM_24", order)
    assert time.process_time() - begun < 30
    assert sorted(read)[:-1] == [8 * rate + 400] * 3
    _check_untouched(take, source, 0)


def test_the_same_graft_twice_is_byte_identical_and_seeds_differ(tmp_path: Path) -> None:
    path = _write(tmp_path, _music(0.7, 44_100, 2), 44_100)
    order = _order("inpaint", _reference(path), 30_870, variations=2)
    first, second = GraftMaker(tiny_model()).make(order, _ignore)
    again = _make(replace(order, variations=1))
    assert first.samples.tobytes() == again.samples.tobytes()
    assert first.facts.take_id == again.facts.take_id != second.facts.take_id
    assert first.samples.tobytes() != second.samples.tobytes()
    assert _make(second.facts.request).samples.tobytes() == second.samples.tobytes()


def test_a_source_that_has_changed_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = _write(tmp_path, _music(0.5, 8_000, 1), 8_000)
    order = _order("inpaint", _reference(path), 4_000)
    _write(tmp_path, 0.5 * _music(0.5, 8_000, 1), 8_000)
    with pytest.raises(BadInputFile, match=r"“source\.wav” has changed"):
        _make(order)


def test_a_source_that_is_gone_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = _write(tmp_path, _music(0.5, 8_000, 1), 8_000)
    order = _order("inpaint", _reference(path), 4_000)
    path.unlink()
    with pytest.raises(BadInputFile, match="There is no file"):
        _make(order)


def test_spans_outside_the_file_are_refused_and_those_over_its_end_are_cut(tmp_path: Path) -> None:
    path = _write(tmp_path, _music(0.5, 8_000, 1), 8_000)
    order = _order("inpaint", _reference(path), 4_000)
    with pytest.raises(BadArgument, match="the file has 4000 frames"):
        _make(replace(order, spans=(FrameSpan(4_000, 5_000),)))
    take = _make(replace(order, spans=(FrameSpan(3_000, 99_000),)))
    assert take.facts.grafted == (FrameSpan(3_000, 4_000),)


def test_continuing_what_has_no_tempo_is_refused_in_one_sentence(tmp_path: Path) -> None:
    drone = 0.3 * np.sin(2 * np.pi * 100 * np.arange(16_000) / 8_000)[None]
    path = _write(tmp_path, drone, 8_000)
    order = _order("forward", _reference(path), 16_000, bpm=None, downbeat_frame=None)
    with pytest.raises(BadArgument, match="No tempo could be measured"):
        _make(order)


def test_without_bpm_the_measured_tempo_is_used(tmp_path: Path) -> None:
    path = _write(tmp_path, _music(4.0, 22_050, 1, bpm=120.0), 22_050)
    take = _make(_order("forward", _reference(path), 88_200, bpm=None, downbeat_frame=None))
    # Bare clicks may be heard at half the tempo.
    assert take.facts.tempo_bpm in (pytest.approx(120.0, rel=0.01), pytest.approx(60.0, rel=0.01))
    assert take.facts.frames == 88_200 + Tempo.of(take.facts.tempo_bpm).beats_to_frames(4, 22_050)


def test_the_grid_of_an_intro_starts_a_bar_before_the_source() -> None:
    rate = 8_000
    source = quantise(_music(1.0, rate, 1), "FLOAT")
    order = _order("backward", SourceReference("/x", "ab"), rate)
    take = _in_memory(source, rate, "FLOAT", order)
    assert take.facts.downbeat_frame == rate
    assert take.facts.bars == 2.0


def _latent_likeness(a: np.ndarray, b: np.ndarray) -> float:
    import torch

    codec = tiny_model().codec
    pair = [codec.encode(torch.from_numpy(x)).flatten().numpy() for x in (a, b)]
    return float(np.corrcoef(pair)[0, 1])


def test_variation_of_strength_zero_is_nearly_the_source_and_one_is_not() -> None:
    rate, frames = 44_100, 43 * 2048
    source = _music(frames / rate, rate, 2, bpm=240.0).astype(np.float32)
    alike = []
    for strength in (0.0, 1.0):
        order = _order("vary", SourceReference("/x", "ab"), frames, spans=(), strength=strength)
        take = _in_memory(source, rate, "FLOAT", replace(order, steps=4))
        assert take.facts.grafted == (FrameSpan(0, frames),)
        alike.append(_latent_likeness(take.samples, source))
    assert alike[0] > 0.8
    assert alike[1] < alike[0] - 0.3


@pytest.mark.parametrize("phase", [Phase.READING, Phase.SAMPLING, Phase.DECODING])
def test_cancelling_a_graft_in_any_phase_stops_it(tmp_path: Path, phase: Phase) -> None:
    def cancel(index: int, at: Phase, step: int, steps: int) -> None:
        if at is phase:
            raise JobCancelled

    path = _write(tmp_path, _music(0.5, 8_000, 1), 8_000)
    with pytest.raises(JobCancelled):
        _make(_order("inpaint", _reference(path), 4_000), cancel)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("seconds", [0.05, 0.5])
@pytest.mark.parametrize("bpm", [None, 240.0])
def test_silence_and_snippets_give_audio_or_one_sentence(
    task: str, seconds: float, bpm: float | None
) -> None:
    rate = 22_050
    for level in (0.0, 1.0):
        source = quantise(level * _music(seconds, rate, 2), "PCM_16")
        frames = source.shape[1]
        order = _order(task, SourceReference("/x", "ab"), frames)
        if bpm is None and task in ("forward", "backward"):
            with pytest.raises(BadArgument, match="No tempo could be measured"):
                _in_memory(source, rate, "PCM_16", order, bpm)
            continue
        take = _in_memory(source, rate, "PCM_16", order, bpm)
        assert np.isfinite(dequantise(take.samples)).all()
        assert take.samples.shape[1] == take.facts.frames >= frames


@pytest.mark.parametrize("frames", [1, 2, 3, 7, 31])
@pytest.mark.parametrize("task", ["inpaint", "vary", "loop", "forward"])
def test_sources_of_a_few_frames_give_audio_or_one_sentence(task: str, frames: int) -> None:
    source = quantise(np.full((1, frames), 0.25), "PCM_16")
    spans = (FrameSpan(0, 1),) if task in ("inpaint", "vary") else ()
    order = _order(task, SourceReference("/x", "ab"), frames, spans=spans)
    if task == "loop" and frames < 4:
        with pytest.raises(BadArgument, match="too short to close"):
            _in_memory(source, 8_000, "PCM_16", order)
        return
    take = _in_memory(source, 8_000, "PCM_16", order)
    assert np.isfinite(dequantise(take.samples)).all()


def test_the_take_is_the_best_of_its_candidates() -> None:
    """Each candidate is what its own seed makes; the best standing among them is the take."""
    source = _music(1.0, 8_000, 2).astype(np.float32)
    order = _order("inpaint", SourceReference("/x", "ab"), source.shape[1])
    alone = [
        _in_memory(source, 8_000, "FLOAT", replace(order, seed=order.candidate_seed(number)))
        for number in range(3)
    ]
    assert len({take.samples.tobytes() for take in alone}) == 3
    best = _in_memory(source, 8_000, "FLOAT", replace(order, candidates=3))
    wanted = min(alone, key=lambda take: take.facts.standing)
    assert np.array_equal(best.samples, wanted.samples)
    assert best.facts.candidates == 3
    assert best.facts.request.seed == order.seed
    assert best.facts.adherence == wanted.facts.adherence


@pytest.mark.parametrize(("fits", "made"), [(True, 1), (False, 2)])
def test_a_second_candidate_is_made_only_where_the_first_does_not_fit(
    monkeypatch: pytest.MonkeyPatch, fits: bool, made: int
) -> None:
    monkeypatch.setattr(grafts, "GOOD_ADHERENCE", 0.0 if fits else 1.01)
    source = _music(1.0, 8_000, 2).astype(np.float32)
    order = _order("inpaint", SourceReference("/x", "ab"), source.shape[1], candidates=None)
    told: list[tuple[Phase, int, int]] = []
    take = _in_memory(source, 8_000, "FLOAT", order, told=told)
    again = _in_memory(source, 8_000, "FLOAT", order)
    assert take.facts.measured.seam_score is not None
    assert take.facts.measured.seam_score <= 1.0
    assert take.facts.candidates == made
    assert np.array_equal(take.samples, again.samples)
    sampling = [step for phase, step, _ in told if phase is Phase.SAMPLING]
    assert sampling == sorted(sampling), "progress never runs back"
