"""Graft into a source with Graft: what is kept is held, what is made is composited in."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from engine.analysis import measure, measure_tempo
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
    model_frames,
    plan_canvases,
    plan_graft,
)
from engine.diffusion.channels import fit_channels, to_stereo
from engine.diffusion.compose import Edges, level_gain, put_into
from engine.diffusion.masks import keep_mask
from engine.errors import BadInputFile
from engine.messages import Phase
from engine.models.graft.codec import latent_frames
from engine.models.graft.conditioning import Grid
from engine.models.graft.decoding import KnownAudio, decode, random_phases
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
                f"The source “{source.path.name}” has changed since this was asked for; "
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
        for number, (canvas, spans) in enumerate(canvases):
            self._fill(
                native,
                canvas,
                spans,
                request,
                settings,
                _Steps(on_progress, index, number, len(canvases)),
            )
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
        native = np.zeros(shape, dtype=NATIVE_TYPES[self.source.subtype])
        start = self.plan.source_offset
        native[:, start : start + self.source.frames] = self.source.samples
        return native

    def _fill(
        self,
        native: NativeSamples,
        canvas: Canvas,
        spans: Sequence[FrameSpan],
        request: GenerationRequest,
        settings: SamplerSettings,
        steps: _Steps,
    ) -> None:
        window = self._window(native, canvas, spans)
        stereo = self._render(window, canvas, request, settings, steps)
        rate = self.source.sample_rate
        made = to_source_rate(stereo, canvas, rate)
        for span in spans:
            local = (span.start - canvas.start, span.stop - canvas.start)
            context = np.delete(
                to_stereo(dequantise(native)),
                np.r_[span.start : min(span.stop, self.plan.frames)],
                axis=1,
            )
            self._put(native, span, made[:, local[0] : local[1]], context, request)

    def _put(
        self,
        native: NativeSamples,
        span: FrameSpan,
        stereo: FloatArray,
        context: FloatArray,
        request: GenerationRequest,
    ) -> None:
        gain = 1.0 if request.task is Task.VARY else level_gain(stereo, context)
        peak = float(np.abs(stereo).max()) * gain
        if peak > PEAK_LIMIT:
            gain *= PEAK_LIMIT / peak
        samples = fit_channels(stereo * np.float32(gain), dequantise(native), self.source.channels)
        for part, taken in _unwrapped(span, self.plan.frames):
            put_into(
                native,
                part,
                samples[:, taken : taken + part.frames],
                self.source.sample_rate,
                self.source.subtype,
                self._edges(part, span),
            )

    def _edges(self, part: FrameSpan, span: FrameSpan) -> Edges:
        """Say what each end of a span meets; the wrap inside a span meets itself."""
        if self.plan.keeps_old:
            inner_left = part.start == 0 and span.start != 0
            inner_right = part.stop == self.plan.frames and span.stop != self.plan.frames
            at_start = part.start == 0 and not self.plan.circular
            at_end = part.stop == self.plan.frames and not self.plan.circular
            whole = part.frames == self.plan.frames
            return Edges(
                "open" if inner_left or at_start or whole else "old",
                "open" if inner_right or at_end or whole else "old",
            )
        left_known = part.start > 0
        right_known = part.stop < self.plan.frames
        return Edges("predicted" if left_known else "open", "predicted" if right_known else "open")

    def _window(self, native: NativeSamples, canvas: Canvas, spans: Sequence[FrameSpan]) -> Window:
        rate = self.source.sample_rate
        indices = np.arange(canvas.start, canvas.start + canvas.frames)
        part = native.take(indices % self.plan.frames, axis=1)
        stereo = to_stereo(dequantise(part))
        if canvas.closes:
            count = latent_frames(round(canvas.frames * MODEL_SAMPLE_RATE / rate))
            stretched = resample_circular(stereo, count * LATENT_HOP)
        else:
            count = math.ceil(model_frames(canvas.frames, rate) / LATENT_HOP) + GUARD_LATENT_FRAMES
            resampled = resample(stereo, rate, MODEL_SAMPLE_RATE)[:, : count * LATENT_HOP]
            stretched = np.pad(resampled, ((0, 0), (0, count * LATENT_HOP - resampled.shape[1])))
        scale = count * LATENT_HOP / canvas.frames if canvas.closes else MODEL_SAMPLE_RATE / rate
        return Window(
            np.ascontiguousarray(stretched),
            tuple(_scaled(s, canvas.start, scale, count * LATENT_HOP) for s in spans),
            1 / scale,
        )

    def _render(
        self,
        window: Window,
        canvas: Canvas,
        request: GenerationRequest,
        settings: SamplerSettings,
        steps: _Steps,
    ) -> FloatArray:
        """Return the window's audio (2, T x 2048) with its spans made."""
        model = self.model
        frames = window.stereo.shape[1] // LATENT_HOP
        stereo = torch.from_numpy(window.stereo).to(model.device)
        keep = keep_mask(frames, LATENT_HOP, window.spans, circular=canvas.closes)
        generator = torch.Generator().manual_seed(request.seed)
        noise = torch.randn(frames, model.codec.scale.shape[0], generator=generator)
        with torch.inference_mode():
            known = model.codec.encode(stereo)
        latents = LatentCanvas(
            known, keep.to(model.device), self._grid(window, canvas, frames), canvas.closes
        )
        settings = replace(settings, start_time=_start_time(request))
        brief = self._brief(request, window, canvas)
        made = sample(
            model.denoiser, latents, brief, settings, noise.to(model.device), steps.sampling
        )
        phases = random_phases(frames, generator).to(model.device)
        with torch.inference_mode():
            held = KnownAudio(stereo, window.spans, canvas.closes)
            return decode(model.codec, made, phases, held, steps.decoding).cpu().numpy()

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
        return Brief((row,), without)

    def _facts(self, request: GenerationRequest, native: NativeSamples, take_id: str) -> TakeFacts:
        plan, rate = self.plan, self.source.sample_rate
        tempo = self.grid.tempo
        joins = {edge % plan.frames for s in plan.spans for edge in (s.start, s.stop)}
        if not plan.circular:
            joins -= {0}
        closed = plan.circular
        beats = None if tempo is None else float(tempo.frames_to_beats(plan.frames, rate))
        return TakeFacts(
            take_id=take_id,
            request=request,
            frames=plan.frames,
            sample_rate=rate,
            channels=self.source.channels,
            subtype=self.source.subtype,
            tempo_bpm=None if tempo is None else float(tempo),
            bars=None if beats is None else round(beats / self.grid.beats_per_bar, 4),
            downbeat_frame=plan.source_offset + self.grid.downbeat_frame,
            is_loop=closed,
            grafted=plan.spans,
            measured=measure(AudioClip(dequantise(native), rate), sorted(joins), closed),
            model_version=self.model.version,
            device=str(self.model.device),
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


def find_grid(request: GenerationRequest, source: SourceAudio) -> SourceGrid:
    """Return the source's grid: as the request says, else as measured."""
    tempo, downbeat = request.tempo, request.downbeat_frame
    if tempo is None or downbeat is None:
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


def _scaled(span: FrameSpan, start: int, scale: float, frames: int) -> FrameSpan:
    first = math.floor((span.start - start) * scale)
    return FrameSpan(first, min(frames, max(first + 1, math.ceil((span.stop - start) * scale))))


def _unwrapped(span: FrameSpan, frames: int) -> list[tuple[FrameSpan, int]]:
    """Split a span that runs over the end of a circle; each part with its offset in the span."""
    if span.stop <= frames:
        return [(span, 0)]
    first = frames - span.start
    return [(FrameSpan(span.start, frames), 0), (FrameSpan(0, span.stop - frames), first)]
