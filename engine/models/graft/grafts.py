"""Graft into a source with Graft: what is kept is held, what is made is composited in."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar, cast

import numpy as np
import torch

from engine.audio import (
    MODEL_SAMPLE_RATE,
    AudioClip,
    FloatArray,
    FrameSpan,
    resample,
    resample_circular,
)
from engine.audio_files import SourceAudio, read_source
from engine.diffusion.canvas import (
    Canvas,
    GraftPlan,
    SourceGrid,
    check_seconds,
    model_frames,
    plan_canvases,
    plan_graft,
)
from engine.diffusion.channels import fit_channels, to_stereo
from engine.diffusion.compose import EdgeKind, Edges, put_into
from engine.diffusion.levels import band_gains, equalised, limited
from engine.diffusion.masks import keep_mask
from engine.diffusion.surroundings import Surroundings, Window
from engine.display_name import display_name
from engine.errors import BadInputFile
from engine.key import Key
from engine.models.graft.codec import Codec, latent_frames
from engine.models.graft.conditioning import Grid
from engine.models.graft.decoding import KnownAudio, decode, random_phases
from engine.models.graft.graft_progress import GraftProgress
from engine.models.graft.key_guidance import key_tuner
from engine.models.graft.model import GraftModel, Wish
from engine.models.graft.sampling import Brief, LatentCanvas, SamplerSettings, sample
from engine.models.graft.spectral import LATENT_HOP
from engine.models.graft.tone import Tone, with_tones
from engine.prompt import parse_prompt, resolve_fields
from engine.request import GenerationRequest, Task
from engine.sample_format import NATIVE_TYPES, dequantise
from engine.take import Standing, TakeFacts
from engine.take_maker import NativeSamples, ProgressCallback, RenderedTake
from engine.tempo import Tempo

DEFAULT_STRENGTH = 0.6
#: Variation starts inside the flow at this time for strength 0 and at 1 (noise) for strength 1.
LEAST_START_TIME = 0.15
#: Below this adherence a second candidate is made.
GOOD_ADHERENCE = 0.7
#: Silence behind an open end, so that the circular decoder does not wrap audio round to it.
GUARD_LATENT_FRAMES = 2

Samples = TypeVar("Samples", NativeSamples, FloatArray)


@dataclass(frozen=True)
class GraftJob:
    """A source, its musical grid and the plan; makes one take after another."""

    model: GraftModel
    source: SourceAudio
    grid: SourceGrid
    plan: GraftPlan

    @classmethod
    def prepare(cls, model: GraftModel, request: GenerationRequest) -> GraftJob:
        """Read and measure the source. Raises BadInputFile, BadArgument."""
        assert request.source is not None  # checked by the request itself
        source = read_source(request.source.location)
        if source.sha256 != request.source.sha256:
            raise BadInputFile(
                f"The source “{display_name(source.path)}” has changed since this was asked for; "
                "start again from the file as it is now."
            )
        grid = find_grid(request, source)
        return cls(model, source, grid, plan_graft(request, grid))

    def make(
        self,
        request: GenerationRequest,
        index: int,
        settings: SamplerSettings,
        on_progress: ProgressCallback,
        take_id: str,
    ) -> RenderedTake:
        """Make one take. Outside the plan's spans every sample is the source's."""
        begun = time.monotonic()
        best = self._best(request, settings, GraftProgress(on_progress, index))
        made = time.monotonic()
        facts = self._facts(request, best, take_id)
        timings = {
            "making": round(made - begun, 3),
            "measuring": round(time.monotonic() - made, 3),
        }
        return RenderedTake(replace(facts, timings_seconds=timings), best.native)

    def _best(
        self, request: GenerationRequest, settings: SamplerSettings, progress: GraftProgress
    ) -> _Candidate:
        """Return the best of as many as are asked for; of two, if the first does not fit."""
        count = request.candidates or 1
        best = self._candidate(request, settings, replace(progress, candidates=count))
        if request.candidates is None and request.task is not Task.VARY and not best.fits:
            count, progress = 2, replace(progress, is_shown=False)
        for number in range(1, count):
            told = replace(progress, candidate=number, candidates=count)
            seeded = replace(request, seed=request.candidate_seed(number))
            other = self._candidate(seeded, settings, told)
            best = min(best, other, key=lambda candidate: candidate.standing)
        return replace(best, count=count)

    def _candidate(
        self, request: GenerationRequest, settings: SamplerSettings, progress: GraftProgress
    ) -> _Candidate:
        native = self._blank()
        canvases = plan_canvases(self.plan, self.source.sample_rate, request.context_seconds)
        check_seconds(max(canvas.frames for canvas, _ in canvases) / self.source.sample_rate)
        generator = torch.Generator().manual_seed(request.seed)
        for number, (canvas, spans) in enumerate(canvases):
            steps = replace(progress, canvas=number, canvases=len(canvases))
            order = _Order(request, settings, generator, steps)
            self._fill(native, canvas, spans, order)
        from engine.analysis import seam_scores  # slow to import: see backend.load_graft

        clip = AudioClip(dequantise(native), self.source.sample_rate)
        joins, circular = self._joins(), self.plan.circular
        key = resolve_fields(request).key
        return _Candidate(
            native=native,
            clip=clip,
            seam_score=max(
                seam_scores(clip.samples, clip.sample_rate, joins, circular=circular), default=None
            ),
            adherence=self._adherence(clip, key),
        )

    def _joins(self) -> list[int]:
        """Return the frames where what is made meets what is not, and the wrap of a loop."""
        plan = self.plan
        joins = {edge % plan.frames for s in plan.spans for edge in (s.start, s.stop)}
        return sorted(joins | {0} if plan.circular else joins - {0})

    def _adherence(self, clip: AudioClip, key: Key | None) -> float | None:
        from engine.analysis.adherence import BarGrid, measure_adherence

        downbeat = self.plan.source_offset + self.grid.downbeat_frame
        grid = BarGrid(self._bar_frames(), downbeat, self.grid.beats_per_bar)
        return measure_adherence(clip, self.plan.spans, grid, key)

    def _blank(self) -> NativeSamples:
        """Return the result with the source in its place and silence where nothing is yet."""
        shape = (self.source.channels, self.plan.frames)
        native = cast("NativeSamples", np.zeros(shape, dtype=NATIVE_TYPES[self.source.subtype]))
        start = self.plan.source_offset
        native[:, start : start + self.source.frames] = self.source.samples
        return native

    def _fill(
        self, native: NativeSamples, canvas: Canvas, spans: Sequence[FrameSpan], order: _Order
    ) -> None:
        """Make the spans of one canvas. Nothing here grows with the length of the source."""
        rate = self.source.sample_rate
        heard = dequantise(_cut(native, canvas.start, canvas.start + canvas.frames))
        around = Surroundings(heard, canvas, spans, self._bar_frames(), rate)
        rendered = self._render(self._window(heard, canvas, spans), around, order)
        stereo = to_source_rate(rendered, canvas, rate)
        for span in spans:
            made = _levelled(stereo, span, around, order.request)
            samples = fit_channels(made, heard, self.source.channels)
            put_into(native, span, samples, rate, self.source.subtype, self._edges(span))

    def _bar_frames(self) -> float | None:
        """Return how long a bar is, in frames of the source; None without a tempo."""
        if self.grid.tempo is None:
            return None
        beat = 1 / float(self.grid.tempo.frames_to_beats(1, self.source.sample_rate))
        return beat * self.grid.beats_per_bar

    def _edges(self, span: FrameSpan) -> Edges:
        """Say what each end of a span meets: the end of a circle meets its start."""
        if span.frames >= self.plan.frames:
            return Edges("open", "open")
        meets: EdgeKind = "old" if self.plan.keeps_old else "predicted"
        at_start = span.start == 0 and not self.plan.circular
        at_end = span.stop == self.plan.frames and not self.plan.circular
        return Edges("open" if at_start else meets, "open" if at_end else meets)

    def _window(self, heard: FloatArray, canvas: Canvas, spans: Sequence[FrameSpan]) -> Window:
        rate = self.source.sample_rate
        stereo = to_stereo(heard)
        if canvas.closes:
            count = latent_frames(round(canvas.frames * MODEL_SAMPLE_RATE / rate))
            stretched = resample_circular(stereo, count * LATENT_HOP)
            scale = count * LATENT_HOP / canvas.frames
            scaled = [_scaled(s, canvas.start, scale) for s in spans]
            return Window(np.ascontiguousarray(stretched), tuple(scaled), 1 / scale, canvas.closes)
        count = math.ceil(model_frames(canvas.frames, rate) / LATENT_HOP) + GUARD_LATENT_FRAMES
        total = count * LATENT_HOP
        resampled = resample(stereo, rate, MODEL_SAMPLE_RATE)[:, :total]
        stretched = np.pad(resampled, ((0, 0), (0, total - resampled.shape[1])))
        scale = MODEL_SAMPLE_RATE / rate
        scaled = [_scaled(s, canvas.start, scale) for s in spans]
        stop = canvas.start + canvas.frames
        if spans[-1].stop == stop:
            # Nothing comes after it: the guard is made too, or it would fade into its silence.
            scaled[-1] = FrameSpan(scaled[-1].start, total)
        return Window(np.ascontiguousarray(stretched), tuple(scaled), 1 / scale, canvas.closes)

    def _render(self, window: Window, around: Surroundings, order: _Order) -> FloatArray:
        """Return the window's audio (2, T x 2048) with its spans made."""
        model, canvas = self.model, around.canvas
        frames = window.stereo.shape[1] // LATENT_HOP
        stereo = torch.from_numpy(window.stereo).to(model.device)
        keep = keep_mask(frames, LATENT_HOP, window.spans, circular=canvas.closes)
        noise = torch.randn(frames, model.codec.scale.shape[0], generator=order.generator)
        with torch.inference_mode():
            known = model.codec.encode(stereo)
        latents = LatentCanvas(
            known, keep.to(model.device), self._grid(window, canvas, frames), canvas.closes
        )
        settings = replace(order.settings, start_time=_start_time(order.request))
        brief = self._brief(order.request, window, around)
        made = sample(
            model.denoiser, latents, brief, settings, noise.to(model.device), order.steps.sampling
        )
        made = _toned(model.codec, made, latents.keep, order.request)
        phases = random_phases(frames, order.generator).to(model.device)
        with torch.inference_mode():
            like = self._like(window, around, order.request.task)
            held = KnownAudio(stereo, window.spans, canvas.closes, like)
            return decode(model.codec, made, phases, held, order.steps.decoding).cpu().numpy()

    def _like(self, window: Window, around: Surroundings, task: Task) -> torch.Tensor:
        """Return what the made audio takes its phases from: what is varied, or the other bars.

        A bin is 21 Hz wide: within it, phases alone tell one bass note from the next. In the key
        of the rest with random phases and with these: 0.62 and 0.80 (a bass), 0.51 and 0.88
        (brass), 0.32 and 0.42 (a bass loop).
        """
        like = window.stereo if task is Task.VARY else window.likeness(around.bar_frames)
        return torch.from_numpy(like).to(self.model.device)

    def _grid(self, window: Window, canvas: Canvas, frames: int) -> Grid:
        if self.grid.tempo is None:
            return Grid(frames, 0.0)
        rate = self.source.sample_rate
        beats_per_frame = float(self.grid.tempo.frames_to_beats(1, rate))
        downbeat = self.plan.source_offset + self.grid.downbeat_frame
        beats = frames * LATENT_HOP * window.rate * beats_per_frame
        return Grid(
            latent_frames=frames,
            beats=beats,
            start_beat=(canvas.start - downbeat) * beats_per_frame,
            beats_per_bar=self.grid.beats_per_bar,
            period_beats=beats if canvas.closes else None,
        )

    def _brief(self, request: GenerationRequest, window: Window, around: Surroundings) -> Brief:
        canvas = around.canvas
        fields = self.model.with_family(resolve_fields(request), request.prompt)
        exact = canvas.frames * MODEL_SAMPLE_RATE / self.source.sample_rate
        stretch = exact / window.stereo.shape[1] if canvas.closes else 1.0
        wish = Wish(
            text=request.prompt,
            family=fields.family,
            style=fields.style,
            key=fields.key or around.key(of_old_too=request.task is Task.VARY),
            bpm=0.0 if self.grid.tempo is None else float(self.grid.tempo),
            detune_semitones=12 * math.log2(stretch),
            is_loop=1.0,
        )
        row = self.model.conditions(wish)
        without = row.unprompted()
        if request.negative_prompt:
            bad = parse_prompt(request.negative_prompt)
            without = self.model.conditions(
                replace(wish, text=request.negative_prompt, family=bad.family, style=bad.style)
            )
        return Brief((row,), without, tuners=(key_tuner(self.model.codec, row),))

    def _facts(self, request: GenerationRequest, best: _Candidate, take_id: str) -> TakeFacts:
        from engine.analysis import measure  # slow to import: see backend.load_graft

        plan, rate = self.plan, self.source.sample_rate
        tempo = self.grid.tempo
        closed, bpm = plan.circular, None if tempo is None else float(tempo)
        beats = None if tempo is None else float(tempo.frames_to_beats(plan.frames, rate))
        return TakeFacts(
            take_id=take_id,
            request=request,
            frames=plan.frames,
            sample_rate=rate,
            channels=self.source.channels,
            subtype=self.source.subtype,
            tempo_bpm=bpm,
            bars=None if beats is None else round(beats / self.grid.beats_per_bar, 4),
            downbeat_frame=plan.source_offset + self.grid.downbeat_frame,
            is_loop=closed,
            grafted=plan.spans,
            measured=measure(best.clip, self._joins(), closed, bpm),
            model_version=self.model.version,
            device=str(self.model.device),
            runtime=self.model.runtime.text,
            adherence=best.adherence,
            candidates=best.count,
        )


