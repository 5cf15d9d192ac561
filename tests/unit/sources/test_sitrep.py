from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from evaluation.errors import SourceError, StudyError
from evaluation.findings import Check
from evaluation.panel import Panel
from evaluation.sources import Loaded
from evaluation.sources.acute_discharge_sitrep_metrics import BREAKS, METRICS
from evaluation.sources.labels import even

Read = Callable[..., Loaded]

OLD = ("Period", "Level", "Region", "ICB", "Org Code", "Org Name", "Metric", "Value")
NEW = (*OLD[:7], "Metric Type", "Metric Group", "Value")
NCTR = "Number of patients who no longer meet the criteria to reside"
APRIL_2024 = 2024 * 12 + 3
JUNE_2022 = 2022 * 12 + 5
# Seconds of work, some ten times what it takes; time alone would count other programs, too.
SLOW = 15.0


def _line(day: str, code: str, value: str, *, level: str = "ICB", metric: str = NCTR) -> str:
    return f'{day},{level},MIDLANDS,[z],{code},"NAME, OF {code}","{metric}",{value}'


def _old(*lines: str) -> str:
    return "\r\n".join([",".join(OLD), *lines, ""])


def _new(*lines: str, kind: str = "Daily metric") -> str:
    longer = [
        ",".join((*line.rsplit(",", 1)[:1], kind, "NCTR", line.rsplit(",", 1)[1])) for line in lines
    ]
    return "\r\n".join([",".join(NEW), *longer, ""])


def _days(month: str, code: str, *values: str) -> list[str]:
    return [_line(f"{i:02d}/{month}", code, value) for i, value in enumerate(values, start=1)]


def _check(loaded: Loaded, name: str) -> Check:
    return next(check for check in loaded.checks if check.name == name)


@pytest.fixture
def read_days(read: Read) -> Read:
    """Return a function that loads sitrep files; the pilot is QWU, from May 2024."""

    def load_files(
        files: dict[str, str | bytes],
        outcome: dict[str, object] | None = None,
        fields: dict[str, object] | None = None,
    ) -> Loaded:
        described = {
            "source": "acute_discharge_sitrep",
            "metric": "nctr",
            "columns": None,
            "per": 1.0,
        }
        site = {"name": "Coventry", "units": ("QWU",), "starts": APRIL_2024 + 1}
        study = {"geography": {"register": "icb"}, "sites": (site,)}
        return read(files, {**described, **(outcome or {})}, {**study, **(fields or {})})

    return load_files


def _panel(loaded: Loaded) -> Panel:
    blocking = [check.detail for check in loaded.checks if check.blocking and not check.passed]
    assert loaded.panel is not None, blocking
    return loaded.panel


def _reasons(loaded: Loaded) -> list[str | None]:
    return loaded.trace["left_out"].to_list()


def test_days_become_months_with_the_days_reported_as_exposure(read_days: Read) -> None:
    lines = [*_days("04/2024", "QWU", "10", "-", "20"), *_days("04/2024", "QK1", "1", "2", "3")]
    loaded = read_days({"april.csv": _old(*lines)})
    rows = _panel(loaded).rows
    assert rows.select("unit", "period", "outcome", "count", "exposure", "weight").rows() == [
        ("QK1", APRIL_2024, 2.0, 6.0, 3.0, 3.0),
        ("QWU", APRIL_2024, 15.0, 30.0, 2.0, 2.0),
    ]
    assert _reasons(loaded)[1] == "not reported (-)"
    check = _check(loaded, "days_not_reported")
    assert check.passed is None
    assert "1 of 6 rows" in check.detail
    assert check.table.select("unit", "period", "value").rows() == [("QWU", "2024-04", "1 of 3")]
    by_mean = _panel(read_days({"april.csv": _old(*lines)}, {"measure": "mean"}))
    assert by_mean.rows["outcome"].equals(rows["outcome"])


def test_both_layouts_and_both_encodings_make_one_series(read_days: Read) -> None:
    may = _old(*_days("05/2024", "QWU", "10"), *_days("05/2024", "QK1", "20"))
    june = _new(*_days("06/2024", "QWU", "30"), *_days("06/2024", "QK1", "40"))
    accented = may.replace("NAME, OF QK1", "NAME \N{EN DASH} OF QK1").encode("cp1252")
    loaded = read_days({"may.csv": accented, "june.csv": june.encode("utf-8-sig")})
    assert _panel(loaded).rows["outcome"].to_list() == [20.0, 40.0, 10.0, 30.0]
    assert _check(loaded, "files_read").table["encoding"].to_list() == ["windows-1252", "utf-8"]


