"""The row rules: what is looked for in every table, and what a finding says and does."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from evaluation.findings import Check
from evaluation.periods import Calendar

__all__ = ["FOUND", "RULES", "Rule", "Sifting", "finding", "to_checks"]

FOUND = {
    "rule": pl.String,
    "file": pl.String,
    "row": pl.Int64,
    "unit": pl.String,
    "period": pl.Int64,
    "value": pl.String,
    "problem": pl.String,
    "remedy": pl.String,
}
_NAMED_IN_DETAIL = 3
_LONGEST_VALUE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: ``good`` is what is said when nothing was found, ``reason`` goes to the ledger.

    A rule that only ``informs`` leaves no row out, and neither passes nor fails when it finds.
    """

    name: str
    title: str
    good: str
    effect: str
    remedy: str
    blocking: bool = True
    reason: str = ""
    informs: bool = False


_RULES = (
    Rule(
        name="unit_codes",
        title="Every unit is known",
        good="Every unit that is used is known.",
        effect="The row belongs to no unit, so the unit it was meant for would be short of it.",
        remedy="Correct the code, or leave the row out with [[exclude]].",
        reason="unit not known",
    ),
    Rule(
        name="totals",
        title="No unit is a total of others",
        good="No unit that is used looks like a total of others.",
        effect="A total among the units counts their figures twice, and outweighs them all.",
        remedy="Leave it out: [comparison] exclude.",
        blocking=False,
    ),
    Rule(
        name="units_apart",
        title="No unit goes by two names",
        good="No unit goes by two names.",
        effect="They are used as two units, each with a part of the figures.",
        remedy="Write the unit in one way.",
        blocking=False,
    ),
    Rule(
        name="periods",
        title="Every period can be read",
        good="Every period that is used could be read.",
        effect="The row would be missing from its period.",
        remedy="Correct the period in the file, or time.frequency in the study file.",
        reason="period cannot be read",
    ),
    Rule(
        name="adoption",
        title="Who adopted when is stated without contradiction",
        good="Each unit has one site and at most one start.",
        effect="Periods before and after the start would be mixed up.",
        remedy="Correct the column, or name the pilot sites in [[sites]] instead.",
        reason="adoption is contradictory",
    ),
    Rule(
        name="conflicting_rows",
        title="No unit has two different figures for one period",
        good="No unit has two different figures for one period.",
        effect="Which of them is right is not known, and the estimate depends on it.",
        remedy="Keep the right row (the newest, if a file was issued again), delete the other.",
        reason="contradicts another row",
    ),
    Rule(
        name="repeated_rows",
        title="No row is given twice",
        good="No row is given twice.",
        effect="None: the first is used, its repeats are left out.",
        remedy="Name each file once.",
        blocking=False,
    ),
    Rule(
        name="numbers",
        title="Every figure is a number",
        good="Every figure that is used is a number.",
        effect="The figure cannot be used, and leaving it out unseen would change the estimate.",
        remedy="Write the number, or a marker of a missing figure such as [x].",
        reason="not a number",
    ),
    Rule(
        name="impossible_values",
        title="No figure is impossible",
        good="No figure is impossible.",
        effect="One such figure can move an estimate by any amount.",
        remedy="Correct the figure, or leave the row out with [[exclude]].",
        reason="impossible figure",
    ),
    Rule(
        name="unused_files",
        title="Every file gives figures",
        good="Of every file some rows are used, or left out as the study says.",
        effect="What the file was to give is missing: often a month, for every unit.",
        remedy="Look for a heading, label or code that differs from the other files, or take the "
        "file out of files.",
        blocking=False,
    ),
    Rule(
        name="suppressed_counts",
        title="Suppressed counts",
        good="No count that is used for the estimate is suppressed.",
        effect="Each is taken at its likelihood midpoint; the check on uncertain counts says how "
        "far the answer can move with what is hidden.",
        remedy="Ask the publisher for unsuppressed figures, or use longer periods or larger units.",
        blocking=False,
        informs=True,
    ),
    Rule(
        name="shown_counts",
        title="No count is shown that is as small as hidden ones",
        good="No count is shown that is as small as hidden ones.",
        effect="The limits of the hidden counts may be wrong, and with them what is put there.",
        remedy="Write what the publisher hides in the study file, for example suppressed = [1, 4]; "
        "or find out whether the small counts come from a table without suppression.",
        blocking=False,
    ),
    Rule(
        name="joined_units",
        title="Units that join several ICBs are whole",
        good="Every unit that is used is whole.",
        effect="A unit that joins pilot and other ICBs dilutes the effect; a period in which not "
        "all of its ICBs report is left out, for their sum would drop without cause; a mean "
        "without weights lets a small ICB count as much as a large one.",
        remedy="Hold units at other boundaries: geography.boundaries.",
        blocking=False,
    ),
    Rule(
        name="pilot_units",
        title="Every pilot unit has data",
        good="Every pilot unit has data.",
        effect="The pilot site would be estimated from part of it, or not at all.",
        remedy="Add its rows, correct the code in [[sites]], or take the unit out of its site.",
    ),
    Rule(
        name="comparison_units",
        title="Every comparison unit that the study lists has data",
        good="Every comparison unit that the study lists has data.",
        effect="The comparison rests on fewer units than planned.",
        remedy="Add its rows, or correct the code in comparison.units.",
        blocking=False,
    ),
    Rule(
        name="untreated_periods",
        title="Every pilot unit is seen before and after its start",
        good="Every pilot unit is seen before and after its start.",
        effect="A unit that is seen on one side of its start only says nothing about its effect.",
        remedy="Take in earlier (or later) periods, or leave the unit out.",
        blocking=False,
    ),
)
RULES: dict[str, Rule] = {rule.name: rule for rule in _RULES}


