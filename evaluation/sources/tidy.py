"""What every source's reading gives: one line an input row, nothing dropped, figures as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import dataframely as dy
import polars as pl

from evaluation.findings import Check

__all__ = ["COVARIATE", "FIGURES", "Tidy", "TidyRows", "covariate"]

FIGURES: tuple[str, ...] = ("count", "exposure", "value", "weight", "dose")
COVARIATE = "covariate:"


def covariate(name: str) -> str:
    """Return the column of a tidy frame that holds a covariate of the study."""
    return COVARIATE + name


class TidyRows(dy.Schema):
    """The contract of a source's reading; a frame that breaks it is a fault of the source.

    Figures (:data:`FIGURES` and covariates) are further String columns, one for each that the
    study names. ``period_text`` is what the file says; ``period`` its ordinal, null where it
    cannot be read; ``day`` tells rows of one unit and period apart (0 where a row is a whole
    period). ``left_out`` is a reason known from the layout alone: a blank row, another metric.

    A source that adds rows up while it reads (files of millions) gives one line for all the rows
    that it adds up, or leaves out for one reason, with a column ``behind`` (Int64): how many they
    are. ``row`` is then the first of them.
    """

    file = dy.String(nullable=False)
    row = dy.Int64(nullable=False, min=1)
    code = dy.String(nullable=True)
    period_text = dy.String(nullable=True)
    period = dy.Int64(nullable=True)
    day = dy.Int32(nullable=False)
    left_out = dy.String(nullable=True)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tidy:
    """The rows of one outcome as read.

    Parameters
    ----------
    rows : polars.DataFrame
        :class:`TidyRows`, figures, and ``first_treated``, ``treated``, ``cluster`` where the
        study names them.
    headings : mapping of str to str
        Column of ``rows`` to the heading in the files, for messages.
    is_daily : bool
        Whether rows are parts of a period to be added up, each with its days as exposure.
    checks : tuple of Check
        What the reading itself has to say: which files, which encoding.
    """

    rows: pl.DataFrame
    headings: Mapping[str, str]
    is_daily: bool = False
    checks: tuple[Check, ...] = ()

    def __post_init__(self) -> None:
        """Hold the rows to the contract."""
        TidyRows.validate(self.rows)

    @property
    def figures(self) -> tuple[str, ...]:
        """The figure columns that the study names, counts first."""
        own = [c for c in FIGURES if c in self.rows.columns]
        return (*own, *(c for c in self.rows.columns if c.startswith(COVARIATE)))
