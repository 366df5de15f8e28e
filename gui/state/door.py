"""The door for DAW scripts: the control port as a process of its own, open while it is wanted."""

from __future__ import annotations

from PyQt6.QtCore import QObject, QProcess, QProcessEnvironment, pyqtSignal

from engine.child_process import child_environment, module_command

_CLOSE_MS = 3000


class ScriptDoor(QObject):
    """UI thread only; nothing blocks but close(). It ends with the app, however that ends.

    changed: it opened or shut. said(sentence, level): the answer to a wish, or why it shut.
    """

    changed = pyqtSignal()
    said = pyqtSignal(str, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.is_open = False
        self._is_wanted = False
        self._heard = b""
        self._process = QProcess(self)
        self._process.readyReadStandardError.connect(self._hear)
        self._process.finished.connect(self._on_end)
        self._process.errorOccurred.connect(self._on_error)

    @property
    def is_wanted(self) -> bool:
        """Return whether it is open or being opened."""
        return self._is_wanted

    def toggle(self) -> None:
        """Open it, or shut it."""
        if self._is_wanted:
            self._is_wanted = False
            self._process.closeWriteChannel()
        elif self._process.state() == QProcess.ProcessState.NotRunning:
            self._open()

    def close(self) -> None:
        """Shut it and wait for its end."""
        self._is_wanted = False
        self._process.closeWriteChannel()
        if not self._process.waitForFinished(_CLOSE_MS):
            self._process.kill()
            self._process.waitForFinished(_CLOSE_MS)

    def _open(self) -> None:
        self._is_wanted, self._heard = True, b""
        program, *words = module_command("plugin_bridge", "control", "--until-eof")
        environment = QProcessEnvironment()
        for name, value in child_environment().items():
            environment.insert(name, value)
        self._process.setProcessEnvironment(environment)
        self._process.setStandardOutputFile(QProcess.nullDevice())
        self._process.start(program, words)

    def _hear(self) -> None:
        self._heard += self._process.readAllStandardError().data()
        if not self.is_open and b"listening" in self._heard:
            self._show(True)
            self.said.emit("Scripts of this user may make takes now, until that is shut.", "")

    def _on_end(self, _code: int, _status: QProcess.ExitStatus) -> None:
        was_wanted, self._is_wanted = self._is_wanted, False
        self._show(False)
        if was_wanted:
            lines = self._heard.decode(errors="replace").strip().splitlines()
            why = lines[-1] if lines else "the door for scripts ended unexpectedly; open it again."
            self.said.emit(why, "warn")
        else:
            self.said.emit("Scripts are shut out again.", "")

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart:
            self._is_wanted = False
            self.said.emit("The door for scripts could not be opened; try again.", "fault")

    def _show(self, is_open: bool) -> None:
        if is_open != self.is_open:
            self.is_open = is_open
            self.changed.emit()
