"""Makes takes with Graft: loops and one-shots from text, and grafts into a source."""

from __future__ import annotations

import hashlib
import importlib
import math
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from engine.audio import MODEL_SAMPLE_RATE, AudioClip, FloatArray, resample_circular
from engine.diffusion.canvas import check_seconds
from engine.diffusion.guidance import Guidance
from engine.messages import Phase
from engine.models.graft.codec import latent_frames
from engine.models.graft.conditioning import Conditions, Grid, one_shot_grid
from engine.models.graft.decoding import decode, random_phases
from engine.models.graft.grafts import GraftJob
from engine.models.graft.key_guidance import key_tuner
from engine.models.graft.model import GraftModel, Wish, load_model
from engine.models.graft.one_shot import finish_one_shot
from engine.models.graft.sampling import Brief, LatentCanvas, SamplerSettings, sample
from engine.models.graft.spectral import LATENT_HOP
from engine.models.graft.tone import Tone, with_tones
from engine.prompt import PromptFields, parse_prompt, resolve_fields
from engine.request import GRAFTING_TASKS, GenerationRequest, Task
from engine.take import TakeFacts
from engine.take_maker import ProgressCallback, RenderedTake
from engine.tempo import Tempo, loop_frames

DEFAULT_BPM = 120.0
DEFAULT_BARS = 4
DEFAULT_ONE_SHOT_SECONDS = 2.0
DEFAULT_STEPS = 12
DEFAULT_GUIDANCE = 3.5
#: Without words there is only the context to follow, and less guidance stays closer to it:
#: correlation with what was removed, 51 held-out loops: 0.65 at 5, 0.72 at 3.5, 0.75 at 2,
#: 0.74 at 1.5, 0.72 at 1.
WORDLESS_GUIDANCE = 2.0
#: And a little less noise stays closer yet: 0.749 at 1, 0.762 at 0.9, 0.771 at 0.8; the spread of
#: what is made, against the truth's, is then 0.91, 0.89, 0.87.
WORDLESS_TEMPERATURE = 0.9
PEAK_LIMIT = 0.98
#: Families whose single sounds start with an attack; an effect or a pad may swell.
STRUCK_FAMILIES = ("drums", "bass", "keys", "pluck", "lead", "arp", "stab")
#: The corpus has no one-shot of more than 4 s; what is struck is silent by then.
LONGEST_STRUCK_FRAMES = 87
#: Keeps the phase noise of the decoder apart from the noise of the sampler.
_PHASE_SALT = 0x5EED


def load_graft(device: str, threads: int) -> GraftMaker:
    """Load the shipped model as a maker of takes. Raises ModelProblem.

    What measures takes is imported meanwhile: scipy.signal takes 0.7 s, about half of torch, and
    the first take is sampled before anything is measured.
    """
    model = load_model(device, threads)
    threading.Thread(target=_import_analysis, name="import-analysis", daemon=True).start()
    return GraftMaker(model)


def _import_analysis() -> None:
    importlib.import_module("engine.analysis")


def sampler_settings(request: GenerationRequest) -> SamplerSettings:
    """Return the request's sampler settings, with the model's defaults where it has none."""
    scale, wordless = request.guidance_scale, not request.prompt.strip()
    if scale is None:
        scale = WORDLESS_GUIDANCE if wordless else DEFAULT_GUIDANCE
    follows = wordless and request.task in (Task.INPAINT, Task.CONTINUE, Task.LOOP)
    temperature = WORDLESS_TEMPERATURE if follows else 1.0
    steps = request.steps or DEFAULT_STEPS
    return SamplerSettings(steps, Guidance(scale=scale), temperature=temperature)


@dataclass(frozen=True)
class LoopLength:
    """frames: at 44.1 kHz, exact. latent_frames: the model's grid for it. beats: 0 without
    tempo. is_loop: 1 a closed loop, -1 a one-shot. has_attack: a one-shot that is struck."""

    frames: int
    latent_frames: int
    beats: float
    bpm: float
    bars: float | None
    is_loop: float
    has_attack: bool = False

    @property
    def detune_semitones(self) -> float:
        if self.is_loop < 0:
            return 0.0
        return 12 * math.log2(self.frames / (self.latent_frames * LATENT_HOP))

    def grid(self, beats_per_bar: int) -> Grid:
        """Return where the beat falls, or where a sound without one starts."""
        if self.is_loop < 0:
            return one_shot_grid(self.latent_frames)
        return Grid(self.latent_frames, self.beats, 0.0, beats_per_bar, self.beats or None)


