"""The annex: data and files, methods with versions, checks in plain words, how to rerun."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from evaluation.disclosure import Released
from evaluation.figures import FigureTable
from evaluation.findings import Check
from evaluation.methods import ESTIMATORS, PROCEDURES, EstimatorEntry, ProcedureEntry
from evaluation.report.names import first_upper, method_name, sentence
from evaluation.report.views import CheckView, Fact, Section
from evaluation.study import Study

__all__ = [
    "check_views",
    "commands",
    "failed_checks",
    "failed_in_words",
    "ledger_table",
    "method_sections",
    "quiet_checks",
    "sources_table",
]

# Findings on a page: of one check, and of all of them together, each with its share but not fewer
# than a few. All are in the workbook and in tables/checks.csv.
_MOST_ROWS = 40
_MOST_OF_ALL = 480
_FEW_ROWS = 5
_HASH_DIGITS = 16
_STATES = {True: "Passed", False: "Did not pass", None: "For information"}
# What a finding does to the estimate is said once, in the check's own words.
_COLUMNS = {
    "unit": "Area",
    "first": "From",
    "last": "To",
    "period": "Period",
    "file": "File",
    "row": "Row",
    "value": "Value",
    "problem": "What was found",
    "remedy": "What to do",
}
_PERIODS = ("first", "last", "period")


def check_views(released: Released) -> tuple[CheckView, ...]:
    """Return the checks that ask for something, those that did not pass first."""
    asking = [check for check in released.checks if _asks(check)]
    ranked = sorted(asking, key=lambda check: check.passed is None)
    most = max(_FEW_ROWS, min(_MOST_ROWS, _MOST_OF_ALL // max(1, len(asking))))
    return tuple(_check_view(released.study, check, most) for check in ranked)


def _asks(check: Check) -> bool:
    return check.passed is False or (check.passed is None and bool(check.remedy))


def _check_view(study: Study, check: Check, most: int) -> CheckView:
    return CheckView(
        title=check.title,
        outcome=_outcome_label(study, check.outcome),
        state=_STATES[check.passed],
        detail=sentence(check.detail),
        remedy=sentence(check.remedy),
        table=_findings(study, check, most),
    )


def quiet_checks(released: Released) -> FigureTable | None:
    """Return the other checks, one row for what several outcomes have alike."""
    found: dict[tuple[str, str], list[str]] = {}
    for check in released.checks:
        if not _asks(check):
            key = (check.title, sentence(check.detail))
            found.setdefault(key, []).append(_outcome_label(released.study, check.outcome))
    if not found:
        return None
    every = {outcome.label for outcome in released.study.outcomes}
    return FigureTable(
        caption="Checks that passed, or only inform",
        headings=("Check", "What was found", "Outcomes"),
        rows=tuple(
            (title, detail, "all" if every <= set(labels) or "" in labels else "; ".join(labels))
            for (title, detail), labels in found.items()
        ),
    )


def _outcome_label(study: Study, key: str) -> str:
    return next((o.label for o in study.outcomes if o.key == key), key)


def _findings(study: Study, check: Check, most: int) -> FigureTable | None:
    """Return the findings of a check as a table; None where there is nothing but a file's name."""
    shown = [name for name in _COLUMNS if name in check.table.columns]
    if not shown:
        return None
    words = check.table.select(pl.col(shown).cast(pl.String).fill_null(""))
    filled = [name for name in shown if (words[name] != "").any()]
    if not set(filled) - {"file"}:
        return None
    rows = words.select(filled).head(most)
    left = check.table.height - rows.height
    more = f" (the first {most}; {left:,} more are in tables/checks.csv)" if left else ""
    return FigureTable(
        caption=f"{check.title}: findings{more}",
        headings=tuple(_COLUMNS[name] for name in filled),
        rows=tuple(
            tuple(
                _period(study, text) if name in _PERIODS else text
                for name, text in zip(filled, row, strict=True)
            )
            for row in rows.iter_rows()
        ),
    )


def _period(study: Study, code: str) -> str:
    """Return a period's code as a label that does not break; other text as it is."""
    try:
        label = study.calendar.short_label(study.calendar.parse(code))
    except ValueError:
        return code
    return label.replace(" ", "\N{NO-BREAK SPACE}")


