"""What is not TOML: told with line, column and what to do, in words and not in the parser's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from evaluation.errors import StudyError
from evaluation.study import parse_study

PATH = Path("study.toml")
ALLOWED = "Allowed: TOML, as in the file that `pilot-eval init` writes."
QUOTES = "Put text and periods in double quotes, and each key on a line of its own."

CASES = {
    "a month without quotes": (
        "version = 1\n[time]\nfirst = 2023-04\n",
        "line 3, column 13: something follows the value: `first = 2023-04`",
        QUOTES,
    ),
    "text without quotes": (
        "title = A pilot\n",
        "line 1, column 9: no value can be read here: `title = A pilot`",
        QUOTES,
    ),
    "a value of another language": (
        "x = True\n",
        "line 1, column 5: no value can be read here: `x = True`",
        QUOTES,
    ),
    "a quotation mark left open": (
        'title = "A pilot\nversion = 1',
        'line 1, column 17: a text does not end on its line: `title = "A pilot`',
        "Close it with the same quote.",
    ),
    "three quotation marks left open": (
        'title = """A pilot\n',
        "line 2, column 1: a text does not end",
        "Close it with the same quotes.",
    ),
    "a path with backslashes": (
        'version = 1\nfiles = ["C:\\data\\stay.csv"]\n',
        "line 2, column 15: a \\ in double quotes stands for something else: "
        '`files = ["C:\\data\\stay.csv"]`',
        "In a path write / in place of \\, or put the text in single quotes.",
    ),
    "a key twice": (
        "version = 1\nversion = 1\n",
        "line 2, column 12: the key is in its section already: `version = 1`",
        "Delete one of the two.",
    ),
    "a section twice": (
        "[time]\n[time]\n",
        "line 2, column 6: the section is in the file already: `[time]`",
        "Delete one of the two; a section that may come often stands in [[two brackets]].",
    ),
    "a list left open before a key": (
        'units = ["N1"\nstarts = 3\n',
        "line 2, column 1: a list is not closed: `starts = 3`",
        "Close the list with ].",
    ),
    "a list left open at the end": (
        'units = ["N1",\n',
        "line 2, column 1: the file ends where a value is due",
        "Write the value; close a list with ].",
    ),
    "a key without a value": (
        "frequency\n",
        "line 1, column 10: a key has no value: `frequency`",
        "Write key = value.",
    ),
    "a value without a key": (
        "= 3\n",
        "line 1, column 1: no key can be read here: `= 3`",
        "Write key = value; a comment starts with #.",
    ),
    "a day that is none": (
        "first = 2023-02-30\n",
        "line 1, column 9: not TOML (invalid date or datetime): `first = 2023-02-30`",
        "Correct the line.",
    ),
}


@pytest.mark.parametrize(("text", "told", "remedy"), CASES.values(), ids=CASES)
def test_what_is_not_toml_is_told_with_line_and_column(text: str, told: str, remedy: str) -> None:
    with pytest.raises(StudyError) as caught:
        parse_study(text, PATH)
    assert str(caught.value) == f"study.toml, {told}. {ALLOWED} {remedy}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            f"x = {'[' * 10_000}",
            "study.toml: lists or tables are nested too deeply to be read. Run `pilot-eval init` "
            "for a study file to start from.",
            id="nested without end",
        ),
        pytest.param(
            f"x = {'9' * 10_000}",
            "study.toml: holds a number of too many digits. Write a shorter one.",
            id="a number without end",
        ),
    ],
)
def test_what_no_parser_takes_is_told(text: str, message: str) -> None:
    with pytest.raises(StudyError) as caught:
        parse_study(text, PATH)
    assert str(caught.value) == message


@pytest.mark.parametrize("key", ["seed", "draws", "level", "event_window"])
def test_a_number_without_end_in_hexadecimal_is_told(
    edited: Callable[[list[tuple[str, str]]], str], key: str
) -> None:
    text = edited([("add", f"[analysis]\n{key} = 0x{'f' * 5_000}")])
    with pytest.raises(StudyError, match=f"analysis.*, {key}: a number of very many digits is not"):
        parse_study(text, PATH)


def test_an_empty_file_is_told_what_it_lacks() -> None:
    with pytest.raises(StudyError) as caught:
        parse_study("", PATH)
    assert [mistake.place for mistake in caught.value.mistakes] == [
        "study.toml, version",
        "study.toml, title",
        "study.toml, [time]",
        "study.toml, [[outcomes]]",
    ]
