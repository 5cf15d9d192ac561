"""Adding up a prescribing file by ICB while it is read: millions of rows, in bounded memory.

A month has some 18 million rows in 6 GB of CSV, so a line a row is not to be had. One line stands
for all the rows of one ICB that are added up, or for all that are left out for one reason, with
how many they are; the first of them gives its number.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from evaluation.errors import SourceError
from evaluation.sources.csv_files import decoded, header_of
from evaluation.sources.files import opened_parquet
from evaluation.sources.foreign import not_opened

__all__ = ["Layout", "Wanted", "heading_line", "scan"]

# Figures are added up as whole millionths: sums of binary fractions depend on their order, and
# threads have none. Costs have five decimals; 9 x 10^12 pounds fit.
_MILLIONTHS = 1_000_000
_NO_ICB = ("-", "UNIDENTIFIED")
_A_CODE = r"^\d\d[0-9A-Z]*$"
_KEPT_OF_HEADER = 1 << 16
_BEYOND = "(beyond the header)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The headings of one file: ``month``, ``icb``, ``bnf`` and ``chemical`` as it has them.

    ``telling`` are the headings that, with these, tell one row from another.
    """

    name: str
    month: str
    icb: str
    bnf: str
    chemical: str
    figure: str
    telling: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The beginnings of BNF codes that are counted, and those of the denominator if any."""

    counted: tuple[str, ...]
    of: tuple[str, ...] = ()


def heading_line(path: Path, name: str) -> list[str]:
    """Return the headings of a CSV or Parquet file.

    Raises
    ------
    SourceError
        When it is of another kind, empty or not to be read.
    """
    kind = path.suffix.lower()
    if kind == ".parquet":
        return opened_parquet(path, name).collect_schema().names()
    if kind != ".csv":
        raise SourceError(
            f"a file of kind {path.suffix!r} cannot be read",
            place=name,
            allowed=".csv, .parquet",
            remedy="Unpack a zip file first." if kind == ".zip" else "",
        )
    try:
        with path.open("rb") as file:
            line = file.readline(_KEPT_OF_HEADER)
    except OSError as error:
        raise not_opened(error, name) from error
    if b"\n" not in line and b"\r" in line:
        raise SourceError(
            "the lines end with carriage returns alone",
            place=name,
            allowed="line ends of Unix or Windows",
            remedy="Save it as CSV UTF-8, or get it again as published.",
        )
    text, _ = decoded(line, name)
    return header_of(text.rstrip("\r\n"), name)


def scan(path: Path, name: str, layout: Layout, wanted: Wanted) -> pl.DataFrame:
    """Add up one file.

    Returns
    -------
    polars.DataFrame
        ``code``, ``month`` (as written), ``reason`` (null where added up), ``as_written`` (a
        figure that is no plain number, for rows that share it), ``behind``, ``row``, ``count``,
        ``exposure`` (sums; text), ``told_apart`` (how many rows differ from one another).

    Raises
    ------
    SourceError
        When the file is not well-formed, or its columns hold something else than declared.
    """
    _refuse_cut_off(path, name)
    try:
        found = _grouped(_opened(path), layout, wanted).collect(engine="streaming")
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise SourceError(
            f"the file cannot be read to its end: {str(error).splitlines()[0]}",
            place=name,
            remedy="Get it again: it may have been cut off, or changed by a spreadsheet.",
        ) from error
    _refuse_long(found, name)
    _refuse_short(found, name, layout)
    _refuse_names(found, name, layout)
    return _as_text(found).drop("first_name", "first_short", "first_long")


def _opened(path: Path) -> pl.LazyFrame:
    """Open a file with a column for the cells that a row has beyond the header.

    Where only some columns are read, polars does not tell rows that are too long: every cell after
    a stray comma would be read from the wrong column.
    """
    if path.suffix.lower() == ".parquet":
        rows = pl.scan_parquet(path, glob=False).select(pl.all().cast(pl.String))
        beyond = pl.lit(None, pl.String).alias(_BEYOND)
        return rows.with_columns(beyond).with_row_index("index")
    headings = pl.scan_csv(path, infer_schema=False, encoding="utf8-lossy", glob=False)
    names = headings.collect_schema().names()
    return pl.scan_csv(
        path,
        schema=dict.fromkeys([*names, _BEYOND], pl.String),
        encoding="utf8-lossy",
        row_index_name="index",
        missing_columns="insert",
        truncate_ragged_lines=True,
        glob=False,
    )


def _refuse_cut_off(path: Path, name: str) -> None:
    """Refuse a CSV file whose last row has fewer cells than the header."""
    if path.suffix.lower() != ".csv":
        return
    with path.open("rb") as file:
        header = file.readline(_KEPT_OF_HEADER)
        file.seek(0, os.SEEK_END)
        start = max(len(header), file.tell() - _KEPT_OF_HEADER)
        file.seek(start)
        lines = file.read().rstrip(b"\r\n").split(b"\n")
    text, _ = decoded(lines[-1], name)
    there, wanted = (
        len(next(csv.reader([line]), [])) for line in (text, decoded(header, name)[0].rstrip())
    )
    if 0 < there < wanted:
        raise SourceError(
            f"the last row has {there} cells, the header {wanted}",
            place=name,
            allowed="as many cells in every row",
            remedy="Get the file again: it may have been cut off.",
        )


def _starts_with(codes: Sequence[str], bnf: pl.Expr) -> pl.Expr:
    return bnf.str.contains("^(" + "|".join(re.escape(code) for code in codes) + ")")


def _grouped(rows: pl.LazyFrame, layout: Layout, wanted: Wanted) -> pl.LazyFrame:
    bnf = pl.col(layout.bnf).fill_null("").str.strip_chars()
    icb = pl.col(layout.icb).fill_null("").str.strip_chars()
    written = pl.col(layout.figure).fill_null("")
    figure = written.cast(pl.Float64, strict=False)
    counted = _starts_with(wanted.counted, bnf)
    of = _starts_with(wanted.of, bnf) if wanted.of else pl.lit(value=False)
    month = pl.col(layout.month)
    all_blank = (bnf == "") & (icb == "") & (written == "") & (month.fill_null("") == "")
    reason = (
        pl.when(all_blank)
        .then(pl.lit("blank row"))
        .when(~counted & ~of)
        .then(pl.lit("another BNF code"))
        .when(icb.str.to_uppercase().is_in(_NO_ICB))
        .then(pl.lit("unidentified prescriber: no ICB"))
    )
    chemical = pl.col(layout.chemical).fill_null("").str.strip_chars().str.to_uppercase()
    # One below 0 would be lost in the sum of its ICB.
    is_negative = (figure < 0).fill_null(value=False)
    is_plain = figure.is_finite().fill_null(value=False) & ~is_negative
    told = pl.when(is_negative).then(pl.format("{}, below 0", written)).otherwise(written)
    millionths = (figure * _MILLIONTHS).round().cast(pl.Int64, strict=False)
    is_live = pl.col("reason").is_null()
    return (
        rows.select(
            (pl.col("index").cast(pl.Int64) + 2).alias("row"),
            reason.alias("reason"),
            icb.alias("code"),
            month.alias("month"),
            pl.when(~is_plain).then(told).alias("as_written"),
            pl.when(counted & is_plain).then(millionths).otherwise(0).alias("count"),
            pl.when(of & is_plain).then(millionths).otherwise(0).alias("exposure"),
            (~all_blank & (chemical != "") & ~chemical.str.contains(_A_CODE)).alias("is_name"),
            (~all_blank & (written.str.strip_chars() == "")).alias("is_short"),
            pl.col(_BEYOND).is_not_null().alias("is_long"),
            pl.struct(layout.telling).hash().alias("told_apart"),
        )
        .with_columns(
            pl.when(is_live).then(c).alias(c) for c in ("code", "month", "as_written", "told_apart")
        )
        .group_by("reason", "code", "month", "as_written")
        .agg(
            pl.len().cast(pl.Int64).alias("behind"),
            pl.col("row").min(),
            pl.col("count", "exposure").sum(),
            pl.col("told_apart").n_unique().cast(pl.Int64),
            pl.col("row").filter("is_name").min().alias("first_name"),
            pl.col("row").filter("is_short").min().alias("first_short"),
            pl.col("row").filter("is_long").min().alias("first_long"),
        )
        .sort("row")
    )


def _refuse_names(found: pl.DataFrame, name: str, layout: Layout) -> None:
    rows = found["first_name"].drop_nulls().sort()
    if not rows.is_empty():
        raise SourceError(
            f"column {layout.chemical!r} holds a name where the {layout.name} layout has a code",
            place=f"{name}, row {rows[0]}",
            allowed="files of one layout: the legacy one has the code of the chemical substance "
            "in BNF_CHEMICAL_SUBSTANCE, the current one its name there and the code in "
            "BNF_CHEMICAL_SUBSTANCE_CODE",
            remedy="Get the file again as published; two layouts seem to be joined in it.",
        )


def _refuse_long(found: pl.DataFrame, name: str) -> None:
    rows = found["first_long"].drop_nulls().sort()
    if not rows.is_empty():
        raise SourceError(
            "the row has more cells than the header",
            place=f"{name}, row {rows[0]}",
            allowed="one cell a column",
            remedy="A comma in a name without quotation marks, or a program that changed the file: "
            "get it again as published.",
        )


def _refuse_short(found: pl.DataFrame, name: str, layout: Layout) -> None:
    rows = found["first_short"].drop_nulls().sort()
    if not rows.is_empty():
        raise SourceError(
            f"the row has no {layout.figure}",
            place=f"{name}, row {rows[0]}",
            allowed="a number in every row",
            remedy="Get the file again: it may have been cut off.",
        )


def _as_text(found: pl.DataFrame) -> pl.DataFrame:
    """Return sums as text; for what is no plain number, what stands there, which is refused."""
    no_number = pl.format("{} (in {} rows)", "as_written", "behind")
    return found.with_columns(
        pl.when(pl.col("as_written").is_null())
        .then((pl.col(figure) / _MILLIONTHS).cast(pl.String))
        .otherwise(no_number)
        .alias(figure)
        for figure in ("count", "exposure")
    )
