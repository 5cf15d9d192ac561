from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from openpyxl import Workbook

from evaluation.errors import SourceError, StudyError
from evaluation.findings import Check
from evaluation.panel import Panel
from evaluation.sources import Loaded, ledger
from evaluation.sources.discharge_ready_date_metrics import COVERAGE, METRICS

Read = Callable[..., Loaded]
Lines = Iterable[tuple[str, ...]]

HEADER = (
    *("Date", "Data Source", "Data Type", "Upper Tier Local Authority Code"),
    *("Upper Tier Local Authority", "Region (of Provider)", "ICB (of Provider)", "Code"),
    *("Organisation Name", "Measure", "Value"),
)
TOTAL = "Number of patients discharged in total"
LOST = "Total bed days lost due to delayed discharge"
SAME = "Date of discharge is same as Discharge Ready Date"
LATER = "Date of Discharge is 1+ days after Discharge Ready Date"
BY_DELAY = (
    "Number of patients discharged where, between the Discharge Ready Date and Discharge Date, "
    "there is "
)
BANDS = (
    *("a 1 day delay", "a 2-3 day delay", "a 4-6 day delay", "a 7-13 day delay"),
    *("a 14-20 day delay", "a delay of 21 days or more"),
)
APRIL_2024 = 2024 * 12 + 3
# Seconds of work, some ten times what it takes; time alone would count other programs, too.
SLOW = 20.0


def _line(month: str, code: str, measure: str, value: str, level: str = "ICB") -> tuple[str, ...]:
    authority = code if level.startswith("UTLA") else "[z]"
    own = "[z]" if level.startswith("UTLA") else code
    return (
        month,
        "SUS & HODF",
        level,
        authority,
        "[z]",
        "M",
        "[z]",
        own,
        "NAME, OF",
        measure,
        value,
    )


def _icb(month: str, code: str, figures: Mapping[str, str], level: str = "ICB") -> Lines:
    return [_line(month, code, measure, value, level) for measure, value in figures.items()]


def _whole(total: int, *by_delay: int, coverage: str = "1") -> dict[str, str]:
    """Return what is published of an ICB: a total, six numbers by delay, and what follows."""
    late = sum(by_delay)
    return {
        "Number of providers submitting acceptable data": "3",
        COVERAGE[0]: coverage,
        TOTAL: str(total),
        LOST: str(3 * late),
        SAME: repr((total - late) / total),
        LATER: repr(late / total),
        f"{BY_DELAY}No delay": str(total - late),
        **{BY_DELAY + band: str(n) for band, n in zip(BANDS, by_delay, strict=True)},
        "Average days from Discharge Ready Date to date of discharge (inc 0 day delays)": repr(
            3 * late / total
        ),
    }


def _csv(*lines: Lines) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(HEADER)
    for some in lines:
        writer.writerows(some)
    return stream.getvalue()


QWU = _whole(1000, 50, 30, 20, 10, 5, 5)
QK1 = _whole(2000, 60, 50, 40, 30, 20, 0)
APRIL = _csv(_icb("Apr-24", "QWU", QWU), _icb("Apr-24", "QK1", QK1))


@pytest.fixture
def read_drd(read: Read) -> Read:
    """Return a function that loads files; the pilot is QWU, from May 2024."""

    def load_files(
        files: dict[str, str | bytes],
        metric: str,
        outcome: dict[str, object] | None = None,
        fields: dict[str, object] | None = None,
    ) -> Loaded:
        described = {
            "source": "discharge_ready_date",
            "metric": metric,
            "columns": None,
            "per": 1.0,
            "measure": "mean" if metric.startswith(("share_", "mean_")) else "rate",
        }
        site = {"name": "Coventry", "units": ("QWU",), "starts": APRIL_2024 + 1}
        study = {"geography": {"register": "icb"}, "sites": (site,)}
        return read(files, {**described, **(outcome or {})}, {**study, **(fields or {})})

    return load_files


def _panel(loaded: Loaded) -> Panel:
    blocking = [check.detail for check in loaded.checks if check.blocking and not check.passed]
    assert loaded.panel is not None, blocking
    return loaded.panel


def _check(loaded: Loaded, name: str) -> Check:
    return next(check for check in loaded.checks if check.name == name)


def _outcomes(loaded: Loaded) -> dict[str, float]:
    return dict(_panel(loaded).rows.select("unit", "outcome").iter_rows())