@dataclass(frozen=True)
class _Candidate:
    """What may become a take. native: all of it, in the source's own numbers; clip: the
    same as floats. count: how many were made."""

    native: NativeSamples
    clip: AudioClip
    seam_score: float | None
    adherence: float | None
    count: int = 1

    @property
    def standing(self) -> Standing:
        return Standing.of(self.seam_score, self.adherence)

    @property
    def fits(self) -> bool:
        """Whether a producer would keep it: no join is heard, and it goes with the rest."""
        astray = self.adherence is not None and self.adherence < GOOD_ADHERENCE
        return not (self.standing.is_heard or astray)


@dataclass(frozen=True)
class _Order:
    """What one take is made from. generator: goes on from canvas to canvas."""

    request: GenerationRequest
    settings: SamplerSettings
    generator: torch.Generator
    steps: GraftProgress


def find_grid(request: GenerationRequest, source: SourceAudio) -> SourceGrid:
    """Return the source's grid: as the request says, else as measured."""
    tempo, downbeat = request.tempo, request.downbeat_frame
    if tempo is None or downbeat is None:
        from engine.analysis import measure_tempo  # slow to import: see backend.load_graft

        found = measure_tempo(source.clip(), loop_hypothesis=True)
        if tempo is None and found.bpm is not None:
            tempo = Tempo.of(round(found.bpm, 3))
        downbeat = found.downbeat_frame if downbeat is None else downbeat
    return SourceGrid(
        tempo, downbeat, request.signature.beats_per_bar, source.frames, source.sample_rate
    )


