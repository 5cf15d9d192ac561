"""One damaged input: how it is made, and what the command must say of it."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from evaluation.cli import main

__all__ = ["Answer", "Fault", "answer", "hold", "hold_message", "hold_readable"]

STUDY = 10
SOURCE = 11
CHECK = 12
# Where a message of one line ends to be one that is read.
_LONGEST_LINE = 1500
# What belongs into a traceback and not before a user.
_OF_PROGRAMS = re.compile(
    r"Traceback|\b[A-Za-z]*(?:Error|Exception|Warning)\b(?<!\bError)|<class|object at 0x|NoneType"
    r"|polars|openpyxl|pyo3|zipfile|\bline \d+, in\b"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault in an otherwise good input.

    Parameters
    ----------
    name : str
        In plain words.
    build : callable
        Damages a file of a folder that holds a good study.
    words : tuple of str
        What the command must say of it: the file, the row or key, the value, what to do.
    code : int
        The exit code. 0 for a finding that leaves the panel as it is, or says how it differs.
    """

    name: str
    build: Callable[[Path], object]
    words: tuple[str, ...]
    code: int = SOURCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """All of it."""
        return f"{self.out}\n{self.err}"


def answer(*arguments: str | Path) -> Answer:
    """Run the command line in this process, from its entry point."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.setattr(sys, "argv", ["pilot-eval", *map(str, arguments)])
        try:
            main()
        except SystemExit as stopped:
            code = stopped.code if isinstance(stopped.code, int) else 1
    return Answer(code=code, out=out.getvalue(), err=err.getvalue())


def hold(fault: Fault, told: Answer, clean: Answer) -> None:
    """Hold that a fault ends in one clear error, or in a finding.

    ``clean`` is what is said of the study without the fault: a word of the fault that stands
    there, too, would prove nothing.
    """
    assert told.code == fault.code, told.said
    missing = [word for word in fault.words if word not in told.said]
    assert not missing, f"{missing} not in:\n{told.said}"
    assert any(word not in clean.said for word in fault.words), "nothing that is not always said"
    hold_readable(told)


def hold_message(message: str) -> None:
    """Hold that the message of an error is one line for people."""
    found = _OF_PROGRAMS.search(message)
    assert found is None, f"{found} in: {message}"
    assert "\n" not in message
    assert len(message) <= _LONGEST_LINE


def hold_readable(told: Answer) -> None:
    """Hold that what is said is for people: no traceback, no class of a program, one error."""
    found = _OF_PROGRAMS.search(told.said)
    assert found is None, f"{found} in:\n{told.said}"
    assert max(map(len, told.said.splitlines())) <= _LONGEST_LINE
    if told.code == 0:
        assert told.err == ""
        return
    assert told.err.startswith("Error: "), told.err
    assert told.err.count("Error: ") == 1
    assert told.err.count("\n") == 1
    if told.code == CHECK:
        assert "  STOP  " in told.out
    else:
        assert told.out == ""
