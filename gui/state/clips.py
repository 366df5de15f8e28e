"""Files and takes become clips: read and measured in another process."""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

from PyQt6.QtCore import QObject, Qt, pyqtSignal

from engine.display_name import display_text
from engine.take import TakeFacts
from engine.tempo import TimeSignature
from gui.drop_in import Expanded, expand_folders
from gui.state.background import Background
from gui.state.clip import Clip
from gui.state.clip_service import ClipService
from gui.state.provenance import Provenance, grafted_spans, provenance
from plugin_bridge.capture.grid_chunk import GridFacts
from plugin_bridge.clip_events import ClipEvent, ClipFailed, ClipMeasured, ClipOpened
from plugin_bridge.clip_messages import Act
from plugin_bridge.export_name import title

#: Takes that are kept to be heard again at once: the lanes and what was auditioned last.
TAKES_KEPT = 24
BYTES_KEPT = 512 * 2**20


class ClipLoader(QObject):
    """Reads sounds. UI thread only, and nothing blocks it but close().

    opened(Clip): a user's sound can be shown and heard, but is not measured yet. loaded(Clip):
    all is known; always comes, with the same clip_id and samples. failed(clip_id, path, sentence):
    there will be no clip. noted(sentence): something beside a clip was left out or not understood.
    """

    opened = pyqtSignal(object)
    loaded = pyqtSignal(object)
    failed = pyqtSignal(str, object, str)
    noted = pyqtSignal(str)
    _kept = pyqtSignal(object)

    def __init__(self, service: ClipService | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.service = service or ClipService(self)
        self._owns_service = service is None
        self._background = Background(self)
        self._background.failed.connect(self.noted)
        self._takes: OrderedDict[Path, Clip] = OrderedDict()
        self._requests: dict[str, str] = {}
        self._unmeasured: dict[str, Clip] = {}
        # Queued: the caller learns the id before the clip.
        self._kept.connect(self._tell, Qt.ConnectionType.QueuedConnection)  # pyright: ignore[reportCallIssue] - PyQt6's stub lacks it

    def load(self, paths: Iterable[Path]) -> list[str]:
        """Read files, and the audio files of folders. Returns the clip_id of each path."""
        wanted = list(paths)
        ids = [uuid.uuid4().hex for _ in wanted]
        self._requests.update(dict.fromkeys(ids, ""))
        self._background.run(partial(expand_folders, wanted), partial(self._read_all, ids))
        return ids

    def load_take(self, path: Path, facts: TakeFacts) -> str:
        """Read a take of the library and return its clip_id; one that is kept comes at once."""
        clip_id = uuid.uuid4().hex
        kept = self._takes.get(path)
        if kept is not None and kept.facts is not None and kept.facts.take_id == facts.take_id:
            self._takes.move_to_end(path)
            self._requests[clip_id] = ""
            self._kept.emit(replace(kept, clip_id=clip_id))
        else:
            then = partial(self._on_event, clip_id)
            self._requests[clip_id] = self.service.read_take(path, then)
        return clip_id

    def cancel(self, clip_id: str) -> None:
        """Do not load it any more; nothing of it is told."""
        request_id = self._requests.pop(clip_id, "")
        self._unmeasured.pop(clip_id, None)
        if request_id:
            self.service.cancel(request_id)

    def close(self) -> None:
        """Drop what is being read and end the readers that it started."""
        self._requests.clear()
        self._background.close()
        if self._owns_service:
            self.service.close()

    def _read_all(self, ids: list[str], expanded: Expanded) -> None:
        if expanded.sentence:
            self.noted.emit(expanded.sentence)
        for clip_id, paths in zip(ids, expanded.files, strict=True):
            if clip_id not in self._requests:
                continue
            for number, path in enumerate(paths):
                name = clip_id if number == 0 else uuid.uuid4().hex
                self._requests[name] = self.service.read(path, partial(self._on_event, name))
            if not paths:
                del self._requests[clip_id]

    def _on_event(self, clip_id: str, event: ClipEvent) -> None:
        match event:
            case ClipOpened():
                self._on_opened(clip_id, event)
            case ClipMeasured():
                self._tell(measured_clip(self._unmeasured.pop(clip_id), event))
            case ClipFailed(act=Act.MEASURE):
                self.noted.emit(event.sentence)
                self._tell(self._unmeasured.pop(clip_id))
            case ClipFailed():
                self._requests.pop(clip_id, None)
                self.failed.emit(clip_id, event.path, event.sentence)
            case _:
                pass

    def _on_opened(self, clip_id: str, event: ClipOpened) -> None:
        clip = opened_clip(clip_id, event)
        if event.recipe_fault:
            self.noted.emit(event.recipe_fault)
        if clip.facts is None:
            self._unmeasured[clip_id] = clip
            self.opened.emit(clip)
        else:
            self._background.run(partial(provenance, clip.facts), partial(self._on_known, clip))

    def _on_known(self, clip: Clip, known: Provenance) -> None:
        """Take in whose each frame is; only now can it be drawn in its colours."""
        clip = replace(clip, grafted=known.grafted, source_known=known.is_known)
        self._keep(clip)
        self._tell(clip)

    def _tell(self, clip: Clip) -> None:
        if self._requests.pop(clip.clip_id, None) is not None:
            self.loaded.emit(clip)

    def _keep(self, clip: Clip) -> None:
        self._takes[clip.path] = clip
        self._takes.move_to_end(clip.path)
        while len(self._takes) > TAKES_KEPT or (
            len(self._takes) > 1 and self._bytes() > BYTES_KEPT
        ):
            self._takes.popitem(last=False)

    def _bytes(self) -> int:
        return sum(clip.audio.samples.nbytes for clip in self._takes.values())


def opened_clip(clip_id: str, event: ClipOpened) -> Clip:
    """Return the clip of what was read; without a recipe its tempo and key are not known."""
    facts, audio = event.facts, event.audio
    if facts is None:
        name = display_text(event.path.stem)
        clip = Clip(clip_id, name, event.path, audio, event.peaks, peak=event.peak)
        return clip if event.grid is None else _on_grid(clip, event.grid)
    measured = facts.measured
    return Clip(
        clip_id,
        display_text(title(facts) or event.path.stem),
        event.path,
        audio,
        event.peaks,
        tempo_bpm=facts.tempo_bpm,
        signature=facts.request.signature,
        downbeat_frame=facts.downbeat_frame,
        key=facts.key,
        lufs=measured.lufs,
        peak=event.peak,
        seam_score=measured.seam_score,
        is_loop=facts.is_loop,
        grafted=grafted_spans(facts),
        facts=facts,
    )


def _on_grid(clip: Clip, grid: GridFacts) -> Clip:
    """Return a recording on the bars that it was cut on."""
    return replace(
        clip,
        tempo_bpm=grid.bpm,
        signature=TimeSignature(grid.beats_per_bar, grid.beat_unit),
        downbeat_frame=grid.downbeat_frame,
        is_loop=grid.is_loop,
    )


def measured_clip(clip: Clip, heard: ClipMeasured) -> Clip:
    """Return the clip with what was heard in it."""
    return replace(
        clip,
        tempo_bpm=heard.bpm,
        signature=heard.signature,
        downbeat_frame=heard.downbeat_frame,
        key=heard.key,
        lufs=heard.lufs,
        seam_score=heard.seam_score,
        is_loop=heard.is_loop,
    )