@pytest.mark.parametrize(
    ("metric", "measure", "qwu", "qk1"),
    [
        ("discharges", "count", 1000.0, 2000.0),
        ("discharges", "rate", 1000 / 30, 2000 / 30),
        ("delayed", "share", 0.12, 0.1),
        ("delayed", "count", 120.0, 200.0),
        ("no_delay", "share", 0.88, 0.9),
        ("delayed_21_days", "share", 0.005, 0.0),
        ("days_lost", "rate", 0.36, 0.3),
        ("share_delayed", "mean", 0.12, 0.1),
        ("share_same_day", "mean", 0.88, 0.9),
        ("mean_days", "mean", 0.36, 0.3),
    ],
)
def test_a_metric_is_had_from_its_rows(
    read_drd: Read, metric: str, measure: str, qwu: float, qk1: float
) -> None:
    loaded = read_drd({"april.csv": APRIL}, metric, {"measure": measure})
    assert _outcomes(loaded) == pytest.approx({"QWU": qwu, "QK1": qk1}, rel=1e-15)


def test_a_published_share_is_weighted_by_its_discharges(read_drd: Read) -> None:
    by_share = _panel(read_drd({"a.csv": APRIL}, "share_delayed")).rows
    by_count = _panel(read_drd({"a.csv": APRIL}, "delayed", {"measure": "share"})).rows
    assert by_share["weight"].to_list() == by_count["weight"].to_list() == [2000.0, 1000.0]
    assert by_share["outcome"].to_list() == pytest.approx(by_count["outcome"].to_list())


def test_every_row_is_used_or_explained(read_drd: Read) -> None:
    lines = [
        *_icb("Apr-24", "ENGLAND", {TOTAL: "300908"}, "National"),
        *_icb("Apr-24", "E08000016", {TOTAL: "9"}, "UTLA Aggregate"),
        *_icb("Apr-24", "E08000035", {TOTAL: "9"}, "UTLA Aggregate"),
        *_icb("Apr-24", "RKB", {TOTAL: "9"}, "Provider"),
    ]
    text = _csv(_icb("Apr-24", "QWU", QWU), _icb("Apr-24", "QK1", QK1), lines, [("",) * 11])
    loaded = read_drd({"april.csv": text}, "delayed")
    level = 'Data Type "{}": only rows of ICB are used'
    assert dict(loaded.trace.group_by("left_out").len().iter_rows()) == {
        None: 2,
        f'added to the row "{BY_DELAY}a 1 day delay"': 10,
        "gives the exposure": 2,
        "gives the coverage": 2,
        "another measure": 12,
        level.format("National"): 1,
        level.format("UTLA Aggregate") + "; E08000016 is the old code of Barnsley": 1,
        level.format("UTLA Aggregate"): 1,
        level.format("Provider"): 1,
        "blank row": 1,
    }
    assert ledger({"o": loaded.trace})["rows"].sum() == 33 == loaded.trace.height


@pytest.mark.parametrize(
    ("marker", "reason"),
    [
        ("-", "not reported (-)"),
        ("NULL", "not reported (NULL)"),
        ("#N/A", "not available (#N/A)"),
        ("[z]", "not applicable ([z])"),
    ],
)
def test_a_missing_figure_leaves_the_row_out_with_its_meaning(
    read_drd: Read, marker: str, reason: str
) -> None:
    for broken in (f"{BY_DELAY}a 1 day delay", f"{BY_DELAY}a 4-6 day delay", TOTAL):
        text = _csv(
            _icb("Apr-24", "QWU", QWU),
            _icb("Apr-24", "QK1", {**QK1, broken: marker}),
            _icb("May-24", "QK1", QK1),
        )
        loaded = read_drd({"a.csv": text}, "delayed", {"measure": "share"})
        assert _panel(loaded).rows.height == 2
        shown = reason if broken != TOTAL else f"exposure {reason}"
        assert shown in set(loaded.trace["left_out"])


def test_a_part_that_is_missing_is_never_0(read_drd: Read) -> None:
    part = f"{BY_DELAY}a 7-13 day delay"
    first = f"{BY_DELAY}a 1 day delay"
    for absent in (part, first):
        short = {measure: value for measure, value in QK1.items() if measure != absent}
        text = _csv(_icb("Apr-24", "QWU", QWU), _icb("Apr-24", "QK1", short))
        loaded = read_drd({"a.csv": text}, "delayed")
        assert set(_outcomes(loaded)) == {"QWU"}
        reasons = set(loaded.trace["left_out"])
        assert ("not reported" if absent == part else f'no row "{first}" for it') in reasons


