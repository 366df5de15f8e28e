"""A request is data: it survives JSON, refuses nonsense in one sentence, and names its takes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.audio import FrameSpan
from engine.errors import BadArgument
from engine.key import Key
from engine.request import (
    GRAFTING_TASKS,
    REQUEST_VERSION,
    SEED_LIMIT,
    GenerationRequest,
    SourceReference,
    Task,
    decode_request,
    encode_request,
)
from engine.tempo import BEAT_UNITS, TimeSignature

SOURCE = SourceReference("/music/loop.wav", "ab" * 32)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
SPANS = st.builds(
    lambda start, frames: FrameSpan(start, start + frames),
    st.integers(0, 10**9),
    st.integers(1, 10**9),
)
REQUESTS = st.builds(
    GenerationRequest,
    task=st.sampled_from(Task),
    seed=st.integers(0, SEED_LIMIT - 64),
    prompt=TEXT,
    to_prompt=TEXT,
    negative_prompt=TEXT,
    bpm=st.none() | st.integers(40_000, 300_000).map(lambda milli: milli / 1000),
    signature=st.builds(TimeSignature, st.integers(1, 16), st.sampled_from(BEAT_UNITS)),
    bars=st.integers(1, 64),
    key=st.none() | st.builds(Key, st.integers(0, 11), st.sampled_from(["major", "minor"])),
    variations=st.integers(1, 64),
    steps=st.none() | st.integers(1, 200),
    guidance_scale=st.none() | st.floats(0, 15),
    source=st.just(SOURCE),
    spans=st.lists(SPANS, min_size=1, max_size=4).map(tuple),
    downbeat_frame=st.none() | st.integers(0, 10**9),
    direction=st.sampled_from(["forward", "backward"]),
    context_seconds=st.none() | st.floats(0.1, 60),
    strength=st.none() | st.floats(0, 1),
)


@settings(max_examples=80)
@given(REQUESTS)
def test_a_request_survives_json(request_: GenerationRequest) -> None:
    data = encode_request(request_)
    assert decode_request(data) == request_
    assert decode_request(data.decode()) == request_
    assert encode_request(decode_request(data)) == data


@settings(max_examples=40)
@given(REQUESTS, st.integers(0, 63))
def test_the_recipe_of_a_take_is_the_request_for_it_alone(
    request_: GenerationRequest, index: int
) -> None:
    take = request_.take(index)
    assert (take.seed, take.variations) == (request_.seed + index, 1)
    assert take.take(0) == take
    assert (take.digest == request_.digest) == (take == request_)


def test_keys_of_the_json_are_sorted_so_that_the_digest_is_stable() -> None:
    keys = list(json.loads(encode_request(GenerationRequest(Task.GENERATE, 1))))
    assert keys == sorted(keys)


def test_a_request_of_a_later_version_is_refused() -> None:
    data = json.loads(encode_request(GenerationRequest(Task.GENERATE, 1)))
    later = {**data, "version": REQUEST_VERSION + 1, "task": "transmute", "seed": "soon"}
    with pytest.raises(BadArgument, match="update Loopgraft"):
        decode_request(json.dumps(later))


def test_fields_that_are_not_known_are_passed_over() -> None:
    data = json.loads(encode_request(GenerationRequest(Task.GENERATE, 1)))
    assert decode_request(json.dumps({**data, "mood": "blue"})).seed == 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"seed": 1}',
        b'{"task": "generate"}',
        "[" * 100_000,
        '{"a":' * 100_000,
        "\ud800",
        '{"task": "generate", "seed": 1e400}',
        '{"task": "generate", "seed": "one"}',
        '{"task": "generate", "seed": 1, "spans": [7]}',
    ],
)
def test_what_is_no_request_is_refused_in_one_sentence(data: bytes | str) -> None:
    with pytest.raises(BadArgument, match="not a Loopgraft recipe"):
        decode_request(data)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"bpm": 9000.0}, "tempo of 9000 bpm"),
        ({"bpm": -3.0}, "tempo of -3 bpm"),
        ({"bars": 0}, "0 bars"),
        ({"bars": 65}, "65 bars"),
        ({"seconds": 0.1}, "0.1 s"),
        ({"seconds": 61.0}, "61 s"),
        ({"steps": 0}, "0 is outside 1 to 200"),
        ({"steps": 201}, "201 is outside 1 to 200"),
        ({"guidance_scale": -0.5}, "guidance scale of -0.5"),
        ({"guidance_scale": float("nan")}, "guidance scale of nan"),
        ({"strength": 1.01}, "strength of 1.01"),
        ({"context_seconds": 0.05}, "context of 0.05 s"),
        ({"variations": 0}, "takes of 0"),
        ({"variations": 65}, "takes of 65"),
        ({"seed": -1}, "seed of -1"),
        ({"seed": SEED_LIMIT}, "seed of"),
        ({"prompt": "a" * 2001}, "2001 characters"),
        ({"to_prompt": "a" * 2001}, "2001 characters"),
        ({"negative_prompt": "a" * 2001}, "2001 characters"),
        ({"one_shot": True, "bars": 4}, "no bars"),
        ({"task": Task.MORPH, "prompt": "a"}, "two prompts"),
        ({"task": Task.INPAINT, "source": SOURCE}, "at least one span"),
        ({"task": Task.CONTINUE, "source": SOURCE}, "number of bars"),
        *[({"task": task, "bars": 1}, "needs a source") for task in GRAFTING_TASKS],
    ],
)
def test_each_bad_value_is_refused_in_one_sentence(change: dict[str, Any], says: str) -> None:
    with pytest.raises(BadArgument) as refusal:
        GenerationRequest(**{"task": Task.GENERATE, "seed": 1, **change})
    assert says in refusal.value.sentence
    assert refusal.value.sentence.endswith(".")
    assert refusal.value.exit_code == 2


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"bpm": 9000.0}, "tempo of 9000 bpm"),
        ({"spans": [{"start": 5, "stop": 5}]}, "is empty or negative"),
        ({"key": {"root": 12, "mode": "major"}}, "root of 12"),
        ({"signature": {"beats_per_bar": 0, "beat_unit": 4}}, "beats per bar"),
    ],
)
def test_a_bad_value_in_a_recipe_is_told_as_such(change: dict[str, Any], says: str) -> None:
    data = {**json.loads(encode_request(GenerationRequest(Task.GENERATE, 1))), **change}
    with pytest.raises(BadArgument, match=says):
        decode_request(json.dumps(data))


def test_every_take_of_a_request_has_a_seed_in_range() -> None:
    last = GenerationRequest(Task.GENERATE, SEED_LIMIT - 3, variations=3)
    assert last.take(2).seed == SEED_LIMIT - 1
    with pytest.raises(BadArgument, match="seed"):
        GenerationRequest(Task.GENERATE, SEED_LIMIT - 3, variations=4)


@pytest.mark.parametrize("name", [b"loop.wav", "Größe 100%.wav".encode(), b"caf\xe9 \xff.wav"])
def test_a_source_is_found_again_whatever_its_name(name: bytes) -> None:
    location = Path("/music") / os.fsdecode(name)
    source = SourceReference.to(location, "ab" * 32)
    request = GenerationRequest(Task.LOOP, 1, source=source)
    found = decode_request(encode_request(request)).source
    assert found is not None
    assert found.location == location


@pytest.mark.parametrize(
    "name",
    [b"loop.wav", "Größe 100%.wav".encode(), b"caf\xe9 \xff.wav", b"a\\b.wav", b"file:x.wav"],
)
def test_a_request_that_is_given_away_names_no_folder(name: bytes) -> None:
    location = Path("/home/ada/music") / os.fsdecode(name)
    source = SourceReference.to(location, "ab" * 32)
    request = GenerationRequest(Task.LOOP, 1, source=source)
    data = encode_request(request.without_folders())
    assert b"ada" not in data
    found = decode_request(data)
    assert found.source is not None
    assert found.source.location == Path(os.fsdecode(name))
    assert found.source.name == location.name == source.name
    assert found.without_folders() == found


def test_what_is_asked_for_does_not_depend_on_where_the_source_lies() -> None:
    here, there, other = (
        GenerationRequest(Task.LOOP, 1, source=SourceReference(path, digest))
        for path, digest in (("/a/x.wav", "1"), ("y.wav", "1"), ("/a/x.wav", "2"))
    )
    assert here.digest == there.digest != other.digest


@pytest.mark.parametrize("path", [r"C:\Users\ada\x.wav", "C:/Users/ada/x.wav", r"\\nas\ada\x.wav"])
def test_a_path_of_another_system_is_cut_down_to_its_name(path: str) -> None:
    assert SourceReference(path, "").without_folder().path == "x.wav"


def test_candidates_are_for_grafts_and_at_most_sixteen() -> None:
    with pytest.raises(BadArgument, match="17 is outside 1 to 16"):
        GenerationRequest(Task.LOOP, 1, source=SourceReference("/x", "ab"), candidates=17)
    with pytest.raises(BadArgument, match="are for grafts"):
        GenerationRequest(Task.GENERATE, 1, candidates=2)


def test_no_candidate_uses_the_seed_of_a_neighbouring_take() -> None:
    request = GenerationRequest(Task.GENERATE, 1)
    seeds = {request.take(take).candidate_seed(n) for take in range(64) for n in range(16)}
    assert len(seeds) == 64 * 16
    assert request.take(3).candidate_seed(0) == 4
