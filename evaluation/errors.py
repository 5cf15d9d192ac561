"""Errors that a user meets, each with the exit code of the command that meets it.

A message says where the trouble is, what was found, what is allowed and what to do, in that order,
so that it can be acted on without reading the code.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

__all__ = [
    "CheckError",
    "DisclosureError",
    "EstimationError",
    "PilotEvalError",
    "RerunError",
    "SourceError",
    "StudyError",
    "UsageError",
]


class PilotEvalError(Exception):
    """Base of every error that pilot-eval raises on purpose.

    Parameters
    ----------
    problem : str
        What was found, with the value.
    place : str
        File, section and key, row, or unit and period; empty where there is none.
    allowed : str
        What would have been accepted.
    remedy : str
        What to do about it.
    """

    exit_code: ClassVar[int] = 1

    def __init__(
        self, problem: str, *, place: str = "", allowed: str = "", remedy: str = ""
    ) -> None:
        self.problem = problem
        self.place = place
        self.allowed = allowed
        self.remedy = remedy
        super().__init__(str(self))

    def __str__(self) -> str:
        """Compose place, problem, what is allowed and what to do."""
        head = f"{self.place}: {self.problem}" if self.place else self.problem
        allowed = f"Allowed: {self.allowed}" if self.allowed else ""
        return " ".join(_sentence(part) for part in (head, allowed, self.remedy) if part)


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?", ":")) or "\n" in text else f"{text}."


class UsageError(PilotEvalError):
    """The command line cannot be carried out as it was given."""

    exit_code = 2


class StudyError(PilotEvalError):
    """The study file is wrong; may stand for several mistakes at once.

    ``mistakes`` holds each of them, and is empty where the error is a single one.
    """

    exit_code = 10
    mistakes: tuple[StudyError, ...] = ()

    @classmethod
    def joined(cls, mistakes: Sequence[StudyError], *, place: str = "") -> StudyError:
        """Return one error for all: the mistake itself where there is one, else a line for each."""
        if len(mistakes) == 1:
            return mistakes[0]
        lines = "".join(f"\n- {mistake}" for mistake in mistakes)
        error = cls(f"{len(mistakes)} mistakes in the study file:{lines}", place=place)
        error.mistakes = tuple(mistakes)
        return error


class SourceError(PilotEvalError):
    """A source file is absent, unreadable or not laid out as declared."""

    exit_code = 11


class CheckError(PilotEvalError):
    """A data check failed that forbids estimating."""

    exit_code = 12


class EstimationError(PilotEvalError):
    """An estimate or an interval cannot be had from these data."""

    exit_code = 13


class RerunError(PilotEvalError):
    """A rerun gave another number than the stored run."""

    exit_code = 14


class DisclosureError(PilotEvalError):
    """Something was about to leave that disclosure control forbids."""

    exit_code = 15
