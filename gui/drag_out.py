"""Sounds leave the window as files: dragged, copied, shown in their folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from PyQt6.QtCore import QMimeData, QObject, QPoint, QProcess, Qt, QUrl, pyqtSignal
from PyQt6.QtGui import QDesktopServices, QDrag, QGuiApplication, QPixmap
from PyQt6.QtWidgets import QWidget

from engine.display_name import display_name
from gui.drop_in import file_uri, uri_list
from gui.state.exports import ExportStore, Sound
from gui.state.wet_files import Files, WetFiles
from plugin_bridge.plugins.chain import Chain

_DRAG_HOT_SPOT = QPoint(12, 12)


class DragOut(QObject):
    """Hands finished files to other programs. UI thread only; never waits for an export.

    status(sentence): what happened, for the status line.
    """

    status = pyqtSignal(str)

    def __init__(
        self, store: ExportStore, wet: WetFiles | None = None, parent: QObject | None = None
    ) -> None:
        """wet: what leaves in place of the store's files while there is a chain."""
        super().__init__(parent)
        self.store = store
        self.wet = wet or WetFiles(store, lambda _take_id: Chain(), self)
        # The pointer moves on while a file is written: one drag is enough, the newest.
        self._beginning: Path | None = None
        self.wet.failed.connect(self._on_failed)
        self.wet.warned.connect(self.status)

    def start_drag(self, widget: QWidget, sound: Sound, pixmap: QPixmap) -> None:
        """Drag the finished file, as a copy; returns when it was dropped or let go.

        A take whose file is not written yet is exported first; the drag then starts by itself if
        the button is still held, else status says that the file is ready.
        """
        if self._beginning == sound.path:
            return
        is_there = self.wet.files_of(sound) is not None

        def begin(paths: Files) -> None:
            if self._beginning != sound.path:
                return
            self._beginning = None
            if is_there or QGuiApplication.mouseButtons() & Qt.MouseButton.LeftButton:
                _run_drag(widget, paths, pixmap)
            else:
                is_one = len(paths) == 1
                words = "is written now; drag it again" if is_one else "are written now; drag again"
                self.status.emit(f"{_named(paths)} {words}.")

        self._beginning = sound.path
        self.wet.prepare(sound, begin)

    def copy_as_file(self, sound: Sound) -> None:
        """Put the finished file on the clipboard, to be pasted into a folder or a DAW."""
        self.wet.prepare(sound, self._copy)

    def reveal(self, sound: Sound) -> None:
        """Show the finished file in the file manager."""
        self.wet.prepare(sound, _reveal_last)

    def _on_failed(self, path: Path, sentence: str) -> None:
        if path == self._beginning:
            self._beginning = None
        self.status.emit(sentence)

    def _copy(self, paths: Files) -> None:
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            clipboard.setMimeData(clipboard_data(*paths))
            it = "it" if len(paths) == 1 else "them"
            self.status.emit(f"Copied {_named(paths)}; paste {it} into a folder or a DAW.")


def _named(paths: Files) -> str:
    return " and ".join(f"“{display_name(path)}”" for path in paths)


def _reveal_last(paths: Files) -> None:
    reveal(paths[-1])


def drag_data(*paths: Path) -> QMimeData:
    """Return dragged files: URLs and nothing else, so that no target takes it for text."""
    data = QMimeData()
    # Raw, because QUrl destroys names that are no UTF-8.
    data.setData("text/uri-list", uri_list(paths))
    return data


def clipboard_data(*paths: Path) -> QMimeData:
    """Return copied files in the forms of RFC 2483, GNOME and KDE, and their paths as text."""
    data = drag_data(*paths)
    data.setData("x-special/gnome-copied-files", b"copy\n" + b"\n".join(map(file_uri, paths)))
    data.setData("application/x-kde-cutselection", b"0")
    data.setData("text/plain", b"\n".join(map(os.fsencode, paths)))
    return data


def reveal(path: Path) -> None:
    """Show a file in the file manager, or open its folder where that cannot be asked."""
    if sys.platform == "darwin":
        QProcess.startDetached("open", ["-R", os.fspath(path)])
    elif sys.platform == "win32":
        # Two arguments: Explorer does not understand one that is quoted as a whole.
        QProcess.startDetached("explorer", ["/select,", os.fspath(path)])
    elif not _ask_file_manager(path):
        _open_folder(path)


def _run_drag(widget: QWidget, paths: Files, pixmap: QPixmap) -> None:
    drag = QDrag(widget)
    drag.setMimeData(drag_data(*paths))
    drag.setPixmap(pixmap)
    drag.setHotSpot(_DRAG_HOT_SPOT)
    # Copy only: a DAW that moves the file away would break the next project that refers to it.
    drag.exec(Qt.DropAction.CopyAction)


def _open_folder(path: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromEncoded(file_uri(path.parent)))


def _ask_file_manager(path: Path) -> bool:
    """Call org.freedesktop.FileManager1.ShowItems, without waiting. Returns whether it went off;
    an error that comes back opens the folder."""
    if not _has_session_bus():
        return False
    try:
        from PyQt6.QtDBus import (
            QDBusArgument,
            QDBusConnection,
            QDBusMessage,
            QDBusPendingCallWatcher,
            QDBusPendingReply,
        )
    except ImportError:  # a Qt built without it
        return False
    from PyQt6.QtCore import QMetaType

    bus = QDBusConnection.sessionBus()
    if not bus.isConnected():
        return False
    name = "org.freedesktop.FileManager1"
    call = QDBusMessage.createMethodCall(name, "/org/freedesktop/FileManager1", name, "ShowItems")
    uris = QDBusArgument()
    uris.add([file_uri(path).decode("ascii")], QMetaType.Type.QStringList.value)
    call.setArguments([uris, ""])
    watcher = QDBusPendingCallWatcher(bus.asyncCall(call), QGuiApplication.instance())

    def finished() -> None:
        if QDBusPendingReply(watcher).isError():
            _open_folder(path)
        watcher.deleteLater()

    watcher.finished.connect(finished)
    return True


def _has_session_bus() -> bool:
    """Tell whether there is a bus: asking for one that is not there would start it and block."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    return "DBUS_SESSION_BUS_ADDRESS" in os.environ or bool(
        runtime and Path(runtime, "bus").exists()
    )
