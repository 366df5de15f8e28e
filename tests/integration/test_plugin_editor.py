"""A plugin's own window, out of its own process, on a real X screen."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from plugin_bridge.plugins.chain import Chain, ChainSlot
from plugin_bridge.plugins.host_client import HostOptions
from plugin_bridge.plugins.host_events import (
    ChainReady,
    ChainSnapshot,
    EditorClosed,
    HostRestarting,
)
from plugin_bridge.plugins.plugin_index import PluginIndex
from tests.plugin_bridge.command_runs import wait_for
from tests.plugin_bridge.plugins.host_parts import (
    HOST_BLOCK_FRAMES,
    RATE,
    Stream,
    hosting,
    index_of,
)
from tests.plugin_bridge.plugins.plugin_parts import debian_plugin, needs_plugins
from tests.screen import Screen

_PROGRAMS = {"Xvfb": "xvfb", "openbox": "openbox", "xprop": "x11-utils", "xsettingsd": "xsettingsd"}
_MISSING = [package for program, package in _PROGRAMS.items() if shutil.which(program) is None]

pytestmark = [
    needs_plugins,
    pytest.mark.skipif(bool(_MISSING), reason=f"needs a screen: apt install {' '.join(_MISSING)}"),
]

OPTIONS = HostOptions(RATE, HOST_BLOCK_FRAMES)
PLUGIN = "ZamCompX2"


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    screen = Screen()
    monkeypatch.setenv("DISPLAY", screen.display)
    yield screen.display
    screen.close()


@pytest.fixture
def index(tmp_path: Path) -> Iterator[PluginIndex]:
    with index_of(tmp_path, debian_plugin(PLUGIN)) as index:
        yield index


@contextmanager
def desktop_settings(folder: Path) -> Generator[None]:
    """Run what owns the desktop's settings (XSETTINGS)."""
    (folder / "settings").write_text("")
    settings = subprocess.Popen(
        ["xsettingsd", "-c", str(folder / "settings")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        settings.terminate()
        settings.wait()


def windows() -> str:
    words = ["xwininfo", "-root", "-tree"]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout


def test_the_editor_opens_and_closes_while_the_stream_goes_on(
    screen: str, index: PluginIndex, tmp_path: Path
) -> None:
    chain = Chain((ChainSlot(index.find(PLUGIN).facts.plugin_id),))
    with desktop_settings(tmp_path), hosting(index, chain, OPTIONS) as (host, told):
        told.wait(ChainSnapshot, lambda event: bool(event.chain.slots))
        start = told.now()
        host.show_editor(0)
        wait_for(lambda: PLUGIN in windows() or told.of(EditorClosed), "the editor")
        assert PLUGIN in windows()
        stream = Stream(host)
        stream.until_wet()
        host.close_editor()
        assert told.wait(EditorClosed).sentence == ""
        told.wait(ChainSnapshot, start=start)  # what was turned there is kept
        wait_for(lambda: PLUGIN not in windows(), "the editor's end")
        assert not told.of(HostRestarting)


def test_an_editor_that_is_closed_before_it_is_open_holds_nothing_up(
    screen: str, index: PluginIndex, tmp_path: Path
) -> None:
    """While it is open no chain is set: a lost wish to close it would cost the plugin its host."""
    chain = Chain((ChainSlot(index.find(PLUGIN).facts.plugin_id),))
    with desktop_settings(tmp_path), hosting(index, chain, OPTIONS) as (host, told):
        for _ in range(3):
            host.show_editor(0)
            host.close_editor()
        again = chain.with_slot(0, ChainSlot(chain.slots[0].plugin_id, bypass=True))
        host.set_chain(again)
        told.wait(ChainReady, lambda event: event.chain == again)
        assert [event.sentence for event in told.of(EditorClosed)] == [""] * 3
        assert not told.of(HostRestarting)


def test_without_the_desktops_settings_the_host_lives_on(screen: str, index: PluginIndex) -> None:
    """They are asked for at once, and X would end the process."""
    chain = Chain((ChainSlot(index.find(PLUGIN).facts.plugin_id),))
    with hosting(index, chain, OPTIONS) as (host, told):
        host.show_editor(0)
        assert "start xsettingsd" in told.wait(EditorClosed).sentence
        Stream(host).until_wet()
        assert not told.of(HostRestarting)
