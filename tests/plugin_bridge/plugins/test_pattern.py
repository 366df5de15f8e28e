"""Patterns of notes: what they mean, what is wrong with them, and an instrument that plays one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.audio import FrameSpan
from engine.errors import BadArgument
from engine.tempo import COMMON_TIME, Tempo, loop_frames
from engine.wav_file import read_chunks
from plugin_bridge.cli import main
from plugin_bridge.command_line.options import Options
from plugin_bridge.command_line.source import find_grid, open_source
from plugin_bridge.command_line.spans import read_spans
from plugin_bridge.plugins.pattern import (
    STEPS_PER_BAR,
    Pattern,
    Sound,
    messages,
    read_pattern,
    repeated,
)
from plugin_bridge.wav_metadata import AcidChunk, SamplerLoop, SmplChunk
from tests.plugin_bridge.command_runs import Shell, new_shell
from tests.plugin_bridge.plugins.host_parts import index_of
from tests.plugin_bridge.plugins.plugin_parts import PROBE_SYNTH, needs_plugins, probe

RATE = 44_100
NAMES = ("c", "c#", "d", "eb", "e", "f", "f#", "g", "ab", "a", "bb", "b")

pitches = st.lists(st.integers(0, 127), min_size=1, max_size=4, unique=True).map(tuple)
#: Rests before a sound, how long it lasts, what it is.
parts = st.tuples(st.integers(0, 5), st.integers(1, 6), pitches, st.integers(1, 127))


def pattern_of(drawn: Sequence[tuple[int, int, tuple[int, ...], int]], rest: int) -> Pattern:
    sounds: list[Sound] = []
    step = 0
    for before, steps, chord, velocity in drawn:
        sounds.append(Sound(step + before, steps, chord, velocity))
        step = sounds[-1].stop
    return Pattern(tuple(sounds), step + rest)


patterns = st.builds(pattern_of, st.lists(parts, min_size=1, max_size=8), st.integers(0, 5))


def written(pattern: Pattern, loose: bool) -> str:
    """Return a pattern as a person types it. loose: ties and rests as words of their own."""
    words: list[str] = []
    step = 0
    for sound in pattern.sounds:
        words += rests(sound.start - step, loose)
        names = [f"{NAMES[pitch % 12]}{pitch // 12 - 1}" for pitch in sound.pitches]
        what = names[0] if len(names) == 1 else f"[{' '.join(names)}]"
        velocity = "" if sound.velocity == 100 else f":{sound.velocity}"
        held = "~" * (sound.steps - 1)
        words += [what + velocity, *held] if loose else [what + velocity + held]
        step = sound.stop
    return " ".join(words + rests(pattern.steps - step, loose))


def rests(count: int, loose: bool) -> list[str]:
    return ["."] * count if loose else ["." * count][: count > 0]


@given(pattern=patterns, loose=st.booleans())
def test_a_pattern_is_read_as_it_was_meant(pattern: Pattern, loose: bool) -> None:
    assert read_pattern(written(pattern, loose)) == pattern


@given(text=st.one_of(st.text(), st.text("abc34#:[]~. \n", max_size=30)))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        pattern = read_pattern(text)
    except BadArgument:
        return
    assert pattern.sounds
    assert pattern.steps >= pattern.sounds[-1].stop


@settings(max_examples=50)
@given(pattern=patterns, bars=st.integers(1, 8), bpm=st.integers(40, 300))
def test_bars_are_filled_and_every_note_ends_inside(pattern: Pattern, bars: int, bpm: int) -> None:
    assume(pattern.least_bars <= bars)
    stop = bars * STEPS_PER_BAR
    sounds = repeated(pattern, bars)
    taken = np.zeros(stop, int)
    for sound in sounds:
        assert sound.steps >= 1
        taken[sound.start : sound.stop] += 1
        assert sound.stop <= stop
    assert taken.max() == 1, "no two sounds overlap"
    once = np.zeros(pattern.steps, int)
    for sound in pattern.sounds:
        once[sound.start : sound.stop] = 1
    np.testing.assert_array_equal(taken, np.resize(once, stop))
    sounding: set[int] = set()
    told = messages(sounds, Tempo.of(bpm))
    for (status, pitch, _velocity), _seconds in told:
        assert (pitch in sounding) == (status == 0x80), "a note ends before it begins anew"
        sounding ^= {pitch}
    assert not sounding
    seconds = [place for _, place in told]
    assert seconds == sorted(seconds)
    assert seconds[-1] <= stop * 60 / (4 * bpm) + 1e-9


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("c3 h3", "“h3”, token 2 of the pattern: “h3” is no note; give notes"),
        ("c3 [e3 x]", "“[e3 x]”, token 2 of the pattern: “x” is no note"),
        ("c3 . ~", "“~”, token 3 of the pattern: there is no note before it"),
        ("c3:128", "a velocity of “128” is outside 1 to 127"),
        ("c3:", "a velocity of “” is outside 1 to 127"),
        ("g#9", "“g#9” is outside c-1 to g9"),
        ("[]", "a chord without notes"),
        ("c3 [e3", "“[e3”, token 2 of the pattern: it is none of what"),
        ("c3~:90", "it is none of what"),
        (". .", "has no notes"),
        ("c3 " * 1025, "more than 1024 sixteenths, which are 64 bars"),
    ],
)
def test_what_is_wrong_is_one_sentence_with_its_place(text: str, says: str) -> None:
    with pytest.raises(BadArgument) as caught:
        read_pattern(text)
    assert says in caught.value.sentence


def test_a_pattern_that_is_longer_than_the_bars_says_how_many_it_needs() -> None:
    with pytest.raises(BadArgument, match="has 17 sixteenths, but 1 bars have 16; give --bars 2"):
        repeated(read_pattern("c3" + "~" * 16), 1)


# --- the instrument -------------------------------------------------------------------------------


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A folder to work in, for this process too, with a scanned instrument."""
    shell = new_shell(tmp_path)
    monkeypatch.setenv("LOOPGRAFT_DATA", str(shell.data))
    monkeypatch.chdir(shell.folder)
    index_of(shell.data, probe(PROBE_SYNTH)).close()
    return shell


