"""Contact sheets: what was held out above what was made, one picture per family."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.training.synth.preview import ROWS, log_spectrogram

Picture = npt.NDArray[np.uint8]
COLUMNS = 4
CELL = 320
GAP, HEADING = 8, 16
PAPER, INK = 24, 230


def picture_of(samples: npt.NDArray[np.float32]) -> Picture:
    """Return the spectrogram (ROWS, CELL) of stereo, the whole length in one width."""
    seen = log_spectrogram(samples)
    columns = np.arange(CELL) * seen.shape[1] // CELL
    return seen[:, columns]


def write_sheet(
    path: Path, upper: Sequence[tuple[str, Picture]], lower: Sequence[tuple[str, Picture]]
) -> None:
    """Write two rows of named pictures as PNG: what was held out, and below it what was made."""
    from PIL import Image, ImageDraw

    size = (COLUMNS * (CELL + GAP) + GAP, 2 * (ROWS + HEADING + GAP) + GAP)
    sheet = Image.new("L", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    for row, cells in enumerate((upper, lower)):
        top = GAP + row * (ROWS + HEADING + GAP)
        for column, (name, picture) in enumerate(cells[:COLUMNS]):
            left = GAP + column * (CELL + GAP)
            draw.text((left, top), name[: CELL // 6], fill=INK)
            sheet.paste(Image.fromarray(picture), (left, top + HEADING))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