def test_only_icb_rows_are_used_whatever_the_case_of_level(read_days: Read) -> None:
    lines = [
        _line("01/04/2024", "ENG", "99", level="National"),
        _line("01/04/2024", "Y60", "50", level="Region"),
        _line("01/04/2024", "QWU", "7", level="icb "),
        _line("01/04/2024", "QK1", "8", level="ICB"),
        _line("01/04/2024", "RKB", "7", level="PROVIDER"),
        ",,,,,,,",
    ]
    loaded = read_days({"april.csv": _old(*lines)})
    assert _reasons(loaded) == [
        'level "National": only rows of level ICB are used',
        'level "Region": only rows of level ICB are used',
        None,
        None,
        'level "PROVIDER": only rows of level ICB are used',
        "blank row",
    ]
    assert _panel(loaded).units == ("QK1", "QWU")


@pytest.mark.parametrize(
    "label",
    [
        f"{NCTR} ",
        NCTR.replace(" to reside", "\N{NO-BREAK SPACE}to\N{NARROW NO-BREAK SPACE}reside"),
        NCTR.replace("who no", "who\nno"),
        NCTR.upper(),
    ],
)
def test_labels_are_evened_out_before_they_are_compared(read_days: Read, label: str) -> None:
    lines = [_line("01/04/2024", "QWU", "7", metric=label), _line("01/04/2024", "QK1", "8")]
    loaded = read_days({"april.csv": _old(*lines)})
    assert _panel(loaded).rows.height == 2
    assert loaded.trace["row"].to_list() == [2, 3]


def test_dashes_in_labels_are_evened_out(read_days: Read) -> None:
    label = "P3b \N{EN DASH} Care Home \n(existing resident discharged back)"
    lines = [_line("01/04/2024", code, "60", metric=label) for code in ("QWU", "QK1")]
    outcome = {"metric": "care_home_back"}
    rows = _panel(read_days({"april.csv": _old(*lines)}, outcome)).rows
    assert rows.select("outcome", "count", "exposure").unique().rows() == [(2.0, 60.0, 30.0)]


def test_other_metrics_are_left_out_and_the_typo_does_not_matter(read_days: Read) -> None:
    lines = [*_days("06/2024", "QWU", "7"), *_days("06/2024", "QK1", "8")]
    other = _line("01/06/2024", "QWU", "3", metric="Number of patients discharged")
    loaded = read_days({"june.csv": _new(*lines, other, kind="Weekly snaphot metric")})
    assert _reasons(loaded) == [None, None, "another metric"]


def test_a_marker_of_not_applicable_is_not_a_number(read_days: Read) -> None:
    lines = [*_days("04/2024", "QWU", "[z]", "5"), *_days("04/2024", "QK1", "8", "9")]
    loaded = read_days({"april.csv": _old(*lines)})
    assert _reasons(loaded)[0] == "not applicable ([z])"
    assert _panel(loaded).rows["exposure"].to_list() == [2.0, 1.0]


def test_nobody_reported_on_19_june_2022_whatever_the_file_says(read_days: Read) -> None:
    lines = [
        _line("19/06/2022", "ENG", "0", level="National"),
        *(_line("19/06/2022", code, value) for code, value in (("QWU", "-"), ("QK1", "0"))),
        *(_line("20/06/2022", code, "5") for code in ("QWU", "QK1")),
    ]
    site = {"name": "Coventry", "units": ("QWU",), "starts": JUNE_2022 + 1}
    loaded = read_days({"june.csv": _old(*lines)}, None, {"sites": (site,)})
    assert _reasons(loaded)[1:3] == ["not reported: nobody reported on 19 June 2022"] * 2
    assert _panel(loaded).rows["outcome"].to_list() == [5.0, 5.0]
    assert "Nobody reported on 19 June 2022." in _check(loaded, "days_not_reported").detail


