"""What `evaluate` can be told; light, because every training stage's command line reads it."""

from __future__ import annotations

import argparse
from pathlib import Path

from engine.resources import resource_path

DEFAULT_COUNT = 300
#: Where Debian's lmms-common keeps its samples.
RECORDINGS = Path("/usr/share/lmms/samples")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add all but `--work` and `--workers`, which every stage shares."""
    parser.add_argument("--weights", type=Path, default=resource_path("models", "graft"))
    parser.add_argument("--count", type=_prompts, default=DEFAULT_COUNT, help="prompts asked")
    parser.add_argument("--recordings", type=Path, default=RECORDINGS, help="for the codec")
    parser.add_argument("--figures", type=Path, help="where to write the bars as JSON")
    parser.add_argument("--report", type=Path, help="where to write all tables as Markdown")
    parser.add_argument("--sheets", type=Path, help="folder for spectrograms, one per family")
    parser.add_argument("--card", action="store_true", help="write the bars into the card")


def _prompts(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"“{text}” prompts: give a whole number from 1 up.")
    return int(text)
