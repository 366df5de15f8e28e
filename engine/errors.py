"""Errors a user may meet: one plain sentence each, details for the log, an exit code."""

from __future__ import annotations


class AppError(Exception):
    """An expected failure. `sentence` is shown to the user, `details` goes to the log."""

    exit_code = 1

    def __init__(self, sentence: str, details: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.details = details


class BadArgument(AppError, ValueError):
    """A value that was asked for is out of range or contradicts another."""

    exit_code = 2


class BadInputFile(AppError):
    """A file that was given cannot be used."""

    exit_code = 3


class ModelProblem(AppError):
    """A model or its device is missing, damaged or failed."""

    exit_code = 4


class JobCancelled(AppError):
    """The user stopped the job; raised from the per-step callback."""

    exit_code = 5

    def __init__(self, sentence: str = "Cancelled.", details: str = "") -> None:
        super().__init__(sentence, details)


class WriteProblem(AppError):
    """A result could not be written: disk full, folder missing or read-only."""

    exit_code = 1
