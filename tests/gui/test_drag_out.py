"""What is dragged is a finished file that stays; what fails says why."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import soundfile
from PyQt6.QtCore import QMimeData, Qt
from PyQt6.QtGui import QDrag, QGuiApplication, QPixmap
from PyQt6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from engine.library import Library
from engine.take import TakeFacts
from engine.take_maker import NativeSamples
from engine.wav_file import read_recipe
from gui.drag_out import DragOut, clipboard_data, drag_data
from gui.drop_in import dropped_paths
from gui.state.clip_service import ClipService
from gui.state.exports import BitDepth, ExportStore
from plugin_bridge.command_line.stored_take import read_stored
from tests.plugin_bridge.export_takes import loop_take

ROOT = Path(__file__).resolve().parents[2]
WAIT_MS = 120_000
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="POSIX names and modes")


class Take(NamedTuple):
    path: Path
    facts: TakeFacts
    samples: NativeSamples | None = None


@pytest.fixture
def store(qtbot: QtBot, tmp_path: Path) -> Iterator[ExportStore]:
    service = ClipService()
    yield ExportStore(service, tmp_path / "exports", tmp_path / "takes")
    service.close()


@pytest.fixture
def take(tmp_path: Path) -> Take:
    facts, samples = loop_take(bpm=100, subtype="PCM_24", prompt="glassy keys")
    with Library(tmp_path / "takes", tmp_path / "index.sqlite3") as library:
        return Take(library.add(facts, samples), facts, samples)


@pytest.fixture
def drags(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, Qt.DropAction]]:
    """Record drags in place of the desktop's own loop, which needs a pointer."""
    ran: list[tuple[Path, Qt.DropAction]] = []

    def run(drag: QDrag, actions: Qt.DropAction) -> Qt.DropAction:
        data = drag.mimeData()
        assert data is not None
        (path,) = dropped_paths(data.data("text/uri-list").data()).paths
        assert path.is_file()  # closed and whole before the drag begins
        ran.append((path, actions))
        return actions

    monkeypatch.setattr(QDrag, "exec", run)
    return ran


def test_a_take_that_was_prepared_drags_at_once_as_a_copy(
    store: ExportStore, take: Take, drags: list[tuple[Path, Qt.DropAction]], qtbot: QtBot
) -> None:
    with qtbot.waitSignal(store.ready, timeout=WAIT_MS) as ready:
        store.prepare(take)
    widget = QWidget()
    qtbot.addWidget(widget)
    DragOut(store).start_drag(widget, take, QPixmap(10, 10))
    ((path, action),) = drags
    assert action == Qt.DropAction.CopyAction
    assert path == ready.args[1] == store.path_of(take)
    assert path.parent == store.folder
    assert re.fullmatch(r"glassy-keys_100bpm_[a-f][0-9a-f]{3}\.wav", path.name)
    recipe = read_recipe(path)
    assert recipe is not None
    assert recipe.request == take.facts.request
    np.testing.assert_array_equal(read_stored(path, recipe), take.samples)
    assert path.is_file()  # and stays: the DAW may refer to it