def length_of(request: GenerationRequest, fields: PromptFields) -> LoopLength:
    """Work out how long a take made from text is. Raises BadArgument."""
    seconds = request.seconds or fields.seconds
    if request.one_shot or fields.one_shot or (seconds and not (request.bars or fields.bars)):
        frames = round((seconds or DEFAULT_ONE_SHOT_SECONDS) * MODEL_SAMPLE_RATE)
        has_attack = fields.family in STRUCK_FAMILIES
        longest = LONGEST_STRUCK_FRAMES if has_attack else math.inf
        count = max(8, min(math.ceil(frames / LATENT_HOP), longest))
        return LoopLength(frames, int(count), 0.0, 0.0, None, -1.0, has_attack)
    tempo = Tempo.of(fields.bpm or DEFAULT_BPM)
    bars = request.bars or fields.bars or DEFAULT_BARS
    frames = loop_frames(tempo, bars, request.signature, MODEL_SAMPLE_RATE)
    check_seconds(frames / MODEL_SAMPLE_RATE)
    beats = float(bars * request.signature.beats_per_bar)
    return LoopLength(frames, latent_frames(frames), beats, float(tempo), float(bars), 1.0)


class GraftMaker:
    """The TakeMaker of the shipped model. One thread, one request at a time."""

    def __init__(self, model: GraftModel) -> None:
        self.model = model
        self.device = str(model.device)
        self.model_version = model.version

    def make(
        self, request: GenerationRequest, on_progress: ProgressCallback
    ) -> Iterator[RenderedTake]:
        """Yield the takes of the request, one after the other. Raises AppError."""
        graft = None
        for index in range(request.variations):
            one = request.take(index)
            if request.task in GRAFTING_TASKS:
                on_progress(index, Phase.READING, 0, 1)
                graft = graft or GraftJob.prepare(self.model, request)
                yield graft.make(one, index, sampler_settings(one), on_progress, self._take_id(one))
            else:
                yield self._from_text(one, index, on_progress)

    def _from_text(
        self, request: GenerationRequest, index: int, on_progress: ProgressCallback
    ) -> RenderedTake:
        begun = time.monotonic()
        fields = self.model.with_family(resolve_fields(request), request.prompt)
        length = length_of(request, fields)
        on_progress(index, Phase.READING, 1, 1)
        brief = self._brief(request, fields, length)
        latents = self._sample(request, brief, length, index, on_progress)
        latents = self._toned(request, brief, latents)
        sampled = time.monotonic()
        stereo = self._decode(latents, request.seed, index, on_progress)
        samples, gain_db = finish(stereo, length)
        decoded = time.monotonic()
        facts = self._facts(request, samples, length, gain_db)
        facts = replace(facts, guessed_family=guessed_family(request.prompt, fields))
        timings = {
            "sampling": round(sampled - begun, 3),
            "decoding": round(decoded - sampled, 3),
            "measuring": round(time.monotonic() - decoded, 3),
        }
        return RenderedTake(replace(facts, timings_seconds=timings), samples)

    def _brief(self, request: GenerationRequest, fields: PromptFields, length: LoopLength) -> Brief:
        prompts = [self._row(request.prompt, fields, length)]
        shares = None
        if request.task is Task.MORPH:
            aim = self.model.with_family(parse_prompt(request.to_prompt), request.to_prompt)
            aim = replace(aim, key=request.key or aim.key or fields.key)
            prompts.append(self._row(request.to_prompt, aim, length))
            toward = torch.linspace(0, 1, length.latent_frames, device=self.model.device)
            shares = torch.stack([1 - toward, toward], dim=1)
        without = prompts[0].unprompted()
        if request.negative_prompt:
            negative = parse_prompt(request.negative_prompt)
            without = self._row(request.negative_prompt, negative, length)
        tuners = tuple(key_tuner(self.model.codec, row) for row in prompts)
        return Brief(tuple(prompts), without, shares, tuners)

    def _row(self, text: str, fields: PromptFields, length: LoopLength) -> Conditions:
        return self.model.conditions(
            Wish(
                text=text,
                family=fields.family,
                style=fields.style,
                key=fields.key,
                bpm=length.bpm,
                detune_semitones=length.detune_semitones,
                is_loop=length.is_loop,
            )
        )

    def _sample(
        self,
        request: GenerationRequest,
        brief: Brief,
        length: LoopLength,
        index: int,
        on_progress: ProgressCallback,
    ) -> Tensor:
        frames, device = length.latent_frames, self.model.device
        noise = latent_noise(request.seed, frames).to(device)
        grid = length.grid(request.signature.beats_per_bar)
        empty = torch.zeros_like(noise)
        canvas = LatentCanvas(empty, empty[:, :1], grid, closes=True)

        def on_step(done: int, total: int) -> None:
            on_progress(index, Phase.SAMPLING, done, total)

        settings = sampler_settings(request)
        return sample(self.model.denoiser, canvas, brief, settings, noise, on_step)

    def _toned(self, request: GenerationRequest, brief: Brief, latents: Tensor) -> Tensor:
        """Return the latents as dark, bright, mono or wide as the prompts say."""
        texts = [request.prompt, request.to_prompt][: len(brief.prompts)]
        tones = [Tone.of(text, request.negative_prompt) for text in texts]
        return with_tones(self.model.codec, latents, tones, brief.shares)

    def _decode(
        self, latents: Tensor, seed: int, index: int, on_progress: ProgressCallback
    ) -> FloatArray:
        def on_iteration(done: int, total: int) -> None:
            on_progress(index, Phase.DECODING, done, total)

        phases = random_phases(len(latents), phase_generator(seed)).to(latents.device)
        with torch.inference_mode():
            stereo = decode(self.model.codec, latents, phases, on_iteration=on_iteration)
        return stereo.cpu().numpy()

    def _facts(
        self, request: GenerationRequest, samples: FloatArray, length: LoopLength, gain_db: float
    ) -> TakeFacts:
        from engine.analysis import measure  # slow to import: see load_graft

        is_loop = length.is_loop > 0
        clip = AudioClip(samples, MODEL_SAMPLE_RATE)
        return TakeFacts(
            take_id=self._take_id(request),
            request=request,
            frames=samples.shape[1],
            sample_rate=MODEL_SAMPLE_RATE,
            channels=2,
            subtype="FLOAT",
            tempo_bpm=length.bpm or None,
            bars=length.bars,
            downbeat_frame=0,
            is_loop=is_loop,
            grafted=(),
            measured=measure(clip, [0] if is_loop else [], is_loop, length.bpm or None),
            model_version=self.model_version,
            device=self.device,
            runtime=self.model.runtime.text,
            gain_db=gain_db,
        )

    def _take_id(self, request: GenerationRequest) -> str:
        """Return 16 hex digits that name what is made: the same order gives the same take.

        Another runtime rounds otherwise, so what it makes has a name of its own.
        """
        model = self.model
        whole = f"{request.digest} {self.model_version} {self.device} {model.runtime.text}"
        return hashlib.sha256(whole.encode()).hexdigest()[:16]


def guessed_family(prompt: str, fields: PromptFields) -> str | None:
    """Return the family of completed fields where it is not the one that the words name."""
    return None if fields.family == parse_prompt(prompt).family else fields.family


def latent_noise(seed: int, frames: int) -> Tensor:
    """Return the sampler's start for a seed: (frames, latent channels), made on the CPU."""
    from engine.models.graft.codec import LATENT_CHANNELS

    generator = torch.Generator().manual_seed(seed)
    return torch.randn(frames, LATENT_CHANNELS, generator=generator)


def phase_generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed ^ _PHASE_SALT)


def finish(stereo: FloatArray, length: LoopLength) -> tuple[FloatArray, float]:
    """Bring decoded audio to its exact length and under full scale.

    Returns the samples (2, frames) and the gain that was needed, in dB (0 where none was).
    """
    if length.is_loop > 0:
        samples = resample_circular(stereo, length.frames)
    else:
        samples = finish_one_shot(stereo, length.frames, has_attack=length.has_attack)
    peak = float(np.abs(samples).max())
    if peak <= PEAK_LIMIT:
        return samples, 0.0
    return samples * np.float32(PEAK_LIMIT / peak), round(20 * math.log10(PEAK_LIMIT / peak), 2)