@pytest.mark.parametrize("marker", ["*", "[c]"])
def test_a_sum_with_a_hidden_part_is_not_as_small_as_the_part(read_drd: Read, marker: str) -> None:
    """103 delayed patients and 1 to 7 more are not 1 to 7: which they are is not guessed."""
    hidden = {**QK1, f"{BY_DELAY}a 7-13 day delay": marker}
    loaded = read_drd(
        {"a.csv": _csv(_icb("Apr-24", "QWU", QWU), _icb("Apr-24", "QK1", hidden))}, "delayed"
    )
    assert loaded.panel is None
    check = next(c for c in loaded.checks if c.name == "numbers")
    assert f'holds "{marker} in one of its 6 parts", which is not a number' in check.detail


def test_the_label_that_stands_for_a_number_as_well_is_told_apart(read_drd: Read) -> None:
    twice = _icb("Apr-24", "QWU", {SAME: "880"})
    loaded = read_drd({"a.csv": _csv(twice, _icb("Apr-24", "QWU", QWU))}, "share_same_day")
    assert _outcomes(loaded) == {"QWU": 0.88}
    assert "a number of patients under the label of a share" in set(loaded.trace["left_out"])


def test_a_share_in_per_cent_blocks(read_drd: Read) -> None:
    text = _csv(_icb("Apr-24", "QWU", {**QWU, LATER: "12"}), _icb("Apr-24", "QK1", QK1))
    loaded = read_drd({"a.csv": text}, "share_delayed")
    assert loaded.panel is None
    assert "a.csv, row 7: the share is 12 (1 rows)." in _check(loaded, "shares").detail


# ---------------------------------------------------------------- months


@pytest.mark.parametrize(
    "month",
    ["Apr-24", "April 2024", "Apr 2024", "April-2024", "2024-04-01", "01/04/2024", " Apr-24 "],
)
def test_months_are_read_as_they_are_written(read_drd: Read, month: str) -> None:
    text = _csv(_icb(month, "QWU", QWU), _icb(month, "QK1", QK1))
    assert _panel(read_drd({"a.csv": text}, "delayed")).rows["period"].unique().to_list() == [
        APRIL_2024
    ]


def test_a_month_that_cannot_be_read_blocks(read_drd: Read) -> None:
    loaded = read_drd({"a.csv": APRIL.replace("Apr-24,SUS", "Spring,SUS", 3)}, "discharges")
    assert loaded.panel is None
    assert 'period "Spring" cannot be read' in _check(loaded, "periods").detail


def test_quarters_weigh_their_months_by_discharges(read_drd: Read) -> None:
    may = _whole(3000, 30, 0, 0, 0, 0, 0)
    lines = (_icb("Apr-24", "QWU", QWU), _icb("May-24", "QWU", may), _icb("Apr-24", "QK1", QK1))
    fields = {
        "time": {"frequency": "quarter"},
        "sites": ({"name": "C", "units": ("QWU",), "starts": 2024 * 4 + 2},),
    }
    files = {"a.csv": _csv(*lines)}
    for metric, outcome in (("delayed", {"measure": "share"}), ("share_delayed", None)):
        rows = _panel(read_drd(files, metric, outcome, fields)).rows
        assert rows["outcome"].to_list() == pytest.approx([0.1, (120 + 30) / 4000])
    with pytest.raises(StudyError, match="would count as 0"):
        read_drd(files, "delayed", {"measure": "count"}, fields)


def test_joined_icbs_add_up(read_drd: Read) -> None:
    lines = (_icb("Apr-24", "QMJ", QWU), _icb("Apr-24", "QRV", QK1), _icb("Apr-24", "QWU", QWU))
    fields = {"geography": {"register": "icb", "boundaries": "2026-04"}}
    for metric, expected in (
        ("delayed", 320 / 3000),
        ("share_delayed", 320 / 3000),
        ("discharges", 100.0),
    ):
        rows = read_drd({"a.csv": _csv(*lines)}, metric, None, fields)
        assert _outcomes(rows)["Z9B2Z"] == pytest.approx(expected)