def _of(study: Study, outcome: str) -> str:
    return f" ({_outcome_label(study, outcome)})" if outcome else ""


def failed_checks(released: Released) -> tuple[Fact, ...]:
    """Return the checks that did not pass, each as a caution in plain words."""
    return tuple(
        Fact(
            term=f"{check.title}{_of(released.study, check.outcome)}", words=sentence(check.detail)
        )
        for check in released.checks
        if check.passed is False
    )


def failed_in_words(released: Released) -> str:
    """Return how many checks did not pass; empty when all did."""
    failed = sum(check.passed is False for check in released.checks)
    if not failed:
        return ""
    made = sum(check.passed is not None for check in released.checks)
    return f"{failed} of {made:,} checks did not pass"


# ---------------------------------------------------------------------------- data


def sources_table(released: Released) -> FigureTable:
    """Return the files that were read, with the start of each file's hash."""
    return FigureTable(
        caption="Files that were read",
        headings=("File", "Size in bytes", f"First {_HASH_DIGITS} digits of its SHA-256"),
        rows=tuple(
            (item.path, f"{item.size:,}", item.sha256[:_HASH_DIGITS])
            for item in released.manifest.inputs
        ),
    )


def ledger_table(released: Released) -> FigureTable:
    """Return how many input rows were used, and how many left out and why."""
    grouped = released.ledger.group_by("outcome", "status", "reason", maintain_order=True).agg(
        pl.col("rows").sum(), pl.col("file").n_unique().alias("files")
    )
    return FigureTable(
        caption="Every row of the files, used or left out",
        headings=("Outcome", "What became of the rows", "Rows", "Files"),
        rows=tuple(
            (
                _outcome_label(released.study, outcome),
                first_upper(f"{status}: {reason}" if reason else status),
                f"{rows:,}",
                f"{files:,}",
            )
            for outcome, status, reason, rows, files in grouped.iter_rows()
        ),
    )


# ---------------------------------------------------------------------------- methods


def method_sections(released: Released) -> tuple[Section, ...]:
    """Return what was run: estimators, procedures, settings, versions."""
    analysis = released.study.analysis
    used = [*released.estimates, *released.event_study]
    estimators = dict.fromkeys(e.estimator for e in used)
    procedures = dict.fromkeys(e.interval.procedure for e in used)
    primary = method_name(analysis.primary.estimator, analysis.primary.procedure)
    return (
        Section(
            key="estimators",
            heading="How effects were estimated",
            paragraphs=(
                "Each outcome of the pilot sites is compared with that of the comparison sites, "
                "before and after the start (difference-in-differences). Differences between areas "
                "that do not change, and changes that all areas share, drop out.",
                f"The method that was chosen for the answer: {primary}.",
            ),
            items=tuple(_titled(key, ESTIMATORS) for key in estimators),
        ),
        Section(
            key="procedures",
            heading="How sure: the ranges",
            paragraphs=(
                "Ranges are counted by site, because sites joined the pilot, not single areas. "
                f"Each is a {100 * analysis.level:g}% confidence interval.",
            ),
            items=tuple(_titled(key, PROCEDURES) for key in procedures),
        ),
        Section(
            key="versions",
            heading="Versions",
            items=(
                *(f"{name} {version}" for name, version in released.manifest.versions.items()),
                f"random seed {released.manifest.seed}",
                released.manifest.platform,
            ),
        ),
    )


def _titled(key: str, table: Mapping[str, EstimatorEntry] | Mapping[str, ProcedureEntry]) -> str:
    return f"{table[key].title} ({key})" if key in table else method_name(key)


def commands(released: Released) -> tuple[Fact, ...]:
    """Return the commands that make this report again, exactly."""
    version = released.manifest.versions.get("pilot-eval", "")
    pinned = f"pilot-eval=={version}" if version else "pilot-eval"
    study = released.manifest.study_path
    quoted = f'"{study}"' if " " in study else study
    return (
        Fact(term="Install the version that made this report", words=f"pip install {pinned}"),
        Fact(
            term="Compute the stored run again and compare every number",
            words="pilot-eval rerun DIR",
        ),
        Fact(term="Run the study anew", words=f"pilot-eval estimate {quoted} --out DIR"),
        Fact(term="Draw the reports again from the stored run", words="pilot-eval report DIR"),
    )