def test_rows_count_by_their_date_and_not_by_their_file(read_days: Read) -> None:
    april = [_line("29/04/2024", "QWU", "7"), _line("29/04/2024", "QK1", "8")]
    may = [_line("01/05/2024", "QWU", "9"), _line("01/05/2024", "QK1", "9")]
    files: dict[str, str | bytes] = {"april.csv": _old(*april), "may.csv": _old(*april, *may)}
    loaded = read_days(files)
    assert _reasons(loaded)[2:4] == ["repeats a row of april.csv"] * 2
    assert _panel(loaded).rows["count"].to_list() == [8.0, 9.0, 7.0, 9.0]
    files["may.csv"] = _old(april[0].replace(",7", ",6"), *may)
    contradicted = read_days(files)
    assert contradicted.panel is None
    assert _check(contradicted, "conflicting_rows").table["row"].to_list() == [2, 2]


def test_a_month_missing_in_the_middle_is_named(read_days: Read) -> None:
    april = _old(*_days("04/2024", "QWU", "7"), *_days("04/2024", "QK1", "8"))
    june = _new(*_days("06/2024", "QWU", "7"), *_days("06/2024", "QK1", "8"))
    check = _check(read_days({"april.csv": april, "june.csv": june}), "missing_months")
    assert (check.passed, check.blocking) == (False, False)
    assert "No file holds rows for May 2024." in check.detail
    assert check.table["period"].to_list() == ["2024-05"]


def test_quarters_and_years_add_up_days(read_days: Read) -> None:
    lines = [
        _line(day, code, value)
        for code in ("QWU", "QK1")
        for day, value in (("30/04/2024", "10"), ("01/06/2024", "30"), ("01/07/2024", "5"))
    ]
    for frequency, start, exposures in (
        ("quarter", 2024 * 4 + 2, [2.0, 1.0]),
        ("year", 2025, [3.0]),
        ("financial_year", 2025, [3.0]),
    ):
        site = {"name": "Coventry", "units": ("QWU",), "starts": start}
        fields = {"time": {"frequency": frequency}, "sites": (site,)}
        rows = _panel(read_days({"days.csv": _old(*lines)}, None, fields)).rows
        assert rows.filter(pl.col("unit") == "QWU")["exposure"].to_list() == exposures


def test_days_of_joined_icbs_count_once_and_only_when_all_report(read_days: Read) -> None:
    lines = [
        *_days("04/2024", "QMJ", "10", "20", "30"),
        *_days("04/2024", "QRV", "1", "-", "3"),
        *_days("04/2024", "QWU", "1", "1", "1"),
    ]
    fields = {"geography": {"register": "icb", "boundaries": "2026-04"}}
    rows = _panel(read_days({"april.csv": _old(*lines)}, None, fields)).rows
    merged = rows.filter(pl.col("unit") == "Z9B2Z").row(0, named=True)
    assert (merged["count"], merged["exposure"], merged["outcome"]) == (44.0, 2.0, 22.0)


def test_a_change_of_definition_within_the_window_is_a_finding(read_days: Read) -> None:
    old = "P3 - Care Home\n(new admission, likely permanent)"
    april = [_line("01/04/2024", code, "60", metric=old) for code in ("QWU", "QK1")]
    may = [_line("01/05/2024", code, "60", metric=old) for code in ("QWU", "QK1")]
    outcome = {"metric": "care_home_new"}
    files: dict[str, str | bytes] = {"april.csv": _old(*april), "may.csv": _old(*may)}
    check = _check(read_days(files, outcome), "definition_break")
    assert (check.passed, check.blocking) == (False, False)
    assert "changed its definition on 27 May 2024" in check.detail
    before = read_days({"april.csv": files["april.csv"]}, outcome)
    assert "definition_break" not in {c.name for c in before.checks}


def test_the_break_of_may_2024_does_not_touch_daily_metrics(read_days: Read) -> None:
    may = _old(*_days("05/2024", "QWU", "7"), *_days("05/2024", "QK1", "8"))
    june = _new(*_days("06/2024", "QWU", "7"), *_days("06/2024", "QK1", "8"))
    loaded = read_days({"may.csv": may, "june.csv": june})
    assert "definition_break" not in {check.name for check in loaded.checks}


