"""Undo and redo over frozen values. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

Value = TypeVar("Value")
LIMIT = 200


@dataclass(frozen=True)
class Step(Generic[Value]):
    """A value and the words of the edit that led to it."""

    value: Value
    words: str = ""


@dataclass(frozen=True)
class History(Generic[Value]):
    """past ends with the present; future holds what was undone, nearest first."""

    past: tuple[Step[Value], ...]
    future: tuple[Step[Value], ...] = ()

    @classmethod
    def of(cls, value: Value) -> History[Value]:
        return cls((Step(value),))

    @property
    def value(self) -> Value:
        return self.past[-1].value

    @property
    def can_undo(self) -> bool:
        return len(self.past) > 1

    @property
    def can_redo(self) -> bool:
        return bool(self.future)

    def did(self, value: Value, words: str) -> History[Value]:
        """Return the history after an edit; what was undone is gone."""
        return History((*self.past, Step(value, words))[-LIMIT:])

    def amended(self, value: Value) -> History[Value]:
        """Return the history with another present, which is no edit of its own."""
        return replace(self, past=(*self.past[:-1], Step(value, self.past[-1].words)))

    def undone(self) -> History[Value]:
        """Return the history one edit back, or itself at the start."""
        if not self.can_undo:
            return self
        return History(self.past[:-1], (self.past[-1], *self.future))

    def redone(self) -> History[Value]:
        """Return the history one edit on, or itself at the end."""
        if not self.can_redo:
            return self
        return History((*self.past, self.future[0]), self.future[1:])

    def mapped(self, change: Callable[[Value], Value]) -> History[Value]:
        """Return the history with every value as `change` makes it."""

        def steps(some: tuple[Step[Value], ...]) -> tuple[Step[Value], ...]:
            return tuple(Step(change(step.value), step.words) for step in some)

        return History(steps(self.past), steps(self.future))
