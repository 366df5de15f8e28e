"""What is blue is known to be the user's own, also in a graft into a graft. No Qt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.audio import FrameSpan
from engine.request import GenerationRequest, SourceReference, Task
from engine.sample_format import quantise
from engine.take import TakeFacts
from engine.wav_file import recipe_chunk, write_wav
from gui.state.digest import file_sha256
from gui.state.provenance import Provenance, made_last, provenance
from tests.gui.canvas_parts import tone_clip
from tests.plugin_bridge.export_takes import facts_of, loop_take

RATE, FRAMES = 8_000, 16_000


def users_file(folder: Path) -> Path:
    path = folder / "mine.wav"
    soundfile.write(path, np.zeros((FRAMES, 1)), RATE, subtype="PCM_16")
    return path


def graft(
    source: Path, folder: Path, take_id: str, span: FrameSpan, grown: int = 0
) -> tuple[Path, TakeFacts]:
    """Store a take that was grafted into a file; grown: frames of an intro before it."""
    task = Task.CONTINUE if grown else Task.INPAINT
    request = GenerationRequest(
        task,
        1,
        source=SourceReference.to(source, file_sha256(source)),
        spans=() if grown else (span,),
        bars=1 if grown else None,
        direction="backward" if grown else "forward",
    )
    with soundfile.SoundFile(source) as sound:
        frames = sound.frames + grown
    facts = facts_of(request, frames, sample_rate=RATE, channels=1, tempo_bpm=120.0)
    facts = replace(facts, take_id=take_id, grafted=(span,))
    path = folder / f"{take_id}.wav"
    samples = quantise(np.zeros((1, frames)), "PCM_16")
    write_wav(path, samples, RATE, "PCM_16", [recipe_chunk(facts)])
    return path, facts


def test_an_earlier_graft_is_green_too(tmp_path: Path) -> None:
    first, facts = graft(users_file(tmp_path), tmp_path, "one", FrameSpan(0, 1000))
    assert provenance(facts) == Provenance((FrameSpan(0, 1000),), is_known=True)
    _, facts = graft(first, tmp_path, "two", FrameSpan(4000, 5000))
    assert provenance(facts) == Provenance((FrameSpan(0, 1000), FrameSpan(4000, 5000)))


def test_a_lane_shows_what_its_own_order_made(tmp_path: Path) -> None:
    first, _ = graft(users_file(tmp_path), tmp_path, "t1", FrameSpan(0, 1_000))
    _, facts = graft(first, tmp_path, "t2", FrameSpan(5_000, 6_000))
    clip = replace(tone_clip(), facts=facts, grafted=provenance(facts).grafted)
    assert clip.grafted == (FrameSpan(0, 1_000), FrameSpan(5_000, 6_000))
    assert made_last(clip).grafted == (FrameSpan(5_000, 6_000),)
    own = tone_clip()
    assert made_last(own) is own


def test_an_intro_moves_what_was_grafted_before_it(tmp_path: Path) -> None:
    first, _ = graft(users_file(tmp_path), tmp_path, "one", FrameSpan(2000, 3000))
    second, _ = graft(first, tmp_path, "two", FrameSpan(0, 4000), grown=4000)
    _, facts = graft(second, tmp_path, "three", FrameSpan(10_000, 11_000))
    spans = (FrameSpan(0, 4000), FrameSpan(6000, 7000), FrameSpan(10_000, 11_000))
    assert provenance(facts) == Provenance(spans)


def test_a_graft_into_a_take_made_from_words_has_nothing_of_the_users(tmp_path: Path) -> None:
    facts, samples = loop_take()
    path = tmp_path / "loop.wav"
    write_wav(path, samples, facts.sample_rate, facts.subtype, [recipe_chunk(facts)])
    _, grafted = graft(path, tmp_path, "two", FrameSpan(100, 200))
    assert provenance(grafted) == Provenance((FrameSpan(0, facts.frames),))


@pytest.mark.parametrize("fate", ["gone", "changed", "damaged"])
def test_a_source_that_tells_nothing_leaves_the_rest_unknown(tmp_path: Path, fate: str) -> None:
    source, _ = graft(users_file(tmp_path), tmp_path, "one", FrameSpan(0, 1000))
    _, facts = graft(source, tmp_path, "two", FrameSpan(4000, 5000))
    if fate == "gone":
        source.unlink()
    elif fate == "changed":
        soundfile.write(source, np.ones((FRAMES, 1)) * 0.1, RATE, subtype="PCM_16")
    else:
        data = source.read_bytes()
        source.write_bytes(data.replace(b'"take_id"', b'"tale_id"'))
        broken = SourceReference.to(source, file_sha256(source))
        facts = replace(facts, request=replace(facts.request, source=broken))
    assert provenance(facts) == Provenance((FrameSpan(4000, 5000),), is_known=False)
