"""Real plugins for the tests: Debian's, our own test plugin, and files that are none."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tests.plugin_bridge.command_runs import ROOT

SOURCES = Path(__file__).parent / "sources"
#: Built once and kept between runs; ignored by git.
CACHE = ROOT / ".cache" / "test_plugins"
DEBIAN = Path("/usr/lib/vst3")
_FRAMEWORK = Path("/usr/share/dpf/distrho")
_ARCHITECTURE = f"{platform.machine()}-linux"

PROBE, PROBE_SYNTH = "Probe", "Probe Synth"
#: What the test plugin can be told to do, by the number of its parameter.
NONE, CRASH, HANG, ALLOCATE, NAN, EXIT, SLOW = range(7)
DELAY_FRAMES = 100
#: A sample above the test plugin's trigger.
TRIGGER = 5.0


def what_plugins_lack() -> str:
    """Return what is missing for these tests, "" when nothing is."""
    if sys.platform != "linux":
        return "the test plugins are built for Linux"
    parts = (
        ("zam-plugins", (DEBIAN / "ZamCompX2.vst3").is_dir()),
        ("dpf-source", (_FRAMEWORK / "DistrhoPluginMain.cpp").is_file()),
        ("g++", shutil.which("g++") is not None),
    )
    missing = " ".join(name for name, is_there in parts if not is_there)
    return f"needs plugins and a compiler: apt install {missing}" if missing else ""


needs_plugins = pytest.mark.skipif(bool(what_plugins_lack()), reason=what_plugins_lack())


@cache
def probe(name: str = PROBE) -> Path:
    """Return the test plugin (an effect, or a synth), built when it is not there yet."""
    flags = ("-DSYNTH",) if name == PROBE_SYNTH else ()
    sources = sorted(SOURCES.iterdir())
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]
    bundle = CACHE / digest / f"{name}.vst3"
    program = _program(bundle)
    if not program.exists():
        framework = ("-DDISTRHO_PLUGIN_TARGET_VST3", f"-I{SOURCES}", f"-I{_FRAMEWORK}")
        files = (SOURCES / "probe.cpp", _FRAMEWORK / "DistrhoPluginMain.cpp")
        _compile("g++", program, *files, "-std=gnu++14", *framework, *flags)
    return bundle


def rogue(bundle: Path, mode: int) -> Path:
    """Build a library that misbehaves when it is loaded (sources/rogue.c) and return its bundle."""
    _compile("gcc", _program(bundle), SOURCES / "rogue.c", f"-DMODE={mode}")
    return bundle


def debian_plugin(name: str) -> Path:
    return DEBIAN / f"{name}.vst3"


def cut_bundle(bundle: Path, size_bytes: int) -> Path:
    """Make a bundle whose program is only the first bytes of a real one."""
    (original,) = debian_plugin("ZamEQ2").rglob("*.so")
    program = _program(bundle)
    program.parent.mkdir(parents=True)
    with original.open("rb") as file:
        program.write_bytes(file.read(size_bytes))
    return bundle


def fifty_bad_candidates(folder: Path) -> list[Path]:
    """Make 50 things that are named like plugins, of every kind that was thought of."""
    rng = np.random.default_rng(5)
    made = [rogue(folder / f"Rogue {mode}.vst3", mode) for mode in range(10)]
    made += [cut_bundle(folder / f"Cut {size}.vst3", size) for size in _CUTS]
    for index in range(12):
        garbage = folder / f"Garbage {index}.vst3"
        garbage.write_bytes(rng.bytes(1 << index))
        text = folder / f"Text {index}.vst3"
        text.write_text("this is no plugin\n" * index)
        made += [garbage, text]
    made += _odd_things(folder)
    assert len(made) == 50
    return made


_CUTS = (0, 1, 4, 64, 1000, 4096, 40_000, 100_000)


def _odd_things(folder: Path) -> list[Path]:
    """Return folders, links and programs in the wrong place."""
    empty = folder / "Empty.vst3"
    empty.mkdir()
    hollow = folder / "Hollow.vst3"
    (hollow / "Contents").mkdir(parents=True)
    loop = folder / "Loop.vst3"
    loop.symlink_to(loop)
    dangling = folder / "Dangling.vst3"
    dangling.symlink_to(folder / "nowhere")
    shell = _as_program(folder / "Script.vst3", b"#!/bin/sh\nexit 0\n")
    program = _as_program(folder / "Program.vst3", Path("/bin/true").read_bytes())
    noise = _as_program(folder / "Noise.vst3", os.urandom(10_000))
    named = folder / os.fsdecode(b"N\xffme.vst3")
    named.write_bytes(b"a name that is no text")
    return [empty, hollow, loop, dangling, shell, program, noise, named]


def _as_program(bundle: Path, content: bytes) -> Path:
    program = _program(bundle)
    program.parent.mkdir(parents=True)
    program.write_bytes(content)
    return bundle


def _program(bundle: Path) -> Path:
    return bundle / "Contents" / _ARCHITECTURE / f"{bundle.stem}.so"


def _compile(compiler: str, program: Path, *words: str | Path) -> None:
    """Compile a shared library, moved into its place whole: tests may run side by side."""
    program.parent.mkdir(parents=True, exist_ok=True)
    part = program.with_name(f"{program.name}.{os.getpid()}")
    subprocess.run(
        [compiler, "-O1", "-fPIC", "-shared", "-fvisibility=hidden", "-o", part, *words, "-ldl"],
        check=True,
        capture_output=True,
    )
    part.replace(program)
