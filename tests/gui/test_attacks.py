"""scratch"""
from __future__ import annotations
import os
from pathlib import Path
import numpy as np, soundfile, pytest
from PyQt6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl, QEvent
from PyQt6.QtGui import QDragEnterEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication
from gui.state.ask import Intent
from gui.state.clip import LaneState, PulledEdges
from tests.gui.hands import *
from tests.gui.loop_maker import RATE

def order(app, prompt="x, 120 bpm", takes=2):
    app.window.regions.form.prompt.setPlainText(prompt)
    app.window.regions.form.takes.setValue(takes)
    app.window.make()

def B(app): return app.parts.session.batches

def test_vary_while_making(app, qtbot):
    s = app.parts.session
    order(app, "slow, 120 bpm", 6)
    wait(qtbot, lambda: s.chosen is not None)
    app.actions.choose_lane(0)
    assert s.intent is Intent.VARY
    app.window.regions.form.takes.setValue(2)
    app.window.make()
    wait(qtbot, lambda: len(B(app)) == 2)
    print("LANES after vary:", len(s.lanes))
    app.actions.cancel(B(app)[0].job_id)
    wait(qtbot, lambda: B(app)[1].state is LaneState.DONE)
    print("shown batch:", s.batch and s.batch.title, len(s.lanes))
    assert s.batch is not None and s.batch.job_id == B(app)[1].job_id

def test_undo_blank(app, qtbot):
    s = app.parts.session
    order(app, "slow, 120 bpm", 2)
    app.actions.undo()
    wait(qtbot, lambda: B(app)[0].state is LaneState.DONE and all(l.clip for l in B(app)[0].lanes))
    app.actions.redo()
    assert s.shown is not None

def test_pull_undo_nothing(app, qtbot, tmp_path):
    p = tmp_path/"a.wav"; write_clicks(p, 120, 2); drop(app, [p])
    s = app.parts.session
    wait(qtbot, lambda: s.shown is not None and s.shown.tempo_bpm is not None)
    app.window.regions.waveform.setFocus()
    press(app, Key.Key_BracketRight)
    assert s.pulled
    app.actions.redo()
    assert s.pulled

def test_quick_auditions(app, qtbot):
    make(app, qtbot, takes=2)
    s = app.parts.session
    wait(qtbot, lambda: len(app.parts.library.entries) == 2)
    a, b = app.parts.library.entries
    canvas = s.canvas
    app.actions.audition(a); app.actions.audition(b)
    wait(qtbot, lambda: app.actions.auditioned is not None)
    QTest.qWait(300)
    assert s.canvas == canvas
    act = s.canvas.active
    app.actions.choose_lane(act)
    assert app.actions.auditioned is None

def test_many_files(app, qtbot, tmp_path):
    ps = []
    for i in range(12):
        p = tmp_path/f"{i:02d}.wav"; write_clicks(p, 120, 1); ps.append(p)
    s = app.parts.session
    names = []
    s.canvas_changed.connect(lambda: names.append(s.shown and s.shown.name))
    drop(app, ps)
    wait(qtbot, lambda: s.shown is not None and s.shown.name == "11")
    QTest.qWait(1500)
    print(names, len(s._history.past))

