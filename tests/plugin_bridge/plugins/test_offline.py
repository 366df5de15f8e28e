"""Chains as files, and whole clips through them: tails, selections, what is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from engine.audio import AudioClip
from engine.errors import BadArgument, BadInputFile
from engine.wav_file import read_chunks, write_wav
from plugin_bridge.cli import main
from plugin_bridge.plugins.chain import (
    MOST_SLOTS,
    Chain,
    ChainSlot,
    decode_chain,
    encode_chain,
    read_chain,
)
from plugin_bridge.plugins.hosted_plugin import PluginProblem
from plugin_bridge.plugins.offline import render
from plugin_bridge.plugins.plugin_index import PluginIndex
from tests.plugin_bridge.plugins.host_parts import GAIN, index_of, probe_slot
from tests.plugin_bridge.plugins.plugin_parts import (
    CRASH,
    TRIGGER,
    debian_plugin,
    needs_plugins,
    probe,
)

RATE = 44_100
FRAMES = 20_011


# --- chains ---------------------------------------------------------------------------------------

slots = st.builds(
    ChainSlot,
    plugin_id=st.text(min_size=1, max_size=20),
    bypass=st.booleans(),
    mix=st.floats(0.0, 1.0),
    parameters=st.dictionaries(
        st.text(max_size=10),
        st.one_of(st.booleans(), st.text(max_size=5), st.floats(-1e6, 1e6)),
        max_size=4,
    ),
    state=st.binary(max_size=50),
)


@given(chain=st.builds(Chain, slots=st.lists(slots, max_size=4).map(tuple)))
def test_a_chain_survives_its_file(chain: Chain) -> None:
    assert decode_chain(encode_chain(chain)) == chain


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nonsense", "no chain of plugins"),
        ('{"version": 99}', "version 99"),
        ('{"slots": [{"plugin_id": "x", "mix": 1.5}]}', "mix of 1.5 is outside 0"),
        ('{"slots": [{"plugin_id": "x", "volume": 1}]}', "no chain of plugins"),
        (f'{{"slots": [{{"plugin_id": "x", "state": "{"AAAA" * (1 << 20)}"}}]}}', "have 3.1 MB"),
        ('{"slots": [' + ", ".join(['{"plugin_id": "x"}'] * (MOST_SLOTS + 1)) + "]}", "17 plugins"),
    ],
)
def test_a_bad_chain_is_one_sentence(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "chain.json").write_text(text)
    with pytest.raises(BadInputFile) as caught:
        read_chain(tmp_path / "chain.json")
    assert says in caught.value.sentence


# --- rendering ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PluginIndex]:
    plugins = (probe(), debian_plugin("ZamDelay"))
    with index_of(tmp_path_factory.mktemp("index"), *plugins) as index:
        yield index


def noise(frames: int = FRAMES, channels: int = 2) -> AudioClip:
    rng = np.random.default_rng(9)
    return AudioClip(rng.uniform(-0.9, 0.9, (channels, frames)).astype(np.float32), RATE)


def echo(index: PluginIndex) -> ChainSlot:
    """An echo of 0.25 s that comes once."""
    settings = {"invert": 0.0, "time_ms": 250.0, "feedback": 0.0, "dry_wet": 0.5}
    plugin = index.find("ZamDelay").facts
    known = {parameter.key for parameter in plugin.parameters}
    return ChainSlot(
        plugin.plugin_id, parameters={key: settings[key] for key in settings.keys() & known}
    )


@needs_plugins
@pytest.mark.parametrize("channels", [1, 2])
def test_a_clip_comes_out_as_long_as_it_was_and_in_step(channels: int, index: PluginIndex) -> None:
    clip = noise(channels=channels)
    rendered = render(Chain((probe_slot(),)), clip, index)
    wanted = np.broadcast_to(np.float32(GAIN) * clip.samples, (2, FRAMES))
    np.testing.assert_array_equal(rendered.clip.samples, wanted)
    assert rendered.chain.slots[0].state


@needs_plugins
def test_tails_are_kept_cut_or_wrapped(index: PluginIndex) -> None:
    clip = noise()
    chain = Chain((echo(index),))
    kept = render(chain, clip, index).clip.samples
    assert kept.shape[1] > FRAMES + 2000
    cut = render(chain, clip, index, "cut").clip.samples
    np.testing.assert_array_equal(cut, kept[:, :FRAMES])
    wrapped = render(chain, clip, index, "wrap").clip.samples
    folded = kept[:, :FRAMES].copy()
    for start in range(FRAMES, kept.shape[1], FRAMES):
        rest = kept[:, start : start + FRAMES]
        folded[:, : rest.shape[1]] += rest
    np.testing.assert_array_equal(wrapped, folded)


@needs_plugins
def test_a_plugin_that_fails_or_is_not_here_is_one_sentence(index: PluginIndex) -> None:
    loud = AudioClip(np.full((2, 1000), TRIGGER, np.float32), RATE)
    with pytest.raises(PluginProblem, match="VST3-Probe-3beafb13 failed while it was used"):
        render(Chain((probe_slot(CRASH),)), loud, index)
    with pytest.raises(PluginProblem, match="no usable plugin “VST3-Nowhere-1”"):
        render(Chain((ChainSlot("VST3-Nowhere-1"),)), loud, index)
    with pytest.raises(BadArgument, match="outside 0 to 2"):
        render(Chain((probe_slot(gain=9.0),)), loud, index)


# --- the command line -----------------------------------------------------------------------------


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a loop in it and a scanned plugin."""
    monkeypatch.setenv("LOOPGRAFT_DATA", str(tmp_path / "data"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    index_of(tmp_path / "data", probe()).close()
    rng = np.random.default_rng(2)
    native = rng.integers(-(2**15), 2**15, (2, FRAMES)).astype(np.int32) << 16
    write_wav("loop_120bpm.wav", native, RATE, "PCM_16", [(b"acid", bytes(24))])
    return work


@needs_plugins
def test_run_writes_wet_and_dry(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["plugins", "run", "loop_120bpm.wav", "--plugin", "probe", "--set", "gain=0.5"]
    assert main([*words, "--keep", "both", "--save-chain", "chain.json", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["frames"], result["sample_rate"]) == (FRAMES, RATE)
    names = {kind: Path(path).name for kind, path in result["paths"].items()}
    assert names == {"wet": "loop_120bpm-wet.wav", "dry": "loop_120bpm-dry.wav"}
    source, _ = soundfile.read("loop_120bpm.wav", dtype="int16")
    dry, _ = soundfile.read("loop_120bpm-dry.wav", dtype="int16")
    wet, _ = soundfile.read("loop_120bpm-wet.wav", dtype="int16")
    np.testing.assert_array_equal(dry, source)
    np.testing.assert_array_equal(wet, np.rint(source * 0.5))
    assert dict(read_chunks("loop_120bpm-wet.wav"))[b"acid"] == bytes(24)
    assert read_chain(Path("chain.json")).slots[0].parameters == {"gain": pytest.approx(0.5)}
    again = ["plugins", "run", "loop_120bpm.wav", "--chain", "chain.json"]
    assert main([*again, "--start", "0.1", "--end", "0.2", "--bit-depth", "32f"]) == 0
    capsys.readouterr()
    part, _ = soundfile.read("loop_120bpm-wet-b.wav", dtype="float32")
    np.testing.assert_array_equal(part, np.float32(0.5) * (source[4410:8820] / np.float32(2**15)))
    assert b"acid" not in dict(read_chunks("loop_120bpm-wet-b.wav"))


@needs_plugins
@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ([], 2, "either --chain FILE, or --plugin NAME"),
        (["--plugin", "toaster"], 2, "no usable plugin “toaster”"),
        (["--plugin", "probe", "--set", "gain"], 2, "is not KEY=VALUE"),
        (["--plugin", "probe", "--set", "gain=loud"], 2, "is not a number"),
        (["--plugin", "probe", "--set", "gain=3"], 2, "outside 0 to 2"),
        (["--plugin", "probe", "--set", "size=3"], 2, "has no parameter “size”"),
        (["--plugin", "probe", "--start", "9", "--end", "10"], 2, "outside “loop_120bpm.wav”"),
        (["--plugin", "probe", "--out", "loop_120bpm.wav"], 2, "exists already"),
        (["--chain", "nowhere.json"], 3, "nowhere.json"),
    ],
)
def test_a_run_that_cannot_be_is_one_sentence_and_writes_nothing(
    words: list[str], code: int, says: str, work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plugins", "run", "loop_120bpm.wav", *words]) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line
    assert [path.name for path in work.iterdir()] == ["loop_120bpm.wav"]


@needs_plugins
def test_a_source_that_is_no_file_is_a_take(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "run", "abcdef", "--plugin", "probe"]) == 2
    assert "There is no take “abcdef”" in capsys.readouterr().err