@needs_plugins
def test_a_pattern_becomes_exact_bars_that_can_be_grafted_into(
    shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["plugins", "play", PROBE_SYNTH, "a4~ ... a5:1 ...", "--bpm", "92.5", "--bars", "2"]
    assert main([*words, "--set", "gain=1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    path, tempo = Path(told["path"]), Tempo.of("92.5")
    frames = loop_frames(tempo, 2, COMMON_TIME, RATE)
    assert (path.name, told["frames"], told["bars"]) == ("probe-synth_93bpm.wav", frames, 2)
    audio, rate = soundfile.read(path)
    assert (audio.shape, rate, told["notes"]) == ((frames, 2), RATE, 7)
    step = 60 / 92.5 / 4 * RATE
    for number in range(7):  # 9 sixteenths each, of which a note takes 2 or 1
        start, held = (9 * (number // 2), 2) if number % 2 == 0 else (9 * (number // 2) + 5, 1)
        sound = audio[round(start * step) + 2 : round((start + held) * step) - 2, 0]
        spectrum = np.abs(np.fft.rfft(sound, RATE))
        assert abs(int(spectrum.argmax()) - (440, 880)[number % 2]) <= 2
        after = audio[round((start + held) * step) + 2 : round((start + 4 + held // 2) * step), 0]
        assert not after[: round(step)].any(), "a rest is silent"
    chunks = dict(read_chunks(path))
    acid = AcidChunk.decode(chunks[b"acid"])
    assert (acid.beats, acid.tempo_bpm, acid.one_shot) == (8, 92.5, False)
    assert SmplChunk.decode(chunks[b"smpl"]).loops == (SamplerLoop(0, frames),)
    source = open_source(path)
    grid = find_grid(source, tempo, 0.0)
    spans = read_spans(Options(start_bar=["1"], end_bar=["3"], command=""), source, grid)
    assert spans == (FrameSpan(0, frames),), "two bars of it are all of it"


@needs_plugins
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["c3 x"], "token 2 of the pattern"),
        (["c3", "--bars", "65"], "65 bars is outside 1 to 64"),
        (["c3", "--bpm", "20"], "A tempo of 20 bpm is outside 40 to 300"),
        (["c3", "--seconds", "2"], "--seconds is for a MIDI file"),
        (["song.mid", "--bars", "2"], "--bpm and --bars are for a pattern"),
    ],
)
def test_a_pattern_that_cannot_be_played_is_one_sentence(
    words: list[str], says: str, shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plugins", "play", PROBE_SYNTH, *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line
    assert not shell.wavs()