def finding(
    rule: str, problem: str, *, unit: str | None = None, file: str | None = None, remedy: str = ""
) -> pl.DataFrame:
    """Return a finding about a unit, a file or the whole table, rather than a row."""
    told = remedy or RULES[rule].remedy
    line = {"rule": rule, "file": file, "unit": unit, "problem": problem, "remedy": told}
    return pl.DataFrame([line], schema_overrides=FOUND).select(
        *(
            pl.col(name) if name in line else pl.lit(None, dtype).alias(name)
            for name, dtype in FOUND.items()
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sifting:
    """Rows on their way to being used or left out, and what was found on the way.

    Each step sees only rows that no earlier step has left out, so a row has one reason.
    """

    rows: pl.DataFrame
    found: tuple[pl.DataFrame, ...] = ()

    def leave_out(self, when: pl.Expr, reason: pl.Expr | str) -> Sifting:
        """Leave out the rows for which ``when`` holds."""
        why = pl.lit(reason) if isinstance(reason, str) else reason
        fresh = pl.col("left_out").is_null() & when.fill_null(value=False)
        rows = self.rows.with_columns(left_out=pl.when(fresh).then(why).otherwise("left_out"))
        return Sifting(rows=rows, found=self.found)

    def object_to(
        self,
        rule: str,
        when: pl.Expr,
        problem: pl.Expr | str,
        *,
        value: str | None = None,
        remedy: pl.Expr | None = None,
        reason: pl.Expr | None = None,
    ) -> Sifting:
        """Leave out the rows for which ``when`` holds, and make a finding of each."""
        noted = self.note(rule, when, problem, value=value, remedy=remedy)
        if noted is self:
            return self
        sifted = self.leave_out(when, RULES[rule].reason if reason is None else reason)
        return Sifting(rows=sifted.rows, found=noted.found)

    def note(
        self,
        rule: str,
        when: pl.Expr,
        problem: pl.Expr | str,
        *,
        value: str | None = None,
        remedy: pl.Expr | None = None,
    ) -> Sifting:
        """Make a finding of the rows for which ``when`` holds, and leave them in."""
        bad = self.rows.filter(pl.col("left_out").is_null() & when.fill_null(value=False))
        if bad.is_empty():
            return self
        found = bad.select(
            rule=pl.lit(rule),
            file="file",
            row="row",
            unit=pl.coalesce("unit", "code").str.slice(0, _LONGEST_VALUE),
            period="period",
            value=pl.col(value).cast(pl.String).str.slice(0, _LONGEST_VALUE)
            if value
            else pl.lit(None, pl.String),
            problem=pl.lit(problem) if isinstance(problem, str) else problem,
            remedy=pl.lit(RULES[rule].remedy) if remedy is None else remedy,
        )
        return Sifting(rows=self.rows, found=(*self.found, found))

    def also(self, *found: pl.DataFrame) -> Sifting:
        """Add findings that are not about rows."""
        return Sifting(rows=self.rows, found=(*self.found, *found))


def to_checks(found: tuple[pl.DataFrame, ...], calendar: Calendar, outcome: str) -> list[Check]:
    """Return one check a rule, passed where nothing was found."""
    every = pl.concat([pl.DataFrame(schema=FOUND), *found])
    return [
        _check(rule, every.filter(pl.col("rule") == rule.name), calendar, outcome)
        for rule in _RULES
    ]


def _check(rule: Rule, found: pl.DataFrame, calendar: Calendar, outcome: str) -> Check:
    if found.is_empty():
        return Check(
            name=rule.name,
            title=rule.title,
            passed=True,
            detail=rule.good,
            blocking=rule.blocking,
            outcome=outcome,
        )
    names = {p: calendar.code(p) for p in found["period"].drop_nulls().unique()}
    table = found.drop("rule").with_columns(
        pl.col("period").replace_strict(names, default=None, return_dtype=pl.String),
        pl.lit(rule.effect).alias("effect_on_estimate"),
    )
    problems = table.group_by("problem", maintain_order=True).agg(
        pl.col("file").first(), pl.col("row").first(), pl.len().alias("times")
    )
    told = [_sentence(line) for line in problems.head(_NAMED_IN_DETAIL).iter_rows(named=True)]
    more = problems.height - len(told)
    tail = f" And {more:,} more." if more else ""
    return Check(
        name=rule.name,
        title=rule.title,
        passed=None if rule.informs else False,
        detail=f"{' '.join(told)}{tail} {rule.effect}",
        remedy=str(table["remedy"][0]),
        blocking=rule.blocking,
        outcome=outcome,
        table=table,
    )


def _sentence(line: dict[str, object]) -> str:
    times = f" ({line['times']:,} rows)" if line["times"] != 1 else ""
    place = f"{line['file']}, row {line['row']}: " if line["row"] is not None else ""
    return f"{place}{line['problem']}{times}."
