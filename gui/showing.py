"""What the states tell the widgets: each change of the session, the engine or playback is shown."""

from __future__ import annotations

from PyQt6.QtCore import QObject

from engine.audio import FrameSpan
from gui.actions import Actions
from gui.regions import Regions
from gui.state.ask import Intent
from gui.state.clip import Lane, LaneState
from gui.state.generation import EngineState
from gui.widgets.selection_words import selection_words

LOADING = "The model is being loaded; what you ask for meanwhile is made right after."


class Showing(QObject):
    """Keeps the regions as the states are. UI thread only."""

    def __init__(self, actions: Actions, regions: Regions, parent: QObject) -> None:
        super().__init__(parent)
        self._actions, self._session = actions, actions.session
        self._regions = regions
        self._bind()
        self._show_canvas()
        self._show_intent()
        if actions.generation.state is EngineState.LOADING:
            regions.status.say(LOADING)

    def _bind(self) -> None:
        session, actions, regions = self._session, self._actions, self._regions
        session.canvas_changed.connect(self._show_canvas)
        session.lanes_changed.connect(self._show_lanes)
        session.selection_changed.connect(self._show_selection)
        session.intent_changed.connect(self._show_intent)
        actions.said.connect(regions.status.say)
        actions.noted.connect(regions.status.note)
        actions.switch_changed.connect(self._show_switch)
        actions.opening.reading_changed.connect(regions.waveform.set_reading)
        actions.opening.files_changed.connect(self._show_files)
        actions.generation.state_changed.connect(self._on_engine)
        playback = actions.playback
        playback.playing_changed.connect(regions.transport.show_playing)
        playback.moved.connect(self._show_position)
        playback.peaked.connect(regions.transport.meter.show_peak)
        playback.under_runs_changed.connect(regions.transport.show_under_runs)
        playback.devices_changed.connect(regions.transport.show_devices)
        playback.lost_changed.connect(regions.transport.show_lost)
        regions.form.changed.connect(self._show_context)

    def _show_canvas(self) -> None:
        session, regions = self._session, self._regions
        clip = session.before if session.before_shown else session.shown
        regions.waveform.show_clip(session.shown, session.before)
        regions.waveform.set_before_shown(session.before_shown)
        has_before = session.before is not None
        regions.header.show_clip(clip, has_before=has_before, before_shown=session.before_shown)
        regions.transport.show_clip(clip)
        regions.export.show_clip(clip)
        regions.library.match(clip)
        self._show_files()
        self._show_context()

    def _show_files(self) -> None:
        opening = self._actions.opening
        self._regions.header.show_files(opening.position, len(opening.files))

    def _show_switch(self) -> None:
        at_bar = self._actions.switch_at == "bar"
        self._regions.lanes.set_pending(self._session.pending)
        self._regions.transport.show_switch(at_bar=at_bar, pending=self._session.pending)

    def _show_lanes(self) -> None:
        batch, regions = self._session.batch, self._regions
        regions.lanes.set_lanes(self._session.lanes, () if batch is None else batch.lane_notes)
        regions.show_hint(_hint(self._session.lanes))
        regions.lanes.set_active(self._session.canvas.active)
        self._show_switch()
        regions.queue.show_batches(self._session.batches)
        self._show_veil()
        self._show_engine()

    def _show_veil(self) -> None:
        """Show how far the first take is, where it will be."""
        batch = self._session.batch
        self._regions.waveform.set_making("")
        if batch is None or batch.is_over or self._session.chosen is not None:
            self._regions.waveform.set_veil(None, None)
            self._regions.waveform.set_pulled(self._session.pulled)
        elif batch.pulled:
            self._regions.waveform.set_pulled(self._session.pulled or batch.pulled)
            self._regions.waveform.set_veil(None, batch.share)
        elif batch.base is None:
            self._regions.waveform.set_making(batch.title)
            self._regions.waveform.set_veil(None, batch.share * max(1, len(batch.lanes)))
        else:
            whole = (FrameSpan(0, batch.base.frames),)
            self._regions.waveform.set_veil(batch.request.spans or whole, batch.share)

    def _show_selection(self) -> None:
        self._regions.waveform.set_selection(self._session.spans)
        self._regions.waveform.set_pulled(self._session.pulled)
        self._show_context()

    def _show_context(self) -> None:
        graft = self._session.intent in (Intent.INPAINT, Intent.EXTEND)
        clip = self._session.shown
        seconds = None
        if graft and clip is not None:
            bars = self._regions.form.context.value()
            seconds = clip.bars_in_frames(bars) / clip.sample_rate
        self._regions.waveform.set_context_seconds(seconds)

    def _show_intent(self) -> None:
        session = self._session
        clip, words = session.shown, ""
        if clip is not None and (session.spans or session.pulled):
            chosen = selection_words(clip, session.spans, session.pulled)
            words = f"{chosen} of “{clip.name}”"
        self._regions.form.show_intent(session.intent, session.shown, session.pulled, words)
        self._show_context()

    def _on_engine(self, _state: EngineState, _sentence: str) -> None:
        self._show_engine()

    def _show_engine(self) -> None:
        generation = self._actions.generation
        state = generation.state
        level = {EngineState.RESTARTING: "warn", EngineState.GONE: "fault"}.get(state, "")
        words = generation.device.upper() if state is EngineState.READY else state.value
        self._regions.transport.show_engine(words or "ready", level)
        if state is EngineState.READY and self._regions.status.sentence.whole == LOADING:
            self._regions.status.say("Ready.")

    def _show_position(self, frame: int) -> None:
        clip = self._actions.heard
        if clip is None or self._actions.auditioned is not None:
            self._regions.waveform.set_playhead(None)
            self._regions.lanes.set_playhead(None)
            return
        self._regions.transport.show_position(clip, frame)
        self._regions.waveform.set_playhead(frame)
        self._regions.lanes.set_playhead(self._regions.waveform.playhead)


def _hint(lanes: tuple[Lane, ...]) -> str:
    """Return what the hands can do with these takes."""
    ready = [lane.letter for lane in lanes if lane.state is LaneState.DONE]
    if not ready:
        return ""
    keys = f"Keys {ready[0]}–{ready[-1]} switch takes, with Shift at the bar · "
    return (
        f"{keys if len(ready) > 1 else ''}drag a take into the DAW · "
        "blue is yours, unchanged to the bit"
    )
