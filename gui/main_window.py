"""The window: its regions, what they are bound to, and the keys."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PyQt6.QtCore import QPoint, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QKeySequence,
    QResizeEvent,
    QShortcut,
)
from PyQt6.QtWidgets import (
    QApplication,
    QFileDialog,
    QLineEdit,
    QMainWindow,
    QMenu,
    QPlainTextEdit,
    QWidget,
)

from engine.display_name import display_name
from engine.request import GenerationRequest, Task
from gui.actions import Actions
from gui.chain_commands import named_slot_commands
from gui.chain_hands import ChainHands
from gui.commands import Command
from gui.drop_in import dropped_paths
from gui.key_commands import commands_for
from gui.key_focus import KeyFocus, types_text
from gui.parts import Parts
from gui.record_hands import RecordHands
from gui.regions import Regions
from gui.showing import Showing
from gui.state.ask import Intent, ask_of
from gui.state.clip import Clip
from gui.state.exports import BitDepth
from gui.state.settings import Remembered
from gui.state.stored_take import StoredTake
from gui.state.sync import source_of
from gui.state.wet_files import Sides
from gui.sync_hands import SyncHands
from gui.theme import DARK, Palette
from gui.widgets.command_palette import HINT, CommandPalette
from gui.widgets.prompt_form import FIRST_PROMPT
from gui.widgets.small_wave import clip_pixmap
from plugin_bridge.folder_watch import AUDIO_ENDINGS

FIRST_SIZE = QSize(1280, 800)
#: What makes a recipe again; a graft needs the sound that it went into.
_AGAIN = {Task.GENERATE: Intent.NEW, Task.MORPH: Intent.MORPH}


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
        self.regions = Regions(parts, models)
        self.setCentralWidget(self.regions)
        self.appearance = "auto"
        self.palette_ = CommandPalette(self)
        self._came_from: QWidget | None = None
        self.chain = ChainHands(
            parts.rack, self.regions.export, self.palette_, self._open_palette, self
        )
        transport = self.regions.transport
        self.sync = SyncHands(parts.sync, transport, actions.follow, actions.set_tempo, self)
        self.record = RecordHands(parts.recorder, parts.playback, transport, actions.record, self)
        self.commands: tuple[Command, ...] = commands_for(self, actions)
        self._keys = KeyFocus(self, (self.palette_, self.regions.library), actions.toggle_play)
        self._bind_keys()
        self._bind_widgets()
        for field in (*self.findChildren(QLineEdit), *self.findChildren(QPlainTextEdit)):
            field.setAcceptDrops(False)  # a file is opened wherever it is dropped
        self.showing = Showing(actions, self.regions, self)
        self.session.canvas_changed.connect(self._show_title)

    def set_palette(self, palette: Palette) -> None:
        """Draw everything in a palette."""
        self._colors = palette
        self.regions.set_palette(palette)

    def recall(self, remembered: Remembered) -> None:
        """Look as the last session ended."""
        if not self.restoreGeometry(remembered.geometry):
            self._fit_screen()
        self.regions.library_wanted = remembered.library_shown
        self.regions.form.prompt.setPlainText(
            FIRST_PROMPT if remembered.prompt is None else remembered.prompt
        )
        self.regions.form.takes.setValue(remembered.takes)
        depth = next((d for d in BitDepth if d.value == remembered.bit_depth), BitDepth.OWN)
        self.regions.export.show_format(depth)
        self.actions_.set_export_format(depth)
        if (source := source_of(remembered.sync)) is not None:
            self.actions_.follow(source, leads=remembered.sync_leads)
        sides = next((s for s in Sides if s.value == remembered.sides), Sides.DRY)
        self.regions.export.show_sides(sides)
        self.actions_.set_export_sides(sides)
        self.actions_.set_switch("bar" if remembered.switch_at == "bar" else "now")
        if remembered.watched:
            self.actions_.watching.watch(Path(remembered.watched))
        self._parts.recorder.input = remembered.record_input
        self._parts.recorder.bars = remembered.record_bars
        self.appearance = remembered.appearance
        self.regions.fold(self.width())

    def _fit_screen(self) -> None:
        """Take the first start's size, or what the screen has."""
        screen = self.screen()
        room = FIRST_SIZE if screen is None else screen.availableSize()
        self.resize(FIRST_SIZE.boundedTo(room))

    def remembered(self) -> Remembered:
        """Return what the next session begins with."""
        return Remembered(
            geometry=self.saveGeometry().data(),
            library_shown=self.regions.library_wanted,
            prompt=self.regions.form.prompt.toPlainText(),
            output=self.actions_.playback.device,
            appearance=self.appearance,
            bit_depth=self.actions_.out.store.bit_depth.value,
            sync=self._parts.sync.source or "",
            sync_leads=self._parts.sync.leads,
            record_input=self._parts.recorder.input,
            record_bars=self._parts.recorder.bars,
            sides=self.actions_.out.wet.sides.value,
            takes=self.regions.form.takes.value(),
            switch_at=self.actions_.switch_at,
            watched=str(self.actions_.watching.folder or ""),
        )

    def next_appearance(self) -> None:
        """Go on to the next of dark, light, as the desktop is."""
        names = ("auto", "dark", "light")
        self.appearance = names[(names.index(self.appearance) + 1) % 3]
        self.appearance_chosen.emit(self.appearance)
        words = {"auto": "as the desktop is"}.get(self.appearance, self.appearance)
        self.regions.status.say(f"The window is {words} now.")

    def type_tempo(self) -> None:
        """Have another tempo typed, where it is ours to set."""
        if self._parts.sync.sets_tempo:
            self.regions.transport.tempo.begin()
        else:
            self.regions.status.say(
                "The tempo is the sound's, or that of what is followed; lead, and it is yours."
            )

    def focus_prompt(self) -> None:
        """Write into the prompt."""
        self.regions.form.prompt.setFocus()
        self.regions.form.prompt.selectAll()

    def choose_files(self) -> None:
        """Ask for audio files, without blocking the window."""
        dialog = QFileDialog(self, "Open audio files")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        sounds = " ".join(f"*{ending}" for ending in AUDIO_ENDINGS)
        dialog.setNameFilters([f"Sounds ({sounds})", "All files (*)"])
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.filesSelected.connect(self._open_named)
        dialog.open()

    def choose_folder(self) -> None:
        """Ask for the folder that the DAW bounces into, without blocking the window."""
        dialog = QFileDialog(self, "Watch a folder")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self._watch_named)
        dialog.open()

    def _watch_named(self, name: str) -> None:
        self.actions_.watching.watch(Path(name))

    def _open_named(self, names: list[str]) -> None:
        self.actions_.opening.open_files([Path(name) for name in names])

    def toggle_loop(self) -> None:
        """Switch looping on or off."""
        self.regions.transport.loop.toggle()
        self.actions_.playback.set_looping(self.regions.transport.loop.isChecked())

    def use_shown_recipe(self) -> None:
        """Fill the form with what the shown take was asked for."""
        clip = self.session.shown
        if clip is None or clip.facts is None:
            self.regions.status.say("This sound has no recipe: it was not made here.")
        else:
            self.use_recipe(clip.facts.request)

    def close_window(self) -> None:
        """Close; what was made is on the disk."""
        self.close()

    def make(self, *, replace_waiting: bool = False) -> None:
        """Order what the form says; the keys then go to the takes, for letters choose them."""
        form = self.regions.form
        ordered = self.actions_.orders.make(form.ask(), replace_waiting=replace_waiting)
        if ordered and form.isAncestorOf(self.focusWidget()):
            self.regions.waveform.setFocus()

    def use_recipe(self, request: GenerationRequest) -> None:
        """Fill the form with what a take was asked for."""
        form, intent = self.regions.form, _AGAIN.get(request.task)
        form.fill(ask_of(request))
        hidden = (form.advanced.seed_value, form.advanced.seconds_value, request.one_shot or None)
        if any(value is not None for value in hidden) and not form.advanced.is_open:
            form.advanced.toggle()  # a seed that is not seen would make the same for ever
        self.session.override_intent(intent)
        form.prompt.setFocus()
        does = "Return makes it again" if intent else "it was a graft into another sound"
        if form.has_model(request.model):
            self.regions.status.say(f"The recipe is in the form; {does}.")
        else:
            lack = f"its model “{request.model}” is not installed, “{form.model.currentText()}” is"
            self.regions.status.say(f"The recipe is in the form, but {lack} set.", "warn")

    def show_commands(self) -> None:
        self._open_palette(
            (*self.commands, *named_slot_commands(self._parts.rack, self.chain.presets))
        )

    def show_keys(self) -> None:
        self._open_palette(tuple(c for c in self.commands if c.keys), "Keys")

    def _open_palette(
        self, commands: tuple[Command, ...], title: str = "Commands", hint: str = HINT
    ) -> None:
        focus = self.focusWidget()
        if focus is not None and not self.palette_.isAncestorOf(focus):
            self._came_from = focus
        self.palette_.open(commands, title, hint)

    def _leave_palette(self) -> None:
        """Close it; the keys go again where they went before."""
        self.palette_.hide()
        if self._came_from is not None:
            self._came_from.setFocus()

    def escape(self) -> None:
        """Close the palette or clear the search, else stop the recording or the newest order, else
        clear the selection."""
        search = self.regions.library.search
        if self.palette_.isVisible():
            self._leave_palette()
        elif search.hasFocus() and search.text():
            search.clear()
        elif not (self._parts.recorder.cancel() or self.actions_.orders.cancel_newest()):
            self.regions.waveform.clear_selection()
            self.regions.waveform.setFocus()

    def dragEnterEvent(self, a0: QDragEnterEvent | None) -> None:
        """Take files from anywhere but our own drags."""
        if a0 is not None and a0.source() is None and _has_uris(a0):
            _accept_copy(a0)

    def dropEvent(self, a0: QDropEvent | None) -> None:
        """Open what is dropped."""
        data = None if a0 is None else a0.mimeData()
        if a0 is None or data is None:
            return
        _accept_copy(a0)
        dropped = dropped_paths(data.data("text/uri-list").data())
        if dropped.sentence:
            self.regions.status.say(dropped.sentence, "warn")
        self.actions_.opening.open_files(list(dropped.paths))

    def resizeEvent(self, a0: QResizeEvent | None) -> None:
        """Fold what does not fit beside a DAW."""
        super().resizeEvent(a0)
        self.regions.fold(self.width())

    def closeEvent(self, a0: QCloseEvent | None) -> None:
        """Let the keys go; the app closes the rest."""
        self._keys.close()
        super().closeEvent(a0)
        self.closed.emit()

    def _bind_keys(self) -> None:
        for command in self.commands:
            for key in command.keys:
                shortcut = QShortcut(QKeySequence(key), self)
                shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
                shortcut.activated.connect(self._unless_typing(command))

    def _unless_typing(self, command: Command) -> Callable[[], None]:
        def run() -> None:
            focus = QApplication.focusWidget()
            if self.palette_.isAncestorOf(focus) and command.run != self.escape:
                return
            if command.in_text or not types_text(focus):
                command.run()

        return run

    def _bind_widgets(self) -> None:
        session, actions, regions = self.session, self.actions_, self.regions
        regions.form.submitted.connect(self.make)
        regions.form.intent_chosen.connect(session.override_intent)
        regions.form.prompt_edited.connect(session.ask_anew)
        regions.queue.cancel_wanted.connect(actions.orders.cancel)
        regions.queue.show_wanted.connect(session.show_batch)
        regions.header.before_wanted.connect(session.show_before)
        regions.header.keep_wanted.connect(actions.keep)
        regions.header.files_wanted.connect(self._show_files)
        regions.transport.switch_wanted.connect(actions.toggle_switch)
        regions.transport.tempo.left.connect(regions.waveform.setFocus)
        self._keys.acted.connect(regions.status.release)
        regions.waveform.selection_changed.connect(session.select)
        regions.waveform.pulled_changed.connect(session.pull)
        regions.waveform.seek_requested.connect(actions.seek)
        regions.waveform.axis_changed.connect(regions.lanes.set_axis)
        regions.waveform.drag_wanted.connect(self._drag_heard)
        regions.lanes.lane_chosen.connect(actions.choose_lane)
        regions.lanes.menu_wanted.connect(self._show_menu)
        regions.lanes.star_toggled.connect(actions.toggle_star)
        regions.lanes.drag_wanted.connect(self._drag_lane)
        regions.transport.play_wanted.connect(actions.toggle_play)
        regions.transport.loop_wanted.connect(actions.playback.set_looping)
        regions.transport.device_chosen.connect(actions.playback.set_device)
        regions.transport.virtual_output_wanted.connect(actions.playback.make_virtual_output)
        regions.library.open_wanted.connect(self._open_entry)
        regions.library.recipe_wanted.connect(self.use_recipe)
        regions.library.status.connect(regions.status.say)
        self.palette_.chosen.connect(self._run)
        regions.library.audition_wanted.connect(actions.audition)
        regions.export.drag_wanted.connect(self._drag_heard)
        regions.export.copy_wanted.connect(actions.copy_as_file)
        regions.export.reveal_wanted.connect(actions.reveal)
        regions.export.format_chosen.connect(actions.set_export_format)
        regions.export.sides_chosen.connect(actions.set_export_sides)

    def _run(self, command: Command) -> None:
        self._leave_palette()
        command.run()  # which may open the palette again, with another list

    def _show_title(self) -> None:
        shown = self.session.shown
        self.setWindowTitle("Loopgraft" if shown is None else f"{shown.name} – Loopgraft")

    def _open_entry(self, entry: StoredTake) -> None:
        self.actions_.opening.open_files([entry.path])

    def _show_files(self) -> None:
        """Offer the files that are open."""
        opening, chip = self.actions_.opening, self.regions.header.files
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for path in opening.files:
            name = display_name(path).replace("&", "&&")  # no mnemonic
            entry = menu.addAction(name, partial(opening.show, path))
            if entry is not None:
                entry.setCheckable(True)
                entry.setChecked(path == opening.current)
        menu.popup(chip.mapToGlobal(chip.rect().bottomLeft()))

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


def _accept_copy(event: QDropEvent) -> None:
    """Take a copy, whatever was proposed: after a move the other program deletes its file."""
    event.setDropAction(Qt.DropAction.CopyAction)
    event.accept()


def _has_uris(event: QDragEnterEvent) -> bool:
    data = event.mimeData()
    return data is not None and data.hasFormat("text/uri-list")
