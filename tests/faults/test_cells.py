"""Cells, codes and rows of a table that are not what they should be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from faulty.edits import Build, add, both, put, rows_of, swap, textwise
from faulty.fault import CHECK, STUDY, Answer, Fault

Damaged = Callable[[str, Fault], Answer]

NAME = "outcomes.csv"
_ROW = "QWU,2023-08,27,1000"
_MONTHS = {f"{m // 12:04d}-{m % 12 + 1:02d}": m for m in range(2023 * 12 + 6, 2025 * 12)}


def _cell(text: str, *, said: str | None = None, name: str = "") -> Fault:
    """Return the fault of a cell in a number column that is no number."""
    return Fault(
        name=name or f"{text} for a number",
        build=swap(NAME, _ROW, f'QWU,2023-08,"{text}",1000'),
        words=(f'{NAME}, row 3: column "admissions" holds "{said or text}"', "Write the number"),
        code=CHECK,
    )


def _dated(write: Callable[[int, int], str]) -> Build:
    """Write every month in another way."""

    def change(text: str) -> str:
        for month, number in _MONTHS.items():
            text = text.replace(f",{month},", f",{write(number // 12, number % 12 + 1)},")
        return text

    return textwise(NAME, change)


def _period(text: str, why: str = "", *, name: str) -> Fault:
    return Fault(
        name=name,
        build=swap(NAME, "QWU,2023-08,", f"QWU,{text},"),
        words=(f'{NAME}, row 3: period "{text}" cannot be read{why}', 'write it like "2023-04"'),
        code=CHECK,
    )


_unseen_period = Fault(
    name="a month with a character that cannot be seen",
    build=swap(NAME, "QWU,2023-08,", "QWU,2023-08\N{SOFT HYPHEN},"),
    words=(f'{NAME}, row 3: period "2023-08<U+00AD>" cannot be read',),
    code=CHECK,
)


def _impossible(row: str, said: str, *, name: str) -> Fault:
    return Fault(
        name=name,
        build=swap(NAME, _ROW, row),
        words=(f"{NAME}, row 3", said, "Correct the figure, or leave the row out"),
        code=CHECK,
    )


def _unit(code: str, *words: str, name: str) -> Fault:
    return Fault(
        name=name,
        build=textwise(NAME, lambda text: text.replace("\nQK1,", f"\n{code},")),
        words=(f"{NAME}, row 20", *words),
        code=CHECK,
    )


def _lines(unit: str, *, times: int = 10) -> tuple[str, ...]:
    return tuple(f"{unit},{month},{times * 30},{times * 1000}" for month in _MONTHS)


def _without(unit: str, *months: str) -> Build:
    def change(text: str) -> str:
        gone = [f"{unit},{month}," for month in months]
        return "".join(
            line for line in text.splitlines(keepends=True) if not line.startswith(tuple(gone))
        )

    return textwise(NAME, change)


def _copied(folder: Path) -> None:
    (folder / "copy.csv").write_bytes((folder / NAME).read_bytes())
    swap("study.toml", '"outcomes.csv"', '"*.csv"')(folder)


_register_none = swap("study.toml", 'register = "icb"\nboundaries = "2025-04"', 'register = "none"')


def _of_2026(text: str) -> str:
    """Return the table as it would be by the ICBs of April 2026, with the pilot's own code."""
    header, *rows = rows_of(text)
    new = {"QNX": "S9B9J"}
    return (
        "\n".join(",".join(new.get(cell, cell) for cell in row) for row in [header, *rows]) + "\n"
    )