def test_a_revised_file_beside_its_original_names_both(read_drd: Read) -> None:
    revised = APRIL.replace(",1000", ",1010")
    files: dict[str, str | bytes] = {"april.csv": APRIL, "april-revised.csv": revised}
    loaded = read_drd(files, "delayed")
    assert loaded.panel is None
    check = _check(loaded, "months_given_twice")
    assert (
        "April 2024 is in april-revised.csv and in april.csv, with other figures in 1 of 2 units"
        in check.detail
    )
    conflict = _check(loaded, "conflicting_rows")
    assert set(conflict.table["file"]) == {"april.csv", "april-revised.csv"}
    assert "of april-revised.csv" in conflict.detail
    once = read_drd({"april.csv": APRIL}, "delayed")
    assert "months_given_twice" not in {check.name for check in once.checks}


# ---------------------------------------------------------------- coverage


def _months(*coverage: str) -> str:
    months = [f"{name}-24" for name in ("Apr", "May", "Jun", "Jul")]
    figures = [_whole(1000, 50, 30, 20, 10, 5, 5, coverage=c) for c in coverage]
    return _csv(
        *(
            _icb(m, code, f)
            for m, f in zip(months, figures, strict=False)
            for code in ("QWU", "QK1")
        )
    )


def test_coverage_that_jumps_fails_and_says_where(read_drd: Read) -> None:
    check = _check(read_drd({"a.csv": _months("1", "1", "0.6667")}, "delayed"), "coverage")
    assert (check.passed, check.blocking) == (False, False)
    assert "QK1 goes from 100% to 67% of its providers in June 2024" in check.detail
    assert check.table.select("unit", "period", "value").rows() == [
        ("QK1", "2024-06", "0.667"),
        ("QWU", "2024-06", "0.667"),
    ]


def test_coverage_that_stays_passes_and_unknown_coverage_says_so(read_drd: Read) -> None:
    steady = _check(read_drd({"a.csv": _months("0.9", "0.93", "0.9")}, "delayed"), "coverage")
    assert steady.passed is True
    assert "the lowest is 90%" in steady.detail
    without = "\n".join(line for line in APRIL.splitlines() if "% of providers" not in line)
    loaded = read_drd({"a.csv": without}, "delayed")
    assert _check(loaded, "coverage").passed is None
    with pytest.raises(StudyError, match="give no coverage"):
        read_drd({"a.csv": without}, "delayed", {"covariates": ("coverage",)})


def test_coverage_is_carried_as_a_covariate_on_request(read_drd: Read) -> None:
    files = {"a.csv": _months("1", "0.5")}
    panel = _panel(read_drd(files, "delayed", {"covariates": ("coverage",)}))
    assert panel.covariates == ("coverage",)
    assert panel.values("coverage").tolist() == [1.0, 0.5, 1.0, 0.5]
    assert _panel(read_drd(files, "delayed")).covariates == ()
    with pytest.raises(StudyError, match=r'knows no .age. here.*Allowed: "coverage"'):
        read_drd(files, "delayed", {"covariates": ("age",)})


# ---------------------------------------------------------------- local authorities


def test_local_authorities_are_units_when_they_are_selected(read_drd: Read) -> None:
    figures = {
        "Total Discharges for UTLA from acceptable trusts": "500",
        COVERAGE[1]: "0.8",
        **{BY_DELAY + band: "10" for band in BANDS},
    }
    text = _csv(
        _icb("Apr-24", "E08000016", figures, "UTLA Aggregate"),
        _icb("Apr-24", "E06000001", figures, "UTLA Aggregate"),
        _icb("Apr-24", "#N/A", figures, "UTLA Aggregate"),
        _icb("Apr-24", "NULL", figures, "UTLA Aggregate"),
        _icb("Apr-24", "QWU", QWU),
    )
    outcome = {"select": {"Data Type": "UTLA Aggregate"}, "measure": "share"}
    fields = {
        "geography": {"register": "none"},
        "sites": ({"name": "B", "units": ("E08000016",), "starts": APRIL_2024 + 1},),
    }
    loaded = read_drd({"a.csv": text}, "delayed", outcome, fields)
    assert _outcomes(loaded) == pytest.approx({"E06000001": 0.12, "E08000016": 0.12})
    reasons = dict(loaded.trace.group_by("left_out").len().iter_rows())
    assert reasons['local authority code "#N/A": not in England'] == 8
    assert reasons['Data Type "ICB": not selected'] == len(QWU)
    with pytest.raises(SourceError, match=r'no row has Data Type .UTLA.*"ICB", "UTLA Aggregate"'):
        read_drd({"a.csv": text}, "delayed", {"select": {"Data Type": "UTLA"}}, fields)


