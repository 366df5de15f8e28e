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
from engine.diffusion.compose import EdgeKind, Edges, level_gain, put_into
from engine.diffusion.masks import keep_mask
from engine.display_name import display_name
from engine.errors import BadInputFile
from engine.messages import Phase
from engine.models.graft.codec import latent_frames
from engine.models.graft.conditioning import Grid
from engine.models.graft.decoding import KnownAudio, decode, random_phases
from engine.models.graft.key_guidance import key_tuner
from engine.models.graft.model import GraftModel, Wish
from engine.models.graft.sampling import Brief, LatentCanvas, SamplerSettings, sample
from engine.models.graft.spectral import LATENT_HOP
from engine.prompt import parse_prompt, resolve_fields
from engine.request import GenerationRequest, Task
from engine.sample_format import NATIVE_TYPES, dequantise
from engine.take import TakeFacts
from engine.take_maker import NativeSamples, ProgressCallback, RenderedTake
from engine.tempo import Tempo

DEFAULT_STRENGTH = 0.6
#: Variation starts inside the flow at this time for strength 0 and at 1 (noise) for strength 1.
LEAST_START_TIME = 0.15
#: Silence behind an open end, so that the circular decoder does not wrap audio round to it.
GUARD_LATENT_FRAMES = 2
PEAK_LIMIT = 0.999

Samples = TypeVar("Samples", NativeSamples, FloatArray)


@dataclass(frozen=True)
class Window:
    """A canvas at the model's rate. stereo: (2, T x 2048). spans: what is made, in its frames.
    rate: source frames per model frame."""

    stereo: FloatArray
    spans: tuple[FrameSpan, ...]
    rate: float


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
        native = self._blank()
        canvases = plan_canvases(self.plan, self.source.sample_rate, request.context_seconds)
        check_seconds(max(canvas.frames for canvas, _ in canvases) / self.source.sample_rate)
        generator = torch.Generator().manual_seed(request.seed)
        for number, (canvas, spans) in enumerate(canvases):
            steps = _Steps(on_progress, index, number, len(canvases))
            order = _Order(request, settings, generator, steps)
            self._fill(native, canvas, spans, order)
        made = time.monotonic()
        facts = self._facts(request, native, take_id)
        timings = {
            "making": round(made - begun, 3),
            "measuring": round(time.monotonic() - made, 3),
        }
        return RenderedTake(replace(facts, timings_seconds=timings), native)

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
        heard = dequantise(_cut(native, canvas.start, canvas.start + canvas.frames))
        window = self._window(heard, canvas, spans)
        rendered = self._render(window, canvas, order)
        stereo = to_source_rate(rendered, canvas, self.source.sample_rate)
        context = to_stereo(_outside(heard, canvas, spans))
        for span in spans:
            made = _cut(stereo, span.start - canvas.start, span.stop - canvas.start)
            gain = _gain(made, context, order.request.task)
            samples = fit_channels(made * np.float32(gain), heard, self.source.channels)
            rate, subtype = self.source.sample_rate, self.source.subtype
            put_into(native, span, samples, rate, subtype, self._edges(span))

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
            return Window(np.ascontiguousarray(stretched), tuple(scaled), 1 / scale)
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
        return Window(np.ascontiguousarray(stretched), tuple(scaled), 1 / scale)

    def _render(
        self,
        window: Window,
        canvas: Canvas,
        order: _Order,
    ) -> FloatArray:
        """Return the window's audio (2, T x 2048) with its spans made."""
        model = self.model
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
        brief = self._brief(order.request, window, canvas)
        made = sample(
            model.denoiser, latents, brief, settings, noise.to(model.device), order.steps.sampling
        )
        phases = random_phases(frames, order.generator).to(model.device)
        with torch.inference_mode():
            held = KnownAudio(stereo, window.spans, canvas.closes)
            return decode(model.codec, made, phases, held, order.steps.decoding).cpu().numpy()

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

    def _brief(self, request: GenerationRequest, window: Window, canvas: Canvas) -> Brief:
        fields = resolve_fields(request)
        exact = canvas.frames * MODEL_SAMPLE_RATE / self.source.sample_rate
        stretch = exact / window.stereo.shape[1] if canvas.closes else 1.0
        wish = Wish(
            text=request.prompt,
            family=fields.family,
            style=fields.style,
            key=fields.key,
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

    def _facts(self, request: GenerationRequest, native: NativeSamples, take_id: str) -> TakeFacts:
        from engine.analysis import measure  # slow to import: see backend.load_graft

        plan, rate = self.plan, self.source.sample_rate
        tempo = self.grid.tempo
        joins = {edge % plan.frames for s in plan.spans for edge in (s.start, s.stop)}
        if not plan.circular:
            joins -= {0}
        closed, bpm = plan.circular, None if tempo is None else float(tempo)
        beats = None if tempo is None else float(tempo.frames_to_beats(plan.frames, rate))
        clip = AudioClip(dequantise(native), rate)
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
            measured=measure(clip, sorted(joins), closed, bpm),
            model_version=self.model.version,
            device=str(self.model.device),
            runtime=self.model.runtime.text,
        )


@dataclass(frozen=True)
class _Steps:
    """Progress of one take over several canvases."""

    on_progress: ProgressCallback
    index: int
    number: int
    count: int

    def sampling(self, done: int, total: int) -> None:
        self.on_progress(self.index, Phase.SAMPLING, self.number * total + done, self.count * total)

    def decoding(self, done: int, total: int) -> None:
        self.on_progress(self.index, Phase.DECODING, self.number * total + done, self.count * total)


@dataclass(frozen=True)
class _Order:
    """What one take is made from. generator: goes on from canvas to canvas."""

    request: GenerationRequest
    settings: SamplerSettings
    generator: torch.Generator
    steps: _Steps


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


def _scaled(span: FrameSpan, start: int, scale: float) -> FrameSpan:
    first = math.floor((span.start - start) * scale)
    return FrameSpan(first, max(first + 1, math.ceil((span.stop - start) * scale)))


def _cut(samples: Samples, start: int, stop: int) -> Samples:
    """Return the frames [start, stop) of a circle; only one that crosses its ends is copied."""
    if start >= 0 and stop <= samples.shape[1]:
        return samples[:, start:stop]
    return samples.take(np.arange(start, stop), axis=1, mode="wrap")


def _outside(heard: FloatArray, canvas: Canvas, spans: Sequence[FrameSpan]) -> FloatArray:
    """Return what a canvas keeps: (channels, kept frames)."""
    kept = np.ones(canvas.frames, dtype=np.bool_)
    for span in spans:
        start, stop = span.start - canvas.start, span.stop - canvas.start
        kept[start:stop] = False
        kept[: max(0, stop - canvas.frames)] = False
    return heard[:, kept]


def _gain(made: FloatArray, context: FloatArray, task: Task) -> float:
    """Return the gain to the level around it, less where that would clip."""
    gain = 1.0 if task is Task.VARY else level_gain(made, context)
    peak = float(np.abs(made).max()) * gain
    return gain * min(1.0, PEAK_LIMIT / max(peak, PEAK_LIMIT))