def test_a_metric_that_the_files_lack_names_those_that_are_there(read_days: Read) -> None:
    april = _old(*_days("04/2024", "QWU", "7"))
    with pytest.raises(SourceError) as caught:
        read_days({"april.csv": april}, {"metric": "remaining"})
    assert "the files hold no row of metric 'remaining'" in str(caught.value)
    assert f'the metrics that are there: "nctr" (labels: {NCTR})' in str(caught.value)


def test_what_the_files_cannot_give_is_a_study_error(read_days: Read) -> None:
    april: dict[str, str | bytes] = {"april.csv": _old(*_days("04/2024", "QWU", "7"))}
    for outcome, words in (
        ({"metric": "ncrt"}, "there is no 'ncrt'.*\"nctr\""),
        ({"metric": None}, "no metric is named"),
        ({"measure": "count"}, "days that were not reported would count as 0"),
        ({"measure": "share"}, "does not fit"),
        ({"metric": "care_home_new", "measure": "share"}, "no denominator"),
        ({"covariates": ("coverage",)}, "knows no 'coverage' here.*Delete covariates"),
    ):
        with pytest.raises(StudyError, match=words):
            read_days(april, outcome)
    with pytest.raises(StudyError, match="no place in an index"):
        read_days(april, None, {"time": {"frequency": "index"}})
    counted = {"metric": "care_home_new", "measure": "count"}
    with pytest.raises(StudyError, match="fits months only"):
        read_days(april, counted, {"time": {"frequency": "quarter"}})


def test_files_of_another_layout_are_refused(read_days: Read) -> None:
    with pytest.raises(SourceError, match=r"april\.csv: there is no column 'Org Code'.*'Code'"):
        read_days({"april.csv": _old(*_days("04/2024", "QWU", "7")).replace("Org Code", "Code")})
    with pytest.raises(SourceError, match="publishes beside it"):
        read_days({"april.ods": b""})


def test_columns_of_another_name_can_be_named(read_days: Read) -> None:
    april = _old(*_days("04/2024", "QWU", "7"), *_days("04/2024", "QK1", "8"))
    renamed = {"april.csv": april.replace("Org Code", "Organisation")}
    loaded = read_days(renamed, {"headings": {"Org Code": "Organisation"}})
    assert _panel(loaded).rows["outcome"].to_list() == [8.0, 7.0]


def test_a_date_that_cannot_be_read_blocks(read_days: Read) -> None:
    lines = [*_days("04/2024", "QWU", "7"), *_days("04/2024", "QK1", "8")]
    loaded = read_days({"april.csv": _old(*lines, _line("31/04/2024", "QK1", "9"))})
    assert loaded.panel is None
    assert 'row 4: period "31/04/2024" cannot be read' in _check(loaded, "periods").detail


# ---------------------------------------------------------------- destinations, delays, bed days


def _published(shared_data: Path) -> list[dict[str, Any]]:
    text = (shared_data / "formats" / "acute_discharge_sitrep.json").read_text(encoding="utf-8")
    files: list[dict[str, Any]] = json.loads(text)
    return files


def test_every_label_that_was_published_is_declared_once(shared_data: Path) -> None:
    declared = [even(label) for metric in METRICS for label in metric.labels]
    assert len(declared) == len(set(declared))
    published = {even(x) for file in _published(shared_data) for x in file["dimensions"]["Metric"]}
    assert published <= set(declared)
    # 36 labels until May 2024 and 51 since; the three daily ones are in both.
    assert len(published) == 36 + 51 - 3
    assert len({metric.key for metric in METRICS}) == len(METRICS) == 3 + 3 + 30 + 45


def test_each_side_of_the_redefinition_holds_its_own_metrics(shared_data: Path) -> None:
    redefined = {even(x) for m in METRICS if m.key in BREAKS[0].metrics for x in m.labels}
    old, *_, new = ({even(x) for x in f["dimensions"]["Metric"]} for f in _published(shared_data))
    assert len(old & redefined) == 12 + 18
    assert len(new & redefined) == 8 + 37
    assert old & new & redefined == set()


def test_real_rows_are_read(read_days: Read, shared_data: Path) -> None:
    for file in _published(shared_data):
        rows = pl.DataFrame(file["sample_rows"]).select(file["columns"])
        study = {"sites": ({"name": "C", "units": ("QWU",), "starts": 2026 * 12},)}
        loaded = read_days({"real.csv": rows.write_csv()}, None, study)
        units = rows.filter(pl.col("Level") == "ICB")["Org Code"]
        assert set(_panel(loaded).units) == set(units)
        assert loaded.trace.height == rows.height


