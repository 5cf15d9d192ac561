"""Errors: how a message is composed, and the exit code of each."""

from __future__ import annotations

import pickle

import pytest

from evaluation.errors import (
    CheckError,
    DisclosureError,
    EstimationError,
    PilotEvalError,
    RerunError,
    SourceError,
    StudyError,
    UsageError,
)

EXIT_CODES: dict[type[PilotEvalError], int] = {
    UsageError: 2,
    StudyError: 10,
    SourceError: 11,
    CheckError: 12,
    EstimationError: 13,
    RerunError: 14,
    DisclosureError: 15,
}


@pytest.mark.parametrize(("kind", "code"), EXIT_CODES.items())
def test_each_kind_has_the_exit_code_of_the_design(kind: type[PilotEvalError], code: int) -> None:
    assert kind("something").exit_code == code


def test_every_child_is_in_the_table_above() -> None:
    assert set(PilotEvalError.__subclasses__()) == set(EXIT_CODES)


def test_parts_are_said_in_the_order_place_problem_allowed_remedy() -> None:
    error = StudyError(
        '"x" is not allowed',
        place="study.toml, [time], frequency",
        allowed='"month" or "year"',
        remedy='Write frequency = "month"',
    )
    assert str(error) == (
        'study.toml, [time], frequency: "x" is not allowed. Allowed: "month" or "year". '
        'Write frequency = "month".'
    )
    assert (error.place, error.allowed) == ("study.toml, [time], frequency", '"month" or "year"')


def test_absent_parts_leave_no_trace() -> None:
    assert str(SourceError("no rows are left")) == "no rows are left."
    assert str(SourceError("no rows are left", remedy="Look.")) == "no rows are left. Look."


@pytest.mark.parametrize("ending", [".", "!", "?", ":"])
def test_a_sentence_that_has_an_end_gets_no_other(ending: str) -> None:
    assert str(UsageError(f"  so it is{ending} ")) == f"so it is{ending}"


def test_lines_get_no_full_stop() -> None:
    assert str(UsageError("two:\n- a\n- b")) == "two:\n- a\n- b"


def test_one_mistake_joined_is_itself() -> None:
    mistake = StudyError("wrong", place="study.toml")
    assert StudyError.joined([mistake], place="study.toml") is mistake
    assert mistake.mistakes == ()


def test_several_mistakes_joined_have_a_line_each() -> None:
    mistakes = [
        StudyError("a", place="study.toml, x", allowed="1", remedy="Write 1"),
        StudyError("b", place="study.toml, y"),
    ]
    joined = StudyError.joined(mistakes, place="study.toml")
    assert str(joined) == (
        "study.toml: 2 mistakes in the study file:\n"
        "- study.toml, x: a. Allowed: 1. Write 1.\n"
        "- study.toml, y: b."
    )
    assert joined.mistakes == tuple(mistakes)


@pytest.mark.parametrize("kind", EXIT_CODES)
def test_errors_cross_a_process(kind: type[PilotEvalError]) -> None:
    error = kind("a", place="b", allowed="c", remedy="d")
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.place, copy.allowed, copy.remedy) == (
        str(error),
        error.place,
        error.allowed,
        error.remedy,
    )
