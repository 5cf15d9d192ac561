"""A stored run beside its rerun: every number, and what could explain a difference."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from evaluation.manifest import Manifest

__all__ = ["RELATIVE_TOLERANCE", "Comparison", "compare"]

# The same inputs, versions and seed give the same bytes on one machine; another processor may add
# up in another order, which moves the last digits of a double and nothing that a report prints.
RELATIVE_TOLERANCE = 1e-9

_KEYS = {
    "estimates": ("outcome", "estimator", "procedure", "estimand", "group"),
    "event_study": ("outcome", "estimator", "procedure", "estimand", "event_time"),
    "checks": ("outcome", "check", "finding"),
    "ledger": ("outcome", "file", "status", "reason"),
    "panel": ("outcome_key", "unit", "period"),
}

_DIFFERENCE_SCHEMA = {
    "table": pl.String,
    "row": pl.String,
    "column": pl.String,
    "stored": pl.String,
    "rerun": pl.String,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """What comparing a run with its rerun found.

    Parameters
    ----------
    differences : polars.DataFrame
        ``table``, ``row`` (its key), ``column``, ``stored``, ``rerun``: one row a value that
        differs, is absent or is new.
    causes : tuple of str
        What changed between the two runs: inputs, versions, seed, platform.
    compared : int
        How many values were compared.
    identical : int
        How many of them are the same to the last bit.
    """

    differences: pl.DataFrame
    causes: tuple[str, ...]
    compared: int
    identical: int

    @property
    def agrees(self) -> bool:
        """Whether every value is the same within :data:`RELATIVE_TOLERANCE`."""
        return self.differences.is_empty()


def compare(
    stored: dict[str, pl.DataFrame],
    rerun: dict[str, pl.DataFrame],
    *,
    manifests: tuple[Manifest, Manifest],
) -> Comparison:
    """Compare every value of two runs' tables; ``manifests`` are the stored one and the rerun's."""
    differences: list[pl.DataFrame] = []
    compared = identical = 0
    for name, keys in _KEYS.items():
        found, count, same = _compare_table(name, keys, stored[name], rerun[name])
        differences.append(found)
        compared += count
        identical += same
    return Comparison(
        differences=pl.concat(differences),
        causes=_causes(*manifests),
        compared=compared,
        identical=identical,
    )


def _compare_table(
    name: str, keys: tuple[str, ...], before: pl.DataFrame, after: pl.DataFrame
) -> tuple[pl.DataFrame, int, int]:
    """Return the differences, how many values were compared, and how many are bit-identical."""
    left, right = _long(before, keys), _long(after, keys)
    both = left.join(
        right, on=["key", "copy", "column"], how="full", coalesce=True, suffix="_rerun"
    )
    number, other = pl.col("number"), pl.col("number_rerun")
    exact = (pl.col("text").eq_missing(pl.col("text_rerun"))) & number.eq_missing(other)
    close = (
        (number - other).abs() <= RELATIVE_TOLERANCE * pl.max_horizontal(number.abs(), other.abs())
    ).fill_null(value=False)
    differing = both.filter(~(exact | close)).sort("key", "copy", "column")
    shown = differing.select(
        pl.lit(name).alias("table"),
        pl.col("key").alias("row"),
        "column",
        pl.coalesce("text", pl.lit("(absent)")).alias("stored"),
        pl.coalesce("text_rerun", pl.lit("(absent)")).alias("rerun"),
    ).cast(pl.Schema(_DIFFERENCE_SCHEMA))
    return shown, both.height, both.select(exact.sum()).item()


def _long(frame: pl.DataFrame, keys: tuple[str, ...]) -> pl.DataFrame:
    """One line a value: its row's key, which copy of that key, column, text and number."""
    keyed = frame.with_columns(
        pl.concat_str([pl.col(k).cast(pl.String).fill_null("") for k in keys], separator=" / ")
        .str.strip_chars(" /")
        .alias("key")
    ).with_columns(pl.int_range(pl.len()).over("key").alias("copy"))
    parts = []
    for column in frame.columns:
        if column in keys:
            continue
        kind = frame.schema[column]
        number = pl.col(column).cast(pl.Float64) if kind.is_numeric() else pl.lit(None, pl.Float64)
        parts.append(
            keyed.select(
                "key",
                "copy",
                pl.lit(column).alias("column"),
                pl.col(column).cast(pl.String).fill_null("").alias("text"),
                number.alias("number"),
            )
        )
    return pl.concat(parts)


def _causes(stored: Manifest, rerun: Manifest) -> tuple[str, ...]:
    causes: list[str] = []
    before = {item.path: item.sha256 for item in stored.inputs}
    after = {item.path: item.sha256 for item in rerun.inputs}
    for path in sorted(before.keys() | after.keys()):
        if path not in after:
            causes.append(f"input {path} was read then and is not read now")
        elif path not in before:
            causes.append(f"input {path} is read now and was not read then")
        elif before[path] != after[path]:
            causes.append(
                f"input {path} has changed (SHA-256 {before[path][:12]} then, "
                f"{after[path][:12]} now)"
            )
    for package in sorted(stored.versions.keys() | rerun.versions.keys()):
        then, now = stored.versions.get(package), rerun.versions.get(package)
        if then != now:
            causes.append(f"{package} was {then or 'absent'} and is {now or 'absent'}")
    if stored.seed != rerun.seed:
        causes.append(f"the seed was {stored.seed} and is {rerun.seed}")
    if stored.platform != rerun.platform:
        causes.append(f"the platform was {stored.platform} and is {rerun.platform}")
    return tuple(causes)