# ---------------------------------------------------------------- refusals and real files


def test_what_the_files_cannot_give_is_a_study_error(read_drd: Read) -> None:
    files: dict[str, str | bytes] = {"a.csv": APRIL}
    for metric, outcome, words in (
        ("delay", {}, "there is no 'delay'.*Did you mean 'delayed'"),
        ("days_lost", {"measure": "share"}, 'does not fit metric = "days_lost".*"rate", "count"'),
        ("share_delayed", {"measure": "rate"}, 'Allowed: "mean"'),
    ):
        with pytest.raises(StudyError, match=words):
            read_drd(files, metric, outcome)
    with pytest.raises(StudyError, match="no place in an index"):
        read_drd(files, "delayed", None, {"time": {"frequency": "index"}})
    with pytest.raises(SourceError, match=r"the files hold no row .*Total bed days after"):
        read_drd(files, "days_lost_1_day")
    with pytest.raises(SourceError, match=r"a\.csv: there is no column 'Measure'"):
        read_drd({"a.csv": APRIL.replace("Measure,", "Metric,")}, "delayed")
    renamed = {"a.csv": APRIL.replace("Measure,", "Metric,")}
    assert (
        _panel(read_drd(renamed, "delayed", {"headings": {"Measure": "Metric"}})).rows.height == 2
    )


def _published(shared_data: Path) -> list[dict[str, Any]]:
    text = (shared_data / "formats" / "discharge_ready_date.json").read_text(encoding="utf-8")
    files: list[dict[str, Any]] = json.loads(text)
    return files


def test_every_measure_that_was_published_is_declared_or_known(shared_data: Path) -> None:
    declared = {label for metric in METRICS for label in metric.labels}
    others = {
        *COVERAGE,
        "Number of providers submitting acceptable data",
        "Total Discharges for UTLA from acceptable trusts",
        "Total Discharges of UTLA patients from provider",
        "% trust contributes to UTLA discharges",
    }
    for file in _published(shared_data):
        assert tuple(file["columns"]) == HEADER
        assert set(file["dimensions"]["Measure"]) == declared | others
        assert len(declared | others) == 38


def test_real_rows_are_read_and_their_numbers_agree(read_drd: Read, shared_data: Path) -> None:
    """England, read as if it were the unit: what is published agrees with itself."""
    fields = {
        "geography": {"register": "none"},
        "sites": ({"name": "E", "units": ("ENGLAND",), "starts": APRIL_2024 + 1},),
    }
    files = {
        f"{i}.csv": pl.DataFrame(file["sample_rows"]).select(file["columns"]).write_csv()
        for i, file in enumerate(_published(shared_data))
    }
    outcome: dict[str, object] = {"select": {"Data Type": "National"}}
    counted = _panel(read_drd(files, "delayed", {**outcome, "measure": "share"}, fields)).rows
    published = _panel(read_drd(files, "share_delayed", outcome, fields)).rows
    # April 2024: (300,908 - 260,170) / 300,908; March 2025: (351,455 - 303,200) / 351,455.
    assert counted["count"].to_list() == [300908 - 260170, 351455 - 303200]
    # Published to nine digits.
    assert counted["outcome"].to_list() == pytest.approx(published["outcome"].to_list(), abs=1e-9)
    loaded = read_drd(files, "delayed", {**outcome, "covariates": ("coverage",)}, fields)
    assert _panel(loaded).values("coverage").tolist() == [0.888888889, 0.947761194]


def test_files_of_160_000_rows_are_read_quickly(read_drd: Read) -> None:
    measures = {**QWU, **{f"Measure {i}": "1" for i in range(25)}}
    others = [line for code in range(4000) for line in _icb("{}", f"E{code:08d}", measures, "UTLA")]
    text = _csv(_icb("{}", "QWU", QWU), _icb("{}", "QK1", QK1), others)
    rows = text.count("\n") - 1
    assert rows > 150_000
    files: dict[str, str | bytes] = {
        f"{m}.csv": text.replace("{}", f"{m}-24") for m in ("Apr", "May", "Jun")
    }
    began = time.process_time()
    loaded = read_drd(files, "delayed")
    assert time.process_time() - began < SLOW
    assert loaded.trace.height == 3 * rows
    assert _panel(loaded).rows.height == 6


