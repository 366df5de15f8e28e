"""The window: its regions, what they are bound to, and the keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import QEvent, QObject, QPoint, Qt, pyqtSignal
from PyQt6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QKeyEvent,
    QKeySequence,
    QResizeEvent,
    QShortcut,
)
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QMainWindow,
    QMenu,
    QPlainTextEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from engine.audio import FrameSpan
from engine.library import LibraryEntry
from engine.request import GenerationRequest
from gui.actions import Actions
from gui.commands import Command
from gui.drop_in import dropped_paths
from gui.key_commands import commands_for
from gui.parts import Parts
from gui.state.ask import Ask, Intent
from gui.state.clip import Clip
from gui.state.exports import BitDepth
from gui.state.generation import EngineState
from gui.state.settings import Remembered
from gui.theme import DARK, SPACE, Palette
from gui.widgets.clip_header import ClipHeader
from gui.widgets.command_palette import CommandPalette
from gui.widgets.export_bar import ExportBar
from gui.widgets.lanes_view import LanesView
from gui.widgets.library_view import LibraryView
from gui.widgets.prompt_form import FIRST_PROMPT, PromptForm
from gui.widgets.queue_view import QueueView
from gui.widgets.selection_words import selection_words
from gui.widgets.small_wave import clip_pixmap
from gui.widgets.status_line import StatusLine
from gui.widgets.transport_bar import TransportBar
from gui.widgets.waveform_editor import WaveformEditor

ASK_WIDTH_PX, LIBRARY_WIDTH_PX, CANVAS_MARGIN_PX = 272, 252, 10
#: Below these widths the library folds away and the lanes become a row of letters.
LIBRARY_FOLDS_PX, LANES_FOLD_PX = 1100, 900
_PLAIN = Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier
_MOVES = frozenset(
    {
        Qt.Key.Key_Up,
        Qt.Key.Key_Down,
        Qt.Key.Key_Home,
        Qt.Key.Key_End,
        Qt.Key.Key_PageUp,
        Qt.Key.Key_PageDown,
    }
)
_CHOOSES = frozenset({Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Delete})


class MainWindow(QMainWindow):
    """Lays the parts out and binds them; what they do is in `Actions`.

    closed: the user closed it. appearance_chosen(str): "auto", "dark" or "light".
    """

    closed = pyqtSignal()
    appearance_chosen = pyqtSignal(str)

    def __init__(self, actions: Actions, parts: Parts, models: tuple[tuple[str, str], ...]) -> None:
        super().__init__()
        self.actions_ = actions
        self.session = actions.session
        self._parts = parts
        self._colors = DARK
        self.setWindowTitle("Loopgraft")
        self.setAcceptDrops(True)
        self.setMinimumSize(720, 520)
        self.transport = TransportBar()
        self.form = PromptForm(models)
        self.queue = QueueView()
        self.header = ClipHeader()
        self.waveform = WaveformEditor()
        self.lanes = LanesView()
        self.library = LibraryView(parts.library, parts.out, parts.overviews)
        self.export = ExportBar()
        self.status = StatusLine()
        self.appearance = "auto"
        self._library_wanted = True
        self._lay_out()
        self.palette_ = CommandPalette(self)
        self.commands: tuple[Command, ...] = commands_for(self, actions)
        self._bind_keys()
        self._bind_states()
        self._bind_widgets()
        self._show_canvas()

    def set_palette(self, palette: Palette) -> None:
        """Draw everything in a palette."""
        self._colors = palette
        for widget in (self.transport, self.waveform, self.lanes, self.library, self.export):
            widget.set_palette(palette)

    def recall(self, remembered: Remembered) -> None:
        """Look as the last session ended."""
        self.restoreGeometry(remembered.geometry)
        self._library_wanted = remembered.library_shown
        self.form.prompt.setPlainText(
            FIRST_PROMPT if remembered.prompt is None else remembered.prompt
        )
        self.form.takes.setValue(remembered.takes)
        depth = next((d for d in BitDepth if d.value == remembered.bit_depth), BitDepth.OWN)
        self.export.show_format(depth)
        self.actions_.set_export_format(depth)
        self.appearance = remembered.appearance
        self._fold()

    def remembered(self) -> Remembered:
        """Return what the next session begins with."""
        return Remembered(
            geometry=self.saveGeometry().data(),
            library_shown=self._library_wanted,
            prompt=self.form.prompt.toPlainText(),
            output=self.actions_.playback.device,
            appearance=self.appearance,
            bit_depth=self.actions_.out.store.bit_depth.value,
            takes=self.form.takes.value(),
        )

    def next_appearance(self) -> None:
        """Go on to the next of dark, light, as the desktop is."""
        names = ("auto", "dark", "light")
        self.appearance = names[(names.index(self.appearance) + 1) % 3]
        self.appearance_chosen.emit(self.appearance)
        words = {"auto": "as the desktop is"}.get(self.appearance, self.appearance)
        self.status.say(f"The window is {words} now.")

    def focus_prompt(self) -> None:
        """Write into the prompt."""
        self.form.prompt.setFocus()
        self.form.prompt.selectAll()

    def choose_files(self) -> None:
        """Ask for audio files, without blocking the window."""
        dialog = QFileDialog(self, "Open audio files")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.filesSelected.connect(self._open_named)
        dialog.open()

    def _open_named(self, names: list[str]) -> None:
        self.actions_.open_files([Path(name) for name in names])

    def toggle_loop(self) -> None:
        """Switch looping on or off."""
        self.transport.loop.toggle()
        self.actions_.playback.set_looping(self.transport.loop.isChecked())

    def use_shown_recipe(self) -> None:
        """Fill the form with what the shown take was asked for."""
        clip = self.session.shown
        if clip is None or clip.facts is None:
            self.status.say("This sound has no recipe: it was not made here.")
        else:
            self.use_recipe(clip.facts.request)

    def close_window(self) -> None:
        """Close; what was made is on the disk."""
        self.close()

    def make(self, *, replace_waiting: bool = False) -> None:
        """Order what the form says."""
        self.actions_.make(self.form.ask(), replace_waiting=replace_waiting)

    def use_recipe(self, request: GenerationRequest) -> None:
        """Fill the form with what a take was asked for."""
        self.form.fill(ask_of(request))
        self.session.override_intent(Intent.NEW)
        self.form.prompt.setFocus()
        self.status.say("The recipe is in the form; Return makes it again.")

    def toggle_library(self) -> None:
        self._library_wanted = self.library.isHidden()
        self.library.setVisible(self._library_wanted)

    def find_in_library(self) -> None:
        self._library_wanted = True
        self.library.show()
        self.library.focus_search()

    def show_commands(self) -> None:
        self.palette_.open(self.commands)

    def show_keys(self) -> None:
        self.palette_.open(tuple(c for c in self.commands if c.keys), "Keys")

    def escape(self) -> None:
        """Close the palette, else stop the newest order, else clear the selection."""
        if self.palette_.isVisible():
            self.palette_.hide()
        elif not self.actions_.cancel_newest():
            self.waveform.clear_selection()
            self.waveform.setFocus()

    def eventFilter(self, a0: QObject | None, a1: QEvent | None) -> bool:
        """Space plays everywhere but where text is typed; lists and fields keep their own keys."""
        if not isinstance(a1, QKeyEvent) or not self.isActiveWindow():
            return super().eventFilter(a0, a1)
        focus = QApplication.focusWidget()
        if a1.type() == QEvent.Type.ShortcutOverride and self._keeps(focus, a1):
            a1.accept()
            return True
        if a1.key() == Qt.Key.Key_Space and not a1.modifiers() and not types_text(focus):
            if a1.type() == QEvent.Type.KeyPress and not a1.isAutoRepeat():
                self.actions_.toggle_play()
            return a1.type() in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease)
        return super().eventFilter(a0, a1)

    def _keeps(self, focus: QWidget | None, event: QKeyEvent) -> bool:
        """Return whether a key is the focused widget's own, whatever command it also is."""
        if event.modifiers() & ~_PLAIN or focus is None:
            return False
        if self.palette_.isAncestorOf(focus) or self.library.isAncestorOf(focus):
            return event.key() in _MOVES or event.key() in _CHOOSES
        return isinstance(focus, QComboBox | QAbstractSpinBox) and event.key() in _MOVES

    def dragEnterEvent(self, a0: QDragEnterEvent | None) -> None:
        """Take files from anywhere but our own drags."""
        if a0 is not None and a0.source() is None and _has_uris(a0):
            a0.acceptProposedAction()

    def dropEvent(self, a0: QDropEvent | None) -> None:
        """Open what is dropped."""
        data = None if a0 is None else a0.mimeData()
        if a0 is None or data is None:
            return
        a0.acceptProposedAction()
        dropped = dropped_paths(data.data("text/uri-list").data())
        if dropped.sentence:
            self.status.say(dropped.sentence, "warn")
        self.actions_.open_files(list(dropped.paths))

    def resizeEvent(self, a0: QResizeEvent | None) -> None:
        """Fold what does not fit beside a DAW."""
        super().resizeEvent(a0)
        self._fold()

    def _fold(self) -> None:
        self.library.setVisible(self._library_wanted and self.width() >= LIBRARY_FOLDS_PX)
        compact = self.width() < LANES_FOLD_PX
        self.lanes.set_compact(compact)
        self.waveform.set_compact(compact)

    def closeEvent(self, a0: QCloseEvent | None) -> None:
        """End the filter; the app closes the rest."""
        app = QApplication.instance()
        if app is not None:
            app.removeEventFilter(self)
        super().closeEvent(a0)
        self.closed.emit()

    def _lay_out(self) -> None:
        middle = QHBoxLayout()
        middle.setContentsMargins(0, 0, 0, 0)
        middle.setSpacing(0)
        middle.addWidget(self._ask_panel())
        middle.addWidget(self._canvas_panel(), 1)
        self.library.setObjectName("library")
        self.library.setFixedWidth(LIBRARY_WIDTH_PX)
        middle.addWidget(self.library)
        whole = QWidget()
        column = QVBoxLayout(whole)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.transport)
        column.addLayout(middle, 1)
        column.addWidget(self.export)
        column.addWidget(self.status)
        self.setCentralWidget(whole)

    def _ask_panel(self) -> QWidget:
        panel = QWidget()
        panel.setObjectName("ask")
        panel.setFixedWidth(ASK_WIDTH_PX)
        column = QVBoxLayout(panel)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.form)
        column.addWidget(self.queue, 1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setFixedWidth(ASK_WIDTH_PX)
        area.setWidget(panel)
        return area

    def _canvas_panel(self) -> QWidget:
        panel = QWidget()
        panel.setObjectName("canvas")
        panel.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        column = QVBoxLayout(panel)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        inner = QVBoxLayout()
        inner.setContentsMargins(CANVAS_MARGIN_PX, 0, CANVAS_MARGIN_PX, SPACE[2])
        inner.setSpacing(SPACE[2])
        inner.addWidget(self.waveform, 1)
        inner.addWidget(self.lanes)
        column.addWidget(self.header)
        column.addLayout(inner, 1)
        return panel

    def _bind_keys(self) -> None:
        for command in self.commands:
            for key in command.keys:
                shortcut = QShortcut(QKeySequence(key), self)
                shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
                shortcut.activated.connect(self._unless_typing(command))
        app = QApplication.instance()
        if app is not None:
            app.installEventFilter(self)

    def _unless_typing(self, command: Command) -> Callable[[], None]:
        def run() -> None:
            if command.in_text or not types_text(QApplication.focusWidget()):
                command.run()

        return run

    def _bind_states(self) -> None:
        session, actions = self.session, self.actions_
        session.canvas_changed.connect(self._show_canvas)
        session.lanes_changed.connect(self._show_lanes)
        session.selection_changed.connect(self._show_selection)
        session.intent_changed.connect(self._show_intent)
        actions.said.connect(self.status.say)
        actions.generation.state_changed.connect(self._on_engine)
        playback = actions.playback
        playback.playing_changed.connect(self.transport.show_playing)
        playback.moved.connect(self._show_position)
        playback.peaked.connect(self.transport.meter.show_peak)
        playback.under_runs_changed.connect(self.transport.show_under_runs)
        playback.devices_changed.connect(self.transport.show_devices)
        playback.said.connect(self.status.say)

    def _bind_widgets(self) -> None:
        session, actions = self.session, self.actions_
        self.form.submitted.connect(self.make)
        self.form.intent_chosen.connect(session.override_intent)
        self.form.changed.connect(self._show_context)
        self.form.prompt_edited.connect(session.ask_anew)
        self.queue.cancel_wanted.connect(actions.cancel)
        self.queue.show_wanted.connect(session.show_batch)
        self.header.before_wanted.connect(session.show_before)
        self.header.keep_wanted.connect(actions.keep)
        self.waveform.selection_changed.connect(session.select)
        self.waveform.pulled_changed.connect(session.pull)
        self.waveform.seek_requested.connect(actions.seek)
        self.waveform.axis_changed.connect(self.lanes.set_axis)
        self.waveform.drag_wanted.connect(self._drag_heard)
        self.lanes.lane_chosen.connect(actions.choose_lane)
        self.lanes.menu_wanted.connect(self._show_menu)
        self.lanes.star_toggled.connect(actions.toggle_star)
        self.lanes.drag_wanted.connect(self._drag_lane)
        self.transport.play_wanted.connect(actions.toggle_play)
        self.transport.loop_wanted.connect(actions.playback.set_looping)
        self.transport.device_chosen.connect(actions.playback.set_device)
        self.library.open_wanted.connect(self._open_entry)
        self.library.recipe_wanted.connect(self.use_recipe)
        self.library.status.connect(self.status.say)
        self.palette_.chosen.connect(_run)
        self.library.audition_wanted.connect(actions.audition)
        self.export.drag_wanted.connect(self._drag_heard)
        self.export.copy_wanted.connect(actions.copy_as_file)
        self.export.reveal_wanted.connect(actions.reveal)
        self.export.format_chosen.connect(actions.set_export_format)

    def _show_canvas(self) -> None:
        session = self.session
        clip = session.before if session.before_shown else session.shown
        self.waveform.show_clip(session.shown, session.before)
        self.waveform.set_before_shown(session.before_shown)
        has_before = session.before is not None
        self.header.show_clip(clip, has_before=has_before, before_shown=session.before_shown)
        self.transport.show_clip(clip)
        self.export.show_clip(clip)
        self._show_context()

    def _show_lanes(self) -> None:
        batch = self.session.batch
        self.lanes.set_lanes(self.session.lanes, () if batch is None else batch.lane_notes)
        self.lanes.set_active(self.session.canvas.active)
        self.queue.show_batches(self.session.batches)
        self._show_veil()
        self._show_engine()

    def _show_veil(self) -> None:
        """Show how far the first take is, where it will be."""
        batch = self.session.batch
        if batch is None or batch.is_over or self.session.chosen is not None:
            self.waveform.set_veil(None, None)
            self.waveform.set_pulled(self.session.pulled)
        elif batch.pulled:
            self.waveform.set_pulled(batch.pulled)
            self.waveform.set_veil(None, batch.share)
        else:
            whole = (FrameSpan(0, batch.base.frames),) if batch.base is not None else ()
            self.waveform.set_veil(batch.request.spans or whole, batch.share)

    def _show_selection(self) -> None:
        self.waveform.set_selection(self.session.spans)
        self.waveform.set_pulled(self.session.pulled)
        self._show_context()

    def _show_context(self) -> None:
        graft = self.session.intent in (Intent.INPAINT, Intent.EXTEND)
        clip = self.session.shown
        seconds = None
        if graft and clip is not None:
            bars = self.form.context.value()
            seconds = clip.bars_in_frames(bars) / clip.sample_rate
        self.waveform.set_context_seconds(seconds)

    def _show_intent(self) -> None:
        session = self.session
        clip, words = session.shown, ""
        if clip is not None and (session.spans or session.pulled):
            chosen = selection_words(clip, session.spans, session.pulled)
            words = f"{chosen} of “{clip.name}”"
        self.form.show_intent(session.intent, session.shown, session.pulled, words)
        self._show_context()

    def _on_engine(self, _state: EngineState, _sentence: str) -> None:
        self._show_engine()

    def _show_engine(self) -> None:
        generation = self.actions_.generation
        state = generation.state
        level = {EngineState.RESTARTING: "warn", EngineState.GONE: "fault"}.get(state, "")
        words = generation.device.upper() if state is EngineState.READY else state.value
        self.transport.show_engine(words or "ready", level)

    def _open_entry(self, entry: LibraryEntry) -> None:
        self.actions_.open_files([entry.path])

    def _show_menu(self, lane: int, place: QPoint) -> None:
        """Offer what can be done with a take."""
        actions = self.actions_
        if not self.session.choose_lane(lane):
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Keep: graft into it", actions.keep)
        menu.addAction("Star", lambda: actions.toggle_star(lane))
        menu.addAction("Copy as a file", actions.copy_as_file)
        menu.addAction("Show in its folder", actions.reveal)
        menu.addAction("Recipe into the form", self.use_shown_recipe)
        menu.popup(place)

    def _drag_lane(self, lane: int) -> None:
        self._drag(self.actions_.clip_of(lane))

    def _drag_heard(self) -> None:
        self._drag(self.actions_.heard)

    def _drag(self, clip: Clip | None) -> None:
        if clip is not None:
            carried = clip_pixmap(clip, self._colors, self.devicePixelRatioF())
            self.actions_.out.start_drag(self, clip, carried)

    def _show_position(self, frame: int) -> None:
        clip = self.actions_.heard
        if clip is None or self.actions_.auditioned is not None:
            self.waveform.set_playhead(None)
            self.lanes.set_playhead(None)
            return
        self.transport.show_position(clip, frame)
        self.waveform.set_playhead(frame)
        self.lanes.set_playhead(self.waveform.playhead)


def _run(command: Command) -> None:
    command.run()


def types_text(widget: QWidget | None) -> bool:
    """Return whether letters and spaces belong to this widget."""
    if isinstance(widget, QAbstractItemView):
        return False
    return isinstance(widget, QLineEdit | QPlainTextEdit) and not widget.isReadOnly()


def ask_of(request: GenerationRequest) -> Ask:
    """Return what a form would have said to get this request."""
    return Ask(
        prompt=request.prompt,
        to_prompt=request.to_prompt,
        bpm="" if request.bpm is None else f"{request.bpm:g}",
        bars=request.bars,
        key=request.key,
        takes=1,
        model=request.model,
        seed=request.seed if request.seed < 2**31 else None,
        steps=request.steps,
        guidance=request.guidance_scale,
        avoid=request.negative_prompt,
    )


def _has_uris(event: QDragEnterEvent) -> bool:
    data = event.mimeData()
    return data is not None and data.hasFormat("text/uri-list")