FAULTS = (
    _cell("twelve"),
    _cell("12%"),
    _cell("£12"),
    _cell("12,5", name="a decimal comma"),
    _cell("0,512", name="a decimal comma that looks like thousands"),
    _cell("1 200", name="thousands apart by a space"),
    _cell("1'200", name="thousands apart by an apostrophe"),
    _cell("1,23,456", name="thousands in groups of two"),
    _cell("12 (estimated)", name="a number with a note"),
    _cell("<5", name="a bound for a number"),
    _cell("c. 20", name="about a number"),
    _cell("=B2+C2", name="a formula as text"),
    _cell("#REF!", name="a formula that lost what it referred to"),
    _cell("#DIV/0!", name="a formula that divides by 0"),
    _cell("inf", name="infinity"),
    _cell("1e999", name="more than a double holds"),
    _cell("12\n13", said="12 13", name="two numbers in a cell"),
    _cell("(12)", name="a negative number as accountants write it"),
    _cell("\N{MINUS SIGN}12", name="a minus sign that is none"),
    _cell("\N{EN DASH}12", name="an en dash before a number"),
    _cell("\N{EM DASH}", name="an em dash"),
    _cell("1\N{NO-BREAK SPACE}200", said="1 200", name="thousands apart by a non-breaking space"),
    _cell("1\N{NARROW NO-BREAK SPACE}200", said="1 200", name="thousands apart by a narrow space"),
    _cell("1.234,5", name="points and commas the other way round"),
    _cell("1234,567", name="a comma where no thousands are"),
    _cell("12p", name="a provisional number"),
    _cell("12*", name="a number with a mark of suppression"),
    _cell("1-7", name="a span for a number"),
    _cell("-inf", name="less than any number"),
    _cell("TRUE", name="true for a number"),
    _cell("0x1B", name="a number to the base of 16"),
    _cell("1/2", name="a fraction"),
    _cell("\N{FULLWIDTH DIGIT TWO}7", name="a digit of another width"),
    _cell("[low]", name="a shorthand that means nothing here"),
    _cell("suppressed", name="suppression in words"),
    Fault(
        name="a number with a character that cannot be seen",
        build=swap(NAME, _ROW, "QWU,2023-08,27\N{ZERO WIDTH SPACE},1000"),
        words=(f'{NAME}, row 3: column "admissions" holds "27<U+200B>"', "cannot be seen"),
        code=CHECK,
    ),
    Fault(
        name="a byte order mark within a number",
        build=swap(NAME, _ROW, "QWU,2023-08,\N{ZERO WIDTH NO-BREAK SPACE}27,1000"),
        words=(f'{NAME}, row 3: column "admissions" holds "<U+FEFF>27"', "cannot be seen"),
        code=CHECK,
    ),
    Fault(
        name="a count with decimals: a point for thousands",
        build=swap(NAME, _ROW, "QWU,2023-08,1.234,1000"),
        words=(
            f'{NAME}, row 3: column "admissions" holds a number with decimals (1 rows)',
            "Write 1234 for 1.234",
        ),
        code=0,
    ),
    *(
        Fault(
            name=f"{marker} for a number",
            build=swap(NAME, _ROW, f"QWU,2023-08,{marker},1000"),
            words=(f"1 left out: {told} ({marker})", "no value in August 2023"),
            code=0,
        )
        for marker, told in (
            ("-", "not reported"),
            ("..", "not available"),
            ("[x]", "not available"),
            ("n/a", "not available"),
            ("[z]", "not applicable"),
        )
    ),
    Fault(
        name="a count that is shown, as small as others that are hidden",
        build=both(
            swap(NAME, _ROW, "QWU,2023-08,*,1000"),
            swap(NAME, "QK1,2023-08", "QK1,2023-06,5,1100\nQK1,2023-08"),
        ),
        words=(
            "a count from 1 to 7 is shown, and others of this size are hidden",
            "suppressed = [1, 4]",
        ),
        code=0,
    ),
    Fault(
        name="NaN, as programs write it",
        build=swap(NAME, _ROW, "QWU,2023-08,NaN,1000"),
        words=("1 left out: not reported", "Gaps in a unit's values", "August 2023"),
        code=0,
    ),
    Fault(
        name="a suppressed count",
        build=swap(NAME, _ROW, "QWU,2023-08,*,1000"),
        words=(f"{NAME}, row 3", "the count is suppressed: it is from 1 to 7"),
        code=0,
    ),
    Fault(
        name="a suppressed exposure",
        build=swap(NAME, _ROW, "QWU,2023-08,27,*"),
        words=("1 left out: residents suppressed", "no value in August 2023"),
        code=0,
    ),
    _impossible("QWU,2023-08,1e308,1000", 'holds "1e308": no figure is larger', name="1e308"),
    _impossible("QWU,2023-08,-5,1000", "the count is below 0", name="a negative count"),
    _impossible("QWU,2023-08,5,-1000", "the exposure is below 0", name="a negative exposure"),
    _impossible("QWU,2023-08,5,0", "counted although the exposure is 0", name="a count of nobody"),
    Fault(
        name="nothing counted among nobody",
        build=swap(NAME, _ROW, "QWU,2023-08,0,0"),
        words=("1 left out: no exposure", "no value in August 2023"),
        code=0,
    ),
    Fault(
        name="a numerator over its denominator",
        build=both(
            swap(NAME, _ROW, "QWU,2023-08,1270,1000"),
            swap("study.toml", 'measure = "rate"\nper = 1000', 'measure = "share"'),
        ),
        words=(f"{NAME}, row 3", "the numerator is over the denominator", "Correct the figure"),
        code=CHECK,
    ),
    # ------------------------------------------------------------------ periods
    _period("45139", " (a spreadsheet's number for 1 August 2023)", name="a serial number"),
    _period("01/08/23", " (a year of two digits)", name="a year of two digits"),
    _period("08/15/2023", " (the month seems to stand before the day)", name="an American date"),
    _period("August", name="a month without a year"),
    _period("2023-13", name="a thirteenth month"),
    _period("2023-Q3", name="a quarter among months"),
    _period("31/06/2023", name="a day that is not"),
    _period("", name="no period"),
    _unseen_period,
    Fault(
        name="American dates that can be read as British",
        build=_dated(lambda year, month: f"{month}/1/{year}"),
        words=(f'{NAME}: dates such as "1/1/2024" seem to be written month first', "2024-04-01"),
        code=CHECK,
    ),
    Fault(
        name="serial numbers for every month",
        build=_dated(lambda year, month: str(45_000 + 30 * (12 * (year - 2023) + month))),
        words=(f"{NAME}, row 2", "a spreadsheet's number for", "Correct the period in the file"),
        code=CHECK,
    ),
    # ------------------------------------------------------------------ codes
    _unit("QKI", 'ICB code "QKI"', 'Did you mean "QK1"', name="a code with a slip"),
    _unit("QK1\N{ZERO WIDTH SPACE}", 'ICB code "QK1<U+200B>"', name="a code and what is not seen"),
    _unit("02P", 'ICB code "02P"', "It is a sub-ICB location", name="a sub-ICB"),
    _unit("Leicester", "Write the code", '"QK1"', name="a name in place of a code"),
    _unit("RKB", 'ICB code "RKB"', "Did you mean", name="a trust"),
    _unit("", "the row names no unit", "Correct the code", name="no code"),
    _unit("x" * 5000, "xxx...", "is not in the list of ICBs", name="a code of 5,000 letters"),
    Fault(
        name="many codes that are none: another column",
        build=textwise(
            NAME,
            lambda text: text + "".join(f"1-{i},2024-01,1,1000\n" for i in range(10_000, 12_000)),
        ),
        words=(f"{NAME}, row 110", '"1-10000" is not in the list of ICBs', "that of the code?"),
        code=CHECK,
    ),
    Fault(
        name="England among the ICBs",
        build=add(NAME, *_lines("England")),
        words=("18 left out: total, not a unit",),
        code=0,
    ),
    Fault(
        name="a region among the ICBs",
        build=add(NAME, *_lines("Y60", times=4)),
        words=("18 left out: total, not a unit",),
        code=0,
    ),
    Fault(
        name="a total among the ICBs",
        build=add(NAME, *_lines("Grand Total")),
        words=(
            f'{NAME}, row 110: "Grand Total" is no ICB code',
            "looks like a total",
            "Take totals",
        ),
        code=CHECK,
    ),
    Fault(
        name="a total among units of one's own",
        build=both(
            add(NAME, *_lines("Sub-total Midlands")),
            _register_none,
        ),
        words=("unit 'Sub-total Midlands' looks like a total", "[comparison] exclude"),
        code=0,
    ),
    *(
        Fault(
            name=f"one unit of one's own under two names: {other!r}",
            build=both(
                _register_none,
                swap(NAME, "\nQK1,2024-1", f"\n{other},2024-1", -1),
            ),
            words=(f"units {first!r} and {second!r} differ", "spaces, dashes or capitals only"),
            code=0,
        )
        for other, first, second in (
            ("qk1", "QK1", "qk1"),
            ("Qk1", "QK1", "Qk1"),
        )
    ),
    Fault(
        name="a unit of one's own with a space after its name",
        build=both(
            _register_none,
            swap(NAME, "\nQK1,2023-08", "\nQK1 ,2023-08"),
            swap(NAME, ",2023-08,27", ",2023-08,-"),
        ),
        words=("1 left out: not reported (-)", "107 used"),
        code=0,
    ),
    Fault(
        name="a code of April 2026 beside codes of before",
        build=textwise(NAME, _of_2026),
        words=(NAME, '"S9B9J"'),
        code=CHECK,
    ),
    Fault(
        name="a pilot code that the data lack",
        build=textwise(NAME, lambda text: text.replace("\nQWU,", "\nQHL,")),
        words=("no row of the data is for unit 'QWU'", "Add its rows, correct the code"),
        code=CHECK,
    ),
    Fault(
        name="a pilot code that is none",
        build=swap("study.toml", '"QWU"', '"QVU"'),
        words=('"QVU"', "[[sites]]", "QWU"),
        code=STUDY,
    ),
    # ------------------------------------------------------------------ rows
    Fault(
        name="a month twice, the same",
        build=add(NAME, _ROW),
        words=(f"{NAME}, row 110", f"the row repeats row 3 of {NAME}", "Name each file once"),
        code=0,
    ),
    Fault(
        name="a month twice, with another figure",
        build=add(NAME, "QWU,2023-08,28,1000"),
        words=(f"{NAME}, row 3", f"with other figures in row 110 of {NAME}", "Keep the right row"),
        code=CHECK,
    ),
    Fault(
        name="a figure beside a marker for the same month",
        build=add(NAME, "QWU,2023-08,-,1000"),
        words=(f"{NAME}, row 3", f"with other figures in row 110 of {NAME}"),
        code=CHECK,
    ),
    Fault(
        name="the same file under two names",
        build=_copied,
        words=(
            "108 left out: repeats a row of copy.csv",
            "outcomes.csv, row 2",
            "the row repeats row 2 of copy.csv",
            "Name each file once",
        ),
        code=0,
    ),
    Fault(
        name="a file issued again with other figures",
        build=both(_copied, swap("copy.csv", _ROW, "QWU,2023-08,26,1000")),
        words=("copy.csv, row 3", "in row 3 of outcomes.csv", "the newest, if a file was issued"),
        code=CHECK,
    ),
    Fault(
        name="a month that a unit lacks in the middle",
        build=_without("QWU", "2024-02"),
        words=("QWU", "has no value in February 2024"),
        code=0,
    ),
    Fault(
        name="a month that everybody lacks",
        build=textwise(
            NAME,
            lambda text: "".join(
                line for line in text.splitlines(keepends=True) if ",2024-02," not in line
            ),
        ),
        words=("no unit has a value in February 2024",),
        code=0,
    ),
    Fault(
        name="a unit that stops",
        build=_without("QWU", "2024-10", "2024-11", "2024-12"),
        words=("(QWU) reports nothing after September 2024", "Leave them out with a reason"),
        code=0,
    ),
    Fault(
        name="a pilot unit that stops before it starts",
        build=_without("QWU", *(m for m in _MONTHS if m >= "2024-07")),
        words=("unit QWU has no treated period", "its data end in June 2024"),
        code=CHECK,
    ),
    Fault(
        name="a column that the study does not find",
        build=swap("study.toml", 'count = "admissions"', 'count = "admisions"'),
        words=(NAME, "there is no column 'admisions'", "Did you mean 'admissions'?"),
    ),
    Fault(
        name="a row that selects itself out of every file",
        build=swap("study.toml", 'measure = "rate"', 'measure = "rate"\nselect = { icb = "QZZ" }'),
        words=("no row has icb 'QZZ'", "what stands there", "Choose one of them"),
    ),
    Fault(
        name="another table: nothing in common but the headings",
        build=put(NAME, "icb,month,admissions,residents\nA,2024-01,x,y\nB,2024-02,x,y\n"),
        words=(f'{NAME}, row 2: ICB code "A"', "no row of the data is for unit 'QWU'"),
        code=CHECK,
    ),
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_bad_cell_or_row_ends_in_one_clear_error_or_a_finding(
    damaged: Damaged, fault: Fault
) -> None:
    damaged("TABLE", fault)


@pytest.mark.parametrize("code", ["qwu", " QWU ", "E54000018", "q w u"])
def test_a_code_in_small_letters_or_spaces_is_the_same_unit(damaged: Damaged, code: str) -> None:
    """Read as it is meant; what is said of it is what is said of the good file."""
    build = textwise(NAME, lambda text: text.replace("\nQWU,", f'\n"{code}",'))
    with_a_word = both(build, swap(NAME, "2023-08,27,1000", "2023-08,-,1000"))
    told = damaged("TABLE", Fault(name=code, build=with_a_word, words=("107 used",), code=0))
    assert "Coventry and Warwickshire (QWU)" in told.out