def test_weekly_snapshots_are_averaged_under_either_label(read_days: Read) -> None:
    old = "Number of additional bed days, patients with length of stay of 7+ days"
    new = "Number of additional bed days, patients with length of stay of 7 days or over"
    april = [_line("29/04/2024", "QWU", "70", metric=old)]
    may = [
        *april,
        _line("06/05/2024", "QWU", "80", metric=old),
        _line("13/05/2024", "QWU", "90", metric=new),
    ]
    files = {"april.csv": _old(*april), "may.csv": _old(*may)}
    loaded = read_days(files, {"metric": "additional_bed_days_7"})
    assert _panel(loaded).rows["outcome"].to_list() == [70.0, 85.0]
    assert _check(loaded, "weeks_not_reported").passed is None
    with pytest.raises(StudyError, match="weeks that were not reported would count as 0"):
        read_days(files, {"metric": "additional_bed_days_7", "measure": "count"})


def test_averages_are_averaged_over_months_and_added_up_over_icbs(read_days: Read) -> None:
    reason = "Hospital process \N{EN DASH} Awaiting patient transport services"
    lines = [
        _line(day, code, value, metric=reason)
        for day, values in (
            ("01/07/2024", ("2.5", "1.5", "9")),
            ("01/08/2024", ("3.5", "0.5", "9")),
        )
        for code, value in zip(("QMJ", "QRV", "QWU"), values, strict=True)
    ]
    outcome = {"metric": "delay_hospital_transport_2024"}
    fields = {
        "time": {"frequency": "quarter"},
        "geography": {"register": "icb", "boundaries": "2026-04"},
        "sites": ({"name": "Coventry", "units": ("QWU",), "starts": 2024 * 4 + 3},),
    }
    rows = _panel(read_days({"july.csv": _new(*lines)}, outcome, fields)).rows
    assert rows.select("unit", "outcome").rows() == [("QWU", 9.0), ("Z9B2Z", 4.0)]
    with pytest.raises(StudyError, match="averages, which do not add up"):
        read_days({"july.csv": _new(*lines)}, {**outcome, "measure": "count"})


def test_destinations_of_joined_icbs_add_up_to_patients_a_day(read_days: Read) -> None:
    label = "Pathway 3: Discharge to a care home as a new admission"
    lines = [
        _line("01/09/2024", code, value, metric=label)
        for code, value in (("QMJ", "30"), ("QRV", "60"), ("QWU", "15"))
    ]
    outcome = {"metric": "care_home_new_2024"}
    fields = {"geography": {"register": "icb", "boundaries": "2026-04"}}
    rows = _panel(read_days({"september.csv": _new(*lines)}, outcome, fields)).rows
    assert rows.select("unit", "outcome").rows() == [("QWU", 0.5), ("Z9B2Z", 3.0)]
    counts = _panel(read_days({"s.csv": _new(*lines)}, {**outcome, "measure": "count"}, fields))
    assert counts.rows["outcome"].to_list() == [15.0, 90.0]


def test_a_year_of_files_is_read_quickly(read_days: Read) -> None:
    # 12 files of 25,000 rows take about a second; a way that looks at rows one by one takes 30.
    lines = [
        _line(f"{day:02d}/{{}}", f"X{code:03d}", str(code), level="PROVIDER", metric=metric)
        for day in range(1, 29)
        for metric in (NCTR, "Number of patients discharged", "Remaining", "Another", "A fifth")
        for code in range(178)
    ]
    icbs = [_line(f"{day:02d}/{{}}", c, "9") for day in range(1, 29) for c in ("QWU", "QK1")]
    text = _old(*lines, *icbs)
    files = {
        f"{m:02d}.csv": text.format(*[f"{m:02d}/2024"] * (len(lines) + 56)) for m in range(1, 13)
    }
    began = time.process_time()
    loaded = read_days(files)
    assert time.process_time() - began < SLOW
    assert loaded.trace.height == 12 * (len(lines) + 56)
    assert set(_panel(loaded).rows["outcome"]) == {9.0}
