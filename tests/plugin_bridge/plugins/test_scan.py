"""Scanning: real plugins are described, whatever else is named like one is quarantined."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from engine.errors import BadArgument, BadInputFile
from plugin_bridge.cli import main
from plugin_bridge.plugins.facts import ParameterFacts, id_of
from plugin_bridge.plugins.folders import find_candidates, stamp_of
from plugin_bridge.plugins.plugin_index import PluginEntry, PluginIndex
from plugin_bridge.plugins.scan import ScanLimits, allow, scan, scan_file, scan_log_path
from tests.plugin_bridge.command_runs import ROOT, wait_for
from tests.plugin_bridge.plugins.plugin_parts import (
    DELAY_FRAMES,
    PROBE_SYNTH,
    debian_plugin,
    fifty_bad_candidates,
    needs_plugins,
    probe,
    rogue,
)

pytestmark = needs_plugins

#: For what comes to an end by itself, also on a machine that has other work.
LIMITS = ScanLimits(seconds=40.0, memory_bytes=1 << 30)
#: For what must not be usable in any case.
SHORT = ScanLimits(seconds=4.0, memory_bytes=1 << 30)
HANGS, FORKS = 5, 8


@pytest.fixture
def index(tmp_path: Path) -> Iterator[PluginIndex]:
    with PluginIndex(tmp_path / "plugins.sqlite3") as index:
        yield index


def scanned(index: PluginIndex, *places: Path) -> list[PluginEntry]:
    return [found.entry for found in scan(index, places, LIMITS)]


def test_a_real_plugin_is_described_with_its_parameters(index: PluginIndex) -> None:
    (entry,) = scanned(index, debian_plugin("ZamCompX2"))
    (facts,) = entry.plugins
    assert (facts.name, facts.maker, facts.channels) == ("ZamCompX2", "Damien Zammit", 2)
    assert not facts.is_instrument
    threshold = facts.parameter("threshold_db")
    assert (threshold.low, threshold.high, threshold.unit) == (-80.0, 0.0, "dB")
    assert facts.parameter("current_program").choices == ("Zero", "PoppySnare", "VocalLeveller")
    assert index.get(entry.path) == entry


def test_mono_instrument_and_latency_are_seen(index: PluginIndex) -> None:
    places = (debian_plugin("ZamDelay"), probe(), probe(PROBE_SYNTH))
    by_name = {entry.plugins[0].name: entry.plugins[0] for entry in scanned(index, *places)}
    assert by_name["ZamDelay"].channels == 1
    assert by_name["Probe"].latency_frames == DELAY_FRAMES
    assert by_name["Probe Synth"].is_instrument
    assert [parameter.key for parameter in by_name["Probe Synth"].parameters] == ["gain", "trouble"]


def test_fifty_bad_candidates_are_all_quarantined(index: PluginIndex, tmp_path: Path) -> None:
    bad = fifty_bad_candidates(tmp_path / "bad")
    good = tmp_path / "bad" / "Probe.vst3"
    good.symlink_to(probe())
    scanned(index, good)
    entries = {found.entry.path: found.entry for found in scan(index, [tmp_path / "bad"], SHORT)}
    assert {path for path, entry in entries.items() if entry.denied} == set(bad)
    assert all(entries[path].reason.endswith(".") for path in bad)
    assert {plugin.path for plugin in index.usable()} == {good}


@pytest.mark.parametrize(
    ("mode", "says"),
    [
        (0, "no plugin"),
        (1, "ended its process"),
        (2, "exit code 7"),
        (3, "SIGABRT"),
        (4, "SIGSEGV"),
        (6, "crashed"),
        (9, "no plugin"),
    ],
)
def test_the_reason_says_what_happened(
    mode: int, says: str, index: PluginIndex, tmp_path: Path
) -> None:
    entry = scan_file(index, rogue(tmp_path / "Rogue.vst3", mode), LIMITS)
    assert says in entry.reason
    assert str(entry.path) in scan_log_path().read_text()


def test_what_hangs_is_killed_with_what_it_started(index: PluginIndex, tmp_path: Path) -> None:
    hanging = scan_file(index, rogue(tmp_path / "Hanging.vst3", HANGS), SHORT)
    assert hanging.reason == "It was not loaded within 4 s."
    assert hanging.seconds >= SHORT.seconds
    scan_file(index, rogue(tmp_path / "Forking.vst3", FORKS), LIMITS)
    wait_for(lambda: not _runs_with(str(tmp_path)), "the end of what was scanned")


def test_what_did_not_change_is_not_loaded_again(index: PluginIndex, tmp_path: Path) -> None:
    bundle = rogue(tmp_path / "Rogue.vst3", 2)
    assert [found.is_new for found in scan(index, [tmp_path], LIMITS)] == [True]
    assert [found.is_new for found in scan(index, [tmp_path], LIMITS)] == [False]
    assert [found.is_new for found in scan(index, [tmp_path], LIMITS, again=True)] == [True]
    rogue(bundle, 3)  # the program inside is another one, the folder is as old as it was
    (found,) = scan(index, [tmp_path], LIMITS)
    assert found.is_new
    assert "SIGABRT" in found.entry.reason


def test_what_is_gone_is_forgotten(index: PluginIndex, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    text = tmp_path / "a" / "Text.vst3"
    text.write_text("no plugin")
    scanned(index, tmp_path / "a", debian_plugin("ZamCompX2"))
    text.unlink()
    scanned(index, tmp_path / "a")
    assert [entry.path for entry in index.entries()] == [debian_plugin("ZamCompX2")]


def test_a_scan_that_takes_the_app_with_it_leaves_the_plugin_denied(tmp_path: Path) -> None:
    """The verdict is on the disk before the plugin is loaded."""
    bundle = rogue(tmp_path / "Rogue.vst3", HANGS)
    path = tmp_path / "plugins.sqlite3"
    code = (
        "import sys; from pathlib import Path;"
        "from plugin_bridge.plugins.scan import *;"
        "scan_file(PluginIndex(Path(sys.argv[1])), Path(sys.argv[2]), ScanLimits())"
    )
    scanner = subprocess.Popen([sys.executable, "-c", code, path, bundle], cwd=ROOT)
    try:
        wait_for(lambda: len(_runs_with(str(bundle))) == 2, "the scanning child")
    finally:
        scanner.send_signal(signal.SIGKILL)
        scanner.wait()
    wait_for(lambda: not _runs_with(str(bundle)), "the end of the scanning child")
    with PluginIndex(path) as index:
        (found,) = scan(index, [bundle], LIMITS)
    assert not found.is_new
    assert found.entry.denied
    assert "ended while" in found.entry.reason


def test_allow_lets_a_plugin_out_but_not_one_that_still_fails(
    index: PluginIndex, tmp_path: Path
) -> None:
    (good,) = scanned(index, probe())
    assert not index.note_crash(good.path, 1000.0)
    assert index.note_crash(good.path, 1200.0)
    with pytest.raises(BadArgument, match="quarantine: It crashed or hung 2 times"):
        index.find("Probe")
    assert not allow(index, good.path, LIMITS).denied
    assert index.find("probe").path == good.path
    assert not index.note_crash(good.path, 1201.0), "its old crashes are forgotten"
    bad = scan_file(index, rogue(tmp_path / "Rogue.vst3", 2), LIMITS)
    assert allow(index, bad.path, LIMITS).denied
    with pytest.raises(BadArgument, match="was not scanned"):
        allow(index, tmp_path / "other.vst3", LIMITS)


def test_crashes_that_lie_far_apart_are_forgiven(index: PluginIndex) -> None:
    (entry,) = scanned(index, probe())
    assert [index.note_crash(entry.path, at) for at in (0.0, 301.0, 602.0)] == [False] * 3
    assert index.note_crash(entry.path, 901.0)


def test_a_damaged_index_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "plugins.sqlite3"
    path.write_bytes(b"this is no database" * 100)
    with PluginIndex(path) as index:
        assert index.entries() == []
    assert path.with_name("plugins.sqlite3.damaged").exists()


def test_places_are_folders_and_plugins(tmp_path: Path) -> None:
    deep = tmp_path / "maker" / "Deep.vst3"
    (deep / "Contents" / "Inner.vst3").mkdir(parents=True)
    (tmp_path / "readme.txt").write_text("x")
    assert find_candidates([tmp_path, deep, tmp_path / "nowhere"]) == [deep]
    with pytest.raises(BadInputFile, match=r"ends in \.vst3"):
        find_candidates([tmp_path / "readme.txt"])
    before = stamp_of(deep)
    (deep / "Contents" / "x").write_bytes(b"1")
    os.utime(deep, ns=(before.mtime_ns, before.mtime_ns))
    assert stamp_of(deep).size_bytes == before.size_bytes + 1


def test_an_id_is_the_same_wherever_the_plugin_lies() -> None:
    assert id_of("VST3-Some-Thing-ab854581-3beafb13") == "VST3-Some-Thing-3beafb13"


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (-81.0, "-81 dB is outside -80 to 0 dB"),
        (float("nan"), "nan dB is outside"),
        ("x", "'x' dB is outside"),
        (True, "True dB is outside"),
    ],
)
def test_a_value_out_of_range_is_one_sentence(value: float | str, says: str) -> None:
    parameter = ParameterFacts("threshold_db", "Threshold", "number", 0.0, "dB", -80.0, 0.0)
    assert parameter.check(-3) == -3.0
    with pytest.raises(BadArgument) as caught:
        parameter.check(value)
    assert says in caught.value.sentence


# --- the command line -----------------------------------------------------------------------


def test_the_commands_scan_list_show_and_allow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOOPGRAFT_DATA", str(tmp_path / "data"))
    bad = rogue(tmp_path / "Rogue.vst3", 2)
    assert main(["plugins", "scan", str(probe()), str(bad)]) == 0
    shown = capsys.readouterr().out
    assert "VST3-Probe-" in shown
    assert "exit code 7" in shown
    assert "1 usable, 1 in quarantine" in shown
    assert main(["plugins", "list", "--json"]) == 0
    files = json.loads(capsys.readouterr().out)["files"]
    assert {file["path"]: file["usable"] for file in files} == {str(probe()): True, str(bad): False}
    assert main(["plugins", "show", "probe", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["latency_frames"] == DELAY_FRAMES
    gain = {"key": "gain", "name": "Gain", "kind": "number", "value": 1.0}
    gain |= {"low": 0.0, "high": 2.0, "step": 0.002, "unit": ""}
    assert gain in facts["parameters"]
    assert main(["plugins", "allow", str(bad), "--limit-seconds", "5"]) == 4
    assert "stays in quarantine" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["scan", "--limit-seconds", "0"], 2, "outside 1 to 600 s"),
        (["scan", "--limit-seconds", "20", __file__], 3, "is no plugin"),
        (["scan", "nowhere"], 3, "There is no “nowhere”"),
        (["show", "toaster"], 2, "no usable plugin “toaster”"),
        (["allow", "toaster.vst3"], 2, "was not scanned"),
        ([], 2, "ACTION"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    words: list[str],
    code: int,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("LOOPGRAFT_DATA", str(tmp_path))
    assert main(["plugins", *words]) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line


def test_only_the_host_loads_pedalboard() -> None:
    code = (
        "import plugin_bridge.command_line.plugins, sys;"
        "print(sorted({'pedalboard', 'torch', 'PyQt6'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "[]\n"


def _runs_with(word: str) -> list[int]:
    """Return the processes with this in their command line."""
    found: list[int] = []
    for process in psutil.process_iter(["cmdline", "status"]):
        if process.info["status"] != psutil.STATUS_ZOMBIE:
            line = " ".join(process.info["cmdline"] or [])
            found += [process.pid] if word in line else []
    return found