def test_a_drag_waits_for_its_export_while_the_button_is_held(
    store: ExportStore,
    take: Take,
    drags: list[tuple[Path, Qt.DropAction]],
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    widget = QWidget()
    qtbot.addWidget(widget)
    held = [Qt.MouseButton.LeftButton]
    monkeypatch.setattr(QGuiApplication, "mouseButtons", staticmethod(lambda: held[0]))
    out = DragOut(store)
    with qtbot.waitSignal(store.ready, timeout=WAIT_MS):
        out.start_drag(widget, take, QPixmap(10, 10))
        out.start_drag(widget, take, QPixmap(10, 10))  # the pointer moves on
        assert drags == []
    assert len(drags) == 1
    store.bit_depth, held[0] = BitDepth.PCM_16, Qt.MouseButton.NoButton
    with qtbot.waitSignal(out.status, timeout=WAIT_MS) as told:
        out.start_drag(widget, take, QPixmap(10, 10))
    assert len(drags) == 1
    assert "drag it again" in told.args[0]
    out.start_drag(widget, take, QPixmap(10, 10))
    assert len(drags) == 2


def test_the_take_that_was_grabbed_last_is_the_one_that_is_dragged(
    store: ExportStore,
    take: Take,
    drags: list[tuple[Path, Qt.DropAction]],
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    facts, samples = loop_take(prompt="warm pad", seed=8)
    with Library(tmp_path / "takes", tmp_path / "index.sqlite3") as library:
        other = Take(library.add(replace(facts, take_id="t2"), samples), facts)
    widget = QWidget()
    qtbot.addWidget(widget)
    left = Qt.MouseButton.LeftButton
    monkeypatch.setattr(QGuiApplication, "mouseButtons", staticmethod(lambda: left))
    out = DragOut(store)
    out.start_drag(widget, take, QPixmap(10, 10))
    out.start_drag(widget, other, QPixmap(10, 10))
    qtbot.waitUntil(lambda: bool(drags), timeout=WAIT_MS)
    assert [path.name.split("_")[0] for path, _ in drags] == ["warm-pad"]


def test_a_vanished_file_says_so_and_does_not_stop_the_next_drag(
    store: ExportStore, drags: list[tuple[Path, Qt.DropAction]], qtbot: QtBot, tmp_path: Path
) -> None:
    facts, _ = loop_take()
    own = Take(tmp_path / "gone loop.wav", facts)
    widget = QWidget()
    qtbot.addWidget(widget)
    out = DragOut(store)
    for hand_over in (
        lambda: out.start_drag(widget, own, QPixmap(10, 10)),
        lambda: out.copy_as_file(own),
        lambda: out.reveal(own),
    ):
        with qtbot.waitSignal(out.status, timeout=WAIT_MS) as told:
            hand_over()
        assert told.args == ["“gone loop.wav” is no longer there; put it back or save it anew."]
    own.path.write_bytes(b"back")
    out.start_drag(widget, own, QPixmap(10, 10))
    assert [path for path, _ in drags] == [own.path]


def test_a_users_own_file_drags_itself(
    store: ExportStore, drags: list[tuple[Path, Qt.DropAction]], qtbot: QtBot, tmp_path: Path
) -> None:
    own = tmp_path / "my loop 100%.wav"
    own.write_bytes(b"mine")
    widget = QWidget()
    qtbot.addWidget(widget)
    facts, _ = loop_take()
    DragOut(store).start_drag(widget, Take(own, facts), QPixmap(10, 10))
    assert [path for path, _ in drags] == [own]
    assert not store.folder.exists()


def test_each_bit_depth_is_a_file_of_its_own(store: ExportStore, take: Take, qtbot: QtBot) -> None:
    made: dict[BitDepth, Path] = {}
    for depth in BitDepth:
        store.bit_depth = depth
        with qtbot.waitSignal(store.ready, timeout=WAIT_MS) as ready:
            store.prepare(take)
        made[depth] = ready.args[1]
    subtypes = {depth: soundfile.info(path).subtype for depth, path in made.items()}
    assert subtypes == {
        BitDepth.OWN: "PCM_24",
        BitDepth.PCM_16: "PCM_16",
        BitDepth.PCM_24: "PCM_24",
        BitDepth.FLOAT_32: "FLOAT",
    }
    assert made[BitDepth.OWN] == made[BitDepth.PCM_24]


def test_two_wishes_at_once_export_once_and_a_lost_file_is_made_again(
    store: ExportStore, take: Take, qtbot: QtBot
) -> None:
    got: list[Path] = []
    store.prepare(take, got.append)
    store.prepare(take, got.append)
    qtbot.waitUntil(lambda: len(got) == 2, timeout=WAIT_MS)
    assert len(list(store.folder.iterdir())) == 1
    got[0].unlink()
    assert store.path_of(take) is None
    store.prepare(take, got.append)
    qtbot.waitUntil(lambda: len(got) == 3, timeout=WAIT_MS)
    assert got[2].is_file()


def test_an_export_that_an_editor_wrote_into_is_left_alone_and_another_is_made(
    store: ExportStore, take: Take, qtbot: QtBot
) -> None:
    got: list[Path] = []
    store.prepare(take, got.append)
    qtbot.waitUntil(lambda: len(got) == 1, timeout=WAIT_MS)
    got[0].write_bytes(b"edited in place")
    store.prepare(take, got.append)
    qtbot.waitUntil(lambda: len(got) == 2, timeout=WAIT_MS)
    assert got[0].read_bytes() == b"edited in place"
    assert got[1] != got[0]
    np.testing.assert_array_equal(read_stored(got[1], take.facts), take.samples)


@posix_only
def test_a_folder_that_cannot_be_written_gets_one_sentence_and_loses_nothing(
    store: ExportStore, take: Take, qtbot: QtBot, tmp_path: Path
) -> None:
    good, store.folder = store.folder, tmp_path / "file" / "deeper"
    (tmp_path / "file").write_text("in the way")
    said: list[str] = []
    out = DragOut(store)
    out.status.connect(said.append)
    out.copy_as_file(take)
    qtbot.waitUntil(lambda: bool(said), timeout=WAIT_MS)
    assert "could not be written" in said[0]
    assert take.path.is_file()
    store.folder = good
    out.copy_as_file(take)
    qtbot.waitUntil(lambda: len(said) == 2, timeout=WAIT_MS)
    assert said[1].startswith("Copied “glassy-keys_100bpm")


@posix_only
@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="mounts a small disk")
def test_a_full_disk_gets_one_sentence_and_leaves_no_part(
    store: ExportStore, take: Take, qtbot: QtBot, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "none", str(disk)])
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        store.folder = disk
        with qtbot.waitSignal(store.failed, timeout=WAIT_MS) as failed:
            store.prepare(take)
        assert "the disk is full" in failed.args[1]
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@posix_only
def test_odd_names_survive_the_clipboard_in_every_form(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9 100%\n.wav")
    encoded = b"file://" + os.fsencode(tmp_path) + b"/caf%E9%20100%25%0A.wav"
    for data in (drag_data(path), clipboard_data(path)):
        assert data.data("text/uri-list").data() == encoded + b"\r\n"
        assert data.hasUrls()
    assert clipboard_data(path).data("x-special/gnome-copied-files").data() == b"copy\n" + encoded
    assert not drag_data(path).hasText() or drag_data(path).text().startswith("file:")


def test_a_copied_file_is_on_the_clipboard(store: ExportStore, take: Take, qtbot: QtBot) -> None:
    out = DragOut(store)
    with qtbot.waitSignal(out.status, timeout=WAIT_MS):
        out.copy_as_file(take)
    clipboard = QGuiApplication.clipboard()
    assert clipboard is not None
    data = clipboard.mimeData()
    assert isinstance(data, QMimeData)
    assert dropped_paths(data.data("text/uri-list").data()).paths == (store.path_of(take),)


BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
  </policy>
</busconfig>
"""
FILE_MANAGER = """
    import sys
    from PyQt6.QtCore import QCoreApplication, QObject, pyqtClassInfo, pyqtSlot
    from PyQt6.QtDBus import QDBusAbstractAdaptor, QDBusConnection

    @pyqtClassInfo("D-Bus Interface", "org.freedesktop.FileManager1")
    class Manager(QDBusAbstractAdaptor):
        @pyqtSlot("QStringList", str)
        def ShowItems(self, uris, startup_id):
            print(uris[0], flush=True)

    app = QCoreApplication(sys.argv)
    thing = QObject()
    adaptor = Manager(thing)
    bus = QDBusConnection.sessionBus()
    assert bus.registerObject("/org/freedesktop/FileManager1", thing)
    assert bus.registerService("org.freedesktop.FileManager1")
    print("ready", flush=True)
    app.exec()
"""
REVEAL = """
    import sys
    from pathlib import Path
    from PyQt6.QtCore import QObject, QUrl, pyqtSlot
    from PyQt6.QtGui import QDesktopServices, QGuiApplication
    from gui.drag_out import reveal

    class Desktop(QObject):
        @pyqtSlot(QUrl)
        def open(self, url):
            print(url.toEncoded().data().decode(), flush=True)

    app = QGuiApplication(sys.argv)
    desktop = Desktop()
    QDesktopServices.setUrlHandler("file", desktop.open)
    reveal(Path(sys.argv[1]))
    app.exec()
"""
needs_dbus = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("dbus-daemon") is None, reason="needs D-Bus"
)


@needs_dbus
def test_without_a_file_manager_the_folder_is_opened(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
        environment["DBUS_SESSION_BUS_ADDRESS"] = _line(_start_bus(stack, tmp_path))
        _check_folder_is_opened(stack, tmp_path / "ä loops", environment)


@posix_only
@pytest.mark.skipif(sys.platform == "darwin", reason="Finder is always there")
def test_without_a_bus_the_folder_is_opened(tmp_path: Path) -> None:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "XDG_RUNTIME_DIR": str(tmp_path)}
    environment.pop("DBUS_SESSION_BUS_ADDRESS", None)
    with contextlib.ExitStack() as stack:
        _check_folder_is_opened(stack, tmp_path / "ä loops", environment)


def _check_folder_is_opened(
    stack: contextlib.ExitStack, folder: Path, environment: dict[str, str]
) -> None:
    folder.mkdir()
    path = folder / "a.wav"
    script = textwrap.dedent(REVEAL)
    asked = _start(stack, sys.executable, "-c", script, str(path), env=environment)
    assert _line(asked) == f"file://{folder.parent}/%C3%A4%20loops"


@needs_dbus
def test_the_file_manager_is_asked_over_dbus(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        bus = _start_bus(stack, tmp_path)
        environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
        environment["DBUS_SESSION_BUS_ADDRESS"] = _line(bus)
        manager = _start(
            stack, sys.executable, "-c", textwrap.dedent(FILE_MANAGER), env=environment
        )
        assert _line(manager) == "ready"
        path = tmp_path / "ä loop.wav"
        _start(stack, sys.executable, "-c", textwrap.dedent(REVEAL), str(path), env=environment)
        assert _line(manager) == f"file://{tmp_path}/%C3%A4%20loop.wav"


def _start_bus(stack: contextlib.ExitStack, folder: Path) -> subprocess.Popen[str]:
    """Start a bus that starts no services: a desktop's own file manager stays out of the test."""
    config = folder / "bus.conf"
    config.write_text(BUS)
    return _start(stack, "dbus-daemon", f"--config-file={config}", "--nofork", "--print-address")


def _start(stack: contextlib.ExitStack, *command: str, **options: object) -> subprocess.Popen[str]:
    process = subprocess.Popen(  # type: ignore[call-overload]
        command, stdout=subprocess.PIPE, text=True, cwd=ROOT, **options
    )
    stack.callback(process.communicate)
    stack.callback(process.kill)
    return process


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()
