"""A browsable sample of the corpus: WAV files, spectrograms and a page of captions."""

from __future__ import annotations

import html
import wave
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import numpy as np

from engine.training.synth.facts import ItemFacts
from engine.training.synth.spectral import SAMPLE_RATE, Audio

WINDOW = 2048
ROWS = 160


class Previewed(Protocol):
    """What a preview shows of an item."""

    @property
    def audio(self) -> Audio:
        """Sound, (2, frames)."""
        ...

    @property
    def facts(self) -> ItemFacts:
        """Truth."""
        ...

    @property
    def captions(self) -> tuple[str, ...]:
        """Captions."""
        ...


def write_wav(path: Path, audio: Audio) -> None:
    """Write 16-bit stereo."""
    values = (np.clip(audio.T, -1, 1) * 32767).astype("<i2")
    with wave.open(str(path), "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE)
        out.writeframes(values.tobytes())


def log_spectrogram(audio: Audio) -> np.ndarray:
    """Picture (ROWS, columns) of uint8: 30 Hz to 18 kHz on a log axis, 80 dB deep."""
    mono = np.pad(audio.mean(axis=0), (WINDOW, WINDOW))
    hop = max(256, len(mono) // 500)
    frames = np.lib.stride_tricks.sliding_window_view(mono, WINDOW)[::hop]
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW), 2 * WINDOW)).T
    hz = np.geomspace(30, 18000, ROWS)
    rows = np.clip((hz * 2 * WINDOW / SAMPLE_RATE).astype(int), 1, len(power) - 1)
    level = 20 * np.log10(power[rows] + 1e-5)
    scaled = (level - level.max() + 80) / 80
    return (np.clip(scaled, 0, 1)[::-1] * 255).astype(np.uint8)


def write_spectrogram(path: Path, audio: Audio) -> None:
    """Write the picture as PNG."""
    from PIL import Image

    Image.fromarray(log_spectrogram(audio)).save(path)


def write_gallery(items: Iterable[tuple[int, Previewed]], folder: Path) -> Path:
    """Write everything into a folder and return its page."""
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[str] = []
    for seed, item in items:
        name = f"{item.facts.family}-{seed}"
        write_wav(folder / f"{name}.wav", item.audio)
        write_spectrogram(folder / f"{name}.png", item.audio)
        said = "<br>".join(html.escape(caption) for caption in item.captions)
        truth = html.escape(str(item.facts))
        rows.append(
            f"<section><h3>{name}</h3><img src='{name}.png'><br><audio controls loop "
            f"src='{name}.wav'></audio><p>{said}</p><small>{truth}</small></section>"
        )
    page = folder / "index.html"
    page.write_text("<meta charset='utf-8'><title>Corpus</title>" + "\n".join(rows), "utf-8")
    return page