# ---------------------------------------------------------------- workbooks

NOTE: list[object] = ["Note: only acceptable data"]
AFTER = "% of patients discharged after their Discharge Ready Date but discharged within "
BED_DAYS = "Total bed days after Discharge Ready Date for patients discharged within "
SHARE_BY_DELAY = BY_DELAY.replace("Number", "%")
WITHIN = ("1 day", "2-3 days", "4-6 days", "7-13 days", "14-20 days", "21 days or more")
BED_DAYS_MEAN = (1, 3, 5, 9, 17, 30)


def _published_as(total: int, *by_delay: int, coverage: float = 1.0) -> dict[str, float]:
    """Return every measure of an ICB by its label in the CSV files."""
    late = sum(by_delay)
    days = [n * each for n, each in zip(by_delay, BED_DAYS_MEAN, strict=True)]
    figures: dict[str, float] = {COVERAGE[0]: coverage, TOTAL: total, LOST: sum(days)}
    figures |= {SAME: (total - late) / total, LATER: late / total}
    figures |= {f"{BY_DELAY}No delay": total - late}
    figures |= {BY_DELAY + b: n for b, n in zip(BANDS, by_delay, strict=True)}
    figures |= {f"{SHARE_BY_DELAY}No delay": (total - late) / total}
    figures |= {SHARE_BY_DELAY + b: n / total for b, n in zip(BANDS, by_delay, strict=True)}
    figures |= {AFTER + w: n / late for w, n in zip(WITHIN, by_delay, strict=True)}
    figures |= {BED_DAYS + w: n for w, n in zip(WITHIN, days, strict=True)}
    mean = "Average days from Discharge Ready Date to date of discharge ({} 0 day delays)"
    figures |= {mean.format("inc"): sum(days) / total, mean.format("exc"): sum(days) / late}
    # Published to nine digits.
    return {label: round(figure, 9) for label, figure in figures.items()}


def _short(label: str) -> str:
    """Return the heading of a measure in a workbook: the bands without what is said above them."""
    for start in (BY_DELAY, SHARE_BY_DELAY, AFTER, BED_DAYS):
        if label.startswith(start):
            return label.removeprefix(start).removeprefix("a ").removeprefix("delay of ")
    return label


def _book(
    rows: Iterable[Iterable[object]], title: str = "Provider", period: object = "April 2024"
) -> bytes:
    workbook = Workbook()
    del workbook["Sheet"]
    cover = workbook.create_sheet("Cover Sheet")
    for cover_row in ([], [None, "Title:", "Timeliness"], [None, "Period:", period]):
        cover.append(cover_row)
    sheet = workbook.create_sheet(title)
    for row in rows:
        sheet.append(list(row))
    stream = io.BytesIO()
    workbook.save(stream)
    return stream.getvalue()


ICBS = {
    "QWU": _published_as(1000, 50, 30, 20, 10, 5, 5, coverage=0.75),
    "QK1": _published_as(2000, 60, 50, 40, 30, 20, 1),
}


def _provider_sheet(
    above: int = 9, leading: tuple[str, ...] = ("Region", "ICB")
) -> list[list[object]]:
    labels = list(ICBS["QWU"])
    blank: list[object] = [None] * len(leading)
    dashes: list[object] = ["-"] * len(labels)
    name = "NHS {} INTEGRATED CARE BOARD"
    return [
        *([NOTE] * above),
        [*leading, "Org Code", "Organisation Name", *map(_short, labels)],
        [*blank, "National", "ENGLAND", *ICBS["QWU"].values()],
        [*blank, "Y60", "MIDLANDS", *ICBS["QWU"].values()],
        *([*blank, code, name.format(code), *f.values()] for code, f in ICBS.items()),
        [*blank, "RKB", "UHCW NHS TRUST", *dashes],
        [],
        *([NOTE] if leading else []),
    ]


METRIC_KEYS = sorted({metric.key for metric in METRICS})


