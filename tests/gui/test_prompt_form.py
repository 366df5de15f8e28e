"""The form says again what a recipe said. No window."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from engine.key import Key
from engine.request import GenerationRequest, Task
from gui.state.ask import Ask, Intent, ask_of, build_request
from gui.state.clip import NOT_PULLED, Clip
from gui.widgets.prompt_form import PromptForm
from tests.gui.canvas_parts import tone_clip

MODELS = (("graft", "Graft"), ("big", "Big one"))


@pytest.fixture
def form(qtbot: QtBot) -> Iterator[PromptForm]:
    made = PromptForm(MODELS)
    qtbot.addWidget(made)
    return made


@pytest.mark.parametrize(
    "request_",
    [
        GenerationRequest(Task.GENERATE, 7, "kick", seconds=0.25, one_shot=True, bpm=None),
        GenerationRequest(Task.GENERATE, 7, "riser", seconds=4.0, bpm=120.0),
        GenerationRequest(Task.GENERATE, 7, "drums", bars=2, bpm=97.333, model="big", steps=9),
        GenerationRequest(Task.GENERATE, 7, "bass", bars=2, bpm=97.0, key=Key(2, "minor")),
        GenerationRequest(Task.MORPH, 7, "rain", to_prompt="sea", seconds=6.5, bpm=90.0),
    ],
)
def test_a_recipe_survives_the_form(form: PromptForm, request_: GenerationRequest) -> None:
    form.fill(ask_of(request_))
    intent = Intent.MORPH if request_.task is Task.MORPH else Intent.NEW
    assert build_request(intent, form.ask(), None) == request_


def test_a_model_that_is_not_installed_leaves_the_chosen_one(form: PromptForm) -> None:
    form.fill(Ask(model="big"))
    form.fill(Ask(model="gone"))
    assert not form.has_model("gone")
    assert form.ask().model == "big"


def test_a_length_in_seconds_takes_the_place_of_bars(form: PromptForm) -> None:
    form.prompt.setPlainText("riser, 8 bars")
    form.bars.setValue(4)
    form.advanced.seconds.setValue(2.0)
    request = build_request(Intent.NEW, form.ask(), None)
    assert (request.bars, request.seconds) == (None, 2.0)
    assert not form.bars.isEnabled()
    form.advanced.seconds.setValue(0.0)
    assert form.bars.isEnabled()
    assert build_request(Intent.NEW, form.ask(), None).bars == 4


def show(form: PromptForm, intent: Intent, clip: Clip | None = None) -> None:
    form.show_intent(intent, clip, NOT_PULLED, "")


def test_tempo_and_key_of_something_new_outlast_a_graft(form: PromptForm) -> None:
    key = Key(2, "minor")
    form.bpm.setText("174")
    form.key.setCurrentText(key.name)
    show(form, Intent.VARY, tone_clip())
    assert (form.ask().bpm, form.ask().key) == ("", None), "a graft keeps what its source has"
    graft_key = Key(7, "minor")
    form.key.setCurrentText(graft_key.name)
    show(form, Intent.NEW)
    assert (form.ask().bpm, form.ask().key) == ("174", key)
    show(form, Intent.INPAINT, tone_clip())
    assert form.ask().key == graft_key


def test_a_recipe_that_comes_while_a_graft_is_asked_for_fills_in_its_tempo(
    form: PromptForm,
) -> None:
    show(form, Intent.VARY, tone_clip())
    form.fill(Ask(prompt="drums", bpm="97.333", key=Key(2, "minor")))
    assert form.bpm.text() == "", "the tempo of a graft is its source's"
    show(form, Intent.NEW)
    assert (form.ask().bpm, form.ask().key) == ("97.333", Key(2, "minor"))