def test_drop_on_prompt(app, qtbot, tmp_path):
    r = app.window.regions
    for w in (r.form.prompt.viewport(), r.form.bpm, r.form.advanced.seed, r.form.to_prompt.viewport(), r.library.search, r.library.list.viewport(), r.form.takes, r.form.takes.lineEdit(), app.window.palette_.search, app.window.palette_.list.viewport()):
        data = QMimeData(); data.setUrls([QUrl.fromLocalFile("/tmp/a.wav")])
        e = QDragEnterEvent(QPoint(3,3), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
        e.ignore()
        print(w.objectName(), type(w).__name__, "acceptDrops", w.acceptDrops(), end=" ")
        QApplication.sendEvent(w, e); print("accepted", e.isAccepted())

def test_escape_in_search(app, qtbot):
    order(app, "slow, 120 bpm", 8)
    wait(qtbot, lambda: B(app)[0].state is LaneState.MAKING)
    app.window.regions.find_in_library()
    for c in "abc": QTest.keyClick(app.window.regions.library.search, c)
    press(app, Key.Key_Escape)
    print("search", repr(app.window.regions.library.search.text()))
    QTest.qWait(300)
    assert B(app)[0].state is LaneState.MAKING

def test_palette_keys(app, qtbot):
    w = app.window
    make(app, qtbot, takes=2)
    w.regions.waveform.setFocus()
    press(app, Key.Key_K, CTRL)
    press(app, Key.Key_Return, CTRL)
    print("orders after ctrl+return", len(B(app)), "palette", w.palette_.isVisible())
    if not w.palette_.isVisible(): press(app, Key.Key_K, CTRL)
    press(app, Key.Key_Escape)
    print("focus after esc", type(QApplication.focusWidget()).__name__, QApplication.focusWidget() and QApplication.focusWidget().accessibleName())
    w.regions.waveform.setFocus()
    press(app, Key.Key_K, CTRL)
    w.palette_.list.setFocus()
    act = app.parts.session.canvas.active
    press(app, Key.Key_B)
    print("active", act, app.parts.session.canvas.active, w.palette_.isVisible())
    was = app.parts.playback.is_playing
    press(app, Key.Key_Space); print("space in palette list toggles", app.parts.playback.is_playing is not was)
    press(app, Key.Key_W, CTRL); print("ctrl+w in palette: ", app.parts.session.shown)

def test_seed_field(app, qtbot):
    f = app.window.regions.form.advanced
    f.toggle(); f.seed.setFocus()
    for t in ("1,000", "+5", " 5", "99999999999", "٣", "-1", "００５"):
        f.seed.clear()
        for c in t: QTest.keyClick(f.seed, c) if c.isascii() else f.seed.insert(c)
        try: print(repr(t), repr(f.seed.text()), f.seed_value)
        except Exception as e: print(repr(t), repr(f.seed.text()), "RAISES", e)

def test_bpm_field(app, qtbot):
    app.window.regions.form.prompt.setPlainText("drums")
    for t in ("abc", "nan", "1e999999999", "120 bpm", "1/0", "-3", "１２０", "120,5", "1_2_0"):
        n = len(B(app))
        app.window.regions.form.bpm.setText(t)
        app.window.make()
        print(t, len(B(app)) - n, said(app))
    app.actions.cancel_all()

def test_recipe(app, qtbot):
    make(app, qtbot, "slow pad, 97.333 bpm", takes=2)
    s = app.parts.session
    app.actions.choose_lane(1)
    first = s.chosen
    app.window.use_shown_recipe()
    press(app, Key.Key_Return)
    wait(qtbot, lambda: len(B(app)) == 2 and lanes_done(app) == 1)
    print(first.facts.request == s.shown.facts.request, np.array_equal(first.audio.samples, s.shown.audio.samples))
    print("advanced open", app.window.regions.form.advanced.is_open, app.window.regions.form.advanced.seed.text())

def test_rewritten_source(app, qtbot, tmp_path):
    p = tmp_path/"a.wav"; write_clicks(p, 120, 2); drop(app, [p])
    s = app.parts.session
    wait(qtbot, lambda: s.shown is not None and s.shown.tempo_bpm is not None)
    write_clicks(p, 100, 4)
    old = s.shown
    app.window.regions.waveform.setFocus()
    press(app, Key.Key_Right)
    app.window.make()
    wait(qtbot, lambda: (len(B(app)) == 1 and B(app)[0].is_over and s.chosen is not None) or "Problem" in said(app))
    print(said(app), s.shown.frames, old.frames)

def test_order_of_dropped_file_behind_another(app, qtbot, tmp_path):
    order(app, "slow, 120 bpm", 4)
    p = tmp_path/"a.wav"; write_clicks(p, 120, 2); drop(app, [p])
    s = app.parts.session
    wait(qtbot, lambda: s.shown is not None and s.shown.name == "a" and s.shown.tempo_bpm is not None)
    app.window.regions.waveform.setFocus()
    press(app, Key.Key_Right)
    app.window.make()
    wait(qtbot, lambda: len(B(app)) == 2)
    app.actions.cancel(B(app)[0].job_id)
    wait(qtbot, lambda: B(app)[1].state is LaneState.DONE)
    QTest.qWait(300)
    assert s.batch is not None

def test_redo_lost(app, qtbot):
    s = app.parts.session
    make(app, qtbot, "one, 120 bpm", takes=1)
    press(app, Key.Key_K)
    order(app, "slow two, 120 bpm", 2)
    order(app, "three, 120 bpm", 1)
    wait(qtbot, lambda: B(app)[1].state is LaneState.MAKING)
    app.actions.undo(); app.actions.undo()
    assert s.can_redo and s.batch is not None and s.batch.job_id == B(app)[0].job_id
    wait(qtbot, lambda: B(app)[2].state is LaneState.DONE)
    print("batch shown", s.batch and s.batch.title)
    assert s.can_redo

def test_pull_while_making(app, qtbot, tmp_path):
    p = tmp_path/"a.wav"; write_clicks(p, 120, 2); drop(app, [p])
    s = app.parts.session
    wait(qtbot, lambda: s.shown is not None and s.shown.tempo_bpm is not None)
    w = app.window.regions.waveform
    w.setFocus()
    press(app, Key.Key_BracketRight); press(app, Key.Key_BracketRight)
    order(app, "slow", 4)
    wait(qtbot, lambda: len(B(app)) == 1 and B(app)[0].state is LaneState.MAKING)
    press(app, Key.Key_BracketRight)
    print("session", s.pulled, "widget", w.pulled)
    QTest.qWait(100)
    print("session", s.pulled, "widget", w.pulled)
    app.actions.cancel_all()

def test_before_then_same_letter(app, qtbot, tmp_path):
    p = tmp_path/"a.wav"; write_clicks(p, 120, 2); drop(app, [p])
    s = app.parts.session
    wait(qtbot, lambda: s.shown is not None and s.shown.tempo_bpm is not None)
    app.window.regions.waveform.setFocus()
    press(app, Key.Key_Right)
    make(app, qtbot, "x", takes=2)
    press(app, Key.Key_X); assert s.before_shown
    press(app, Key.Key_A)
    assert not s.before_shown

@pytest.mark.parametrize("rate,ch,frames", [(8000,1,80000),(96000,2,960000),(44100,6,44100),(44100,1,200),(44100,2,44100*600)])
def test_rates(app, qtbot, tmp_path, rate, ch, frames):
    import time
    p = tmp_path/"a.wav"
    soundfile.write(p, 0.2*np.random.default_rng(0).standard_normal((frames, ch)).astype(np.float32), rate)
    s = app.parts.session
    gaps=[0.0]; last=[time.monotonic()]
    from PyQt6.QtCore import QTimer
    t = QTimer(); t.timeout.connect(lambda: (gaps.append(time.monotonic()-last[0]), last.__setitem__(0, time.monotonic()))); t.start(5)
    drop(app, [p])
    wait(qtbot, lambda: s.shown is not None or "Problem" in said(app))
    if s.shown is None:
        print(rate, ch, frames, said(app)); return
    heard=[]
    app.parts.playback.moved.connect(heard.append)
    app.actions.toggle_play()
    wait(qtbot, lambda: len(heard) > 5)
    app.actions.seek(s.shown.frames//2)
    heard.clear(); wait(qtbot, lambda: len(heard) > 1)
    print(rate, ch, frames, said(app), "heard", heard[:2], "of", s.shown.frames, "playhead", app.window.regions.waveform.playhead, "maxgap ms", round(1000*max(gaps)))
    w=app.window.regions.waveform; w.setFocus()
    press(app, Key.Key_Right); press(app, Key.Key_Right)
    print(s.spans)
    t.stop()

def test_fifty(app, qtbot):
    import time
    t=time.monotonic()
    for i in range(50): order(app, f"slow {i}", 8)
    print("ordered in", time.monotonic()-t)
    t=time.monotonic(); app.actions.cancel_all()
    wait(qtbot, lambda: all(b.is_over for b in B(app)))
    print("cancelled in", time.monotonic()-t, said(app), {b.state for b in B(app)})
    app.actions.undo(); print(said(app))

def test_close_in_job(app, qtbot, tmp_path):
    order(app, "slow", 8)
    p = tmp_path/"a.wav"; write_clicks(p, 120, 2); drop(app, [p])
    app.window.close(); QTest.qWait(200)

def test_device(app, qtbot):
    make(app, qtbot, takes=1)
    pb = app.parts.playback
    wait(qtbot, lambda: pb.is_playing)
    pb.set_device("no such device")
    QTest.qWait(1500)
    print(said(app), pb.is_playing, [app.window.regions.transport.device.itemText(i) for i in range(app.window.regions.transport.device.count())])
    got=[]; pb.moved.connect(got.append); QTest.qWait(500); print(len(got))
