"""A program that lends a file to be moved: `python -m tests.integration.move_source FILE`.

As Qt's own views of files do, it deletes what a target says that it moved. Prints the answer.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PyQt6.QtCore import QMimeData, Qt, QUrl
from PyQt6.QtGui import QDrag, QMouseEvent
from PyQt6.QtWidgets import QApplication, QLabel

TITLE = "Files to be moved"


class MoveSource(QLabel):
    """A label that is dragged as a file: as a move, or as a copy if the target wants that."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.name)
        self._path = path
        self.setWindowTitle(TITLE)
        self.resize(400, 200)

    def mouseMoveEvent(self, ev: QMouseEvent | None) -> None:  # noqa: N802
        data, drag = QMimeData(), QDrag(self)
        data.setUrls([QUrl.fromLocalFile(str(self._path))])
        drag.setMimeData(data)
        move = Qt.DropAction.MoveAction
        answer = drag.exec(Qt.DropAction.CopyAction | move, move)
        if answer == move:
            self._path.unlink()
        sys.stdout.write(f"{answer.name}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    app = QApplication(sys.argv[:1])
    source = MoveSource(Path(sys.argv[1]))
    source.show()
    sys.exit(app.exec())