@pytest.mark.parametrize("metric", METRIC_KEYS)
def test_a_workbook_and_a_csv_of_the_same_figures_give_the_same_panel(
    read_drd: Read, metric: str
) -> None:
    text = _csv(
        *(_icb("Apr-24", code, {k: repr(v) for k, v in f.items()}) for code, f in ICBS.items())
    )
    outcome: dict[str, object] = {"covariates": ("coverage",)}
    by_csv = _panel(read_drd({"a.csv": text}, metric, outcome)).rows
    by_book = _panel(read_drd({"a.xlsx": _book(_provider_sheet())}, metric, outcome)).rows
    assert by_book.equals(by_csv)


@pytest.mark.parametrize("above", [0, 3, 14])
@pytest.mark.parametrize("leading", [(), ("Region",), ("Region", "ICB Code", "ICB", "Source")])
def test_the_header_is_found_wherever_it_stands(
    read_drd: Read, above: int, leading: tuple[str, ...]
) -> None:
    given = {"a.xlsx": _book(_provider_sheet(above, leading), period="1st April 2024")}
    loaded = read_drd(given, "delayed", {"measure": "count"})
    assert _outcomes(loaded) == {"QWU": 120.0, "QK1": 201.0}
    levels = {reason for reason in loaded.trace["left_out"].drop_nulls() if "Data Type" in reason}
    assert {reason.split('"')[1] for reason in levels} == {"National", "Region", "Provider"}
    # England, a region, two ICBs and a trust; the note below them is no figure.
    assert ledger({"o": loaded.trace})["rows"].sum() == 5 * len(ICBS["QWU"])
    assert set(loaded.trace["file"]) == {"a.xlsx!Provider"}


def test_columns_that_changed_places_are_refused(read_drd: Read) -> None:
    rows = _provider_sheet()
    header = rows[9]
    first, second = (i for i, cell in enumerate(header) if cell == "2-3 day delay")
    for row in rows[10:14]:
        row[first], row[second] = row[second], row[first]
    with pytest.raises(SourceError, match=r"cannot be .*The columns have changed places"):
        read_drd({"a.xlsx": _book(rows)}, "delayed")


def test_workbooks_of_another_layout_are_refused(read_drd: Read) -> None:
    for given, words in (
        (_book(_provider_sheet(), title="Trusts"), "no sheet 'Provider' or 'Provider Acceptable'"),
        (_book(_provider_sheet(), period="-"), "the month of the figures cannot be told"),
        (_book([["some", "notes"]]), "no row holds the headings"),
    ):
        with pytest.raises(SourceError, match=words):
            read_drd({"a.xlsx": given}, "delayed")
    named = read_drd(
        {"a.xlsx": _book(_provider_sheet(), title="Trusts")}, "delayed", {"sheet": "Trusts"}
    )
    assert _panel(named).rows.height == 2
    with pytest.raises(SourceError, match="publishes beside it"):
        read_drd({"a.ods": b""}, "delayed")


def test_local_authorities_stand_on_a_sheet_of_their_own(read_drd: Read) -> None:
    figures = {COVERAGE[1]: 0.8, "Total Discharges for UTLA from acceptable trusts": 1000}
    figures |= {k: v for k, v in ICBS["QWU"].items() if k not in (COVERAGE[0], TOTAL)}
    rows: list[Iterable[object]] = [
        *([NOTE] * 13),
        ["Summary Type", "UTLA Code", "UTLA", *map(_short, figures)],
        *(
            ["UTLA Aggregate", c, "A", *figures.values()]
            for c in ("E08000019", "E06000001", "#N/A")
        ),
        ["UTLA", "E08000019", "Sheffield", *figures.values()],
    ]
    fields = {
        "geography": {"register": "none"},
        "sites": ({"name": "S", "units": ("E08000019",), "starts": APRIL_2024 + 1},),
    }
    outcome = {"select": {"Data Type": "UTLA Aggregate"}, "measure": "share"}
    given = {"a.xlsx": _book(rows, title="UTLA Acceptable")}
    loaded = read_drd(given, "delayed", outcome, fields)
    assert _outcomes(loaded) == {"E06000001": 0.12, "E08000019": 0.12}
    reasons = set(loaded.trace["left_out"].drop_nulls())
    assert 'Data Type "UTLA": not selected; E08000019 is the old code of Sheffield' in reasons