def to_source_rate(stereo: FloatArray, canvas: Canvas, sample_rate: int) -> FloatArray:
    """Bring a rendered window back to the canvas: (2, canvas.frames)."""
    if canvas.closes:
        return resample_circular(stereo, canvas.frames)
    out = resample(stereo, MODEL_SAMPLE_RATE, sample_rate)
    return np.pad(out, ((0, 0), (0, max(0, canvas.frames - out.shape[1]))))[:, : canvas.frames]


def _start_time(request: GenerationRequest) -> float:
    if request.task is not Task.VARY:
        return 1.0
    strength = DEFAULT_STRENGTH if request.strength is None else request.strength
    return LEAST_START_TIME + (1 - LEAST_START_TIME) * strength


def _toned(
    codec: Codec, latents: torch.Tensor, keep: torch.Tensor, request: GenerationRequest
) -> torch.Tensor:
    """Make what is made as dark, bright, mono or wide as the words say, by as much as it is made.

    Of 18 continuations with other words 11 moved as they say without this, 14 with it.
    """
    tone = Tone.of(request.prompt, request.negative_prompt).scaled(_start_time(request))
    return torch.where(keep > 0.5, latents, with_tones(codec, latents, [tone], None))


def _scaled(span: FrameSpan, start: int, scale: float) -> FrameSpan:
    first = math.floor((span.start - start) * scale)
    return FrameSpan(first, max(first + 1, math.ceil((span.stop - start) * scale)))


def _cut(samples: Samples, start: int, stop: int) -> Samples:
    """Return the frames [start, stop) of a circle; only one that crosses its ends is copied."""
    if start >= 0 and stop <= samples.shape[1]:
        return samples[:, start:stop]
    return samples.take(np.arange(start, stop), axis=1, mode="wrap")


def _levelled(
    stereo: FloatArray, span: FrameSpan, around: Surroundings, request: GenerationRequest
) -> FloatArray:
    """Return a span's part of a rendered canvas at the level of what is around it.

    A variation is held against what it varies, else a span against the same place of other bars,
    else against all that is kept. Words, and a place unlike the rest, may have their own colour.
    """
    pieces = around.old(span) if request.task is Task.VARY else around.same_places(span)
    as_a_whole = bool(request.prompt.strip()) or not pieces
    start, stop = span.start - around.canvas.start, span.stop - around.canvas.start
    gains = band_gains(
        _cut(stereo, start, stop),
        pieces or around.all_kept(),
        around.sample_rate,
        as_a_whole=as_a_whole,
    )
    made = _cut(equalised(stereo, gains, around.sample_rate), start, stop)
    return limited(made, around.sample_rate)
