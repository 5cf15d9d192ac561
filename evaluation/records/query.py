"""The one query over records, the same on polars, DuckDB and Spark, in three steps.

:meth:`Query.settled` tells of each record what its own cells tell: whether it can be an admission,
and of what kind. :meth:`Query.linked` tells which records are of one spell or stay.
:meth:`Query.finished` puts the two together. After the first step a record meets none but those of
its own person, so that :mod:`~evaluation.records.by_person` may do some persons after others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_

import narwhals as nw
import polars as pl

from evaluation.records import residents as resident_rules
from evaluation.records import spells as steps
from evaluation.records.avoidable import is_admission, is_avoidable
from evaluation.records.engines import Frame
from evaluation.records.exclusions import Reason, fated, first_reason, with_fate
from evaluation.records.places import COLUMN, place_reasons
from evaluation.records.plan import Plan, in_window, usable
from evaluation.records.sums import Sums

__all__ = ["Query"]

_KEYS = {"fate": pl.String, "provider": pl.String, "month": pl.Int64, "place": pl.String}
_LEAVE_OUT_MOST = frozenset(
    {"before", "after", "not_first", "not_emergency", "young", "not_resident"}
)
_SUMS = {"records": pl.Int64, "recast": pl.Int64}


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is asked of records.

    Parameters
    ----------
    plan : Plan
        What is done.
    lacking : frozenset of str
        Columns that the extract does not have: rules of definitions on them are not asked.
    """

    plan: Plan
    lacking: frozenset[str] = frozenset()

    # -------------------------------------------------------------- what it takes

    @property
    def definitions(self) -> tuple[str, ...]:
        """Keys of the definitions, which are the names of their columns."""
        return tuple(item.key for item in self.plan.definitions)

    @property
    def schema(self) -> dict[str, type[pl.DataType]]:
        """The columns of :meth:`cells`."""
        return {**_KEYS, **dict.fromkeys(self.definitions, pl.Boolean), **_SUMS}

    @property
    def joins_spells(self) -> bool:
        """Whether episodes are joined to spells."""
        return self.plan.settings.admissions == "spells"

    @property
    def joins_stays(self) -> bool:
        """Whether spells are joined to stays across hospitals."""
        return self.plan.settings.transfers == "join"

    @property
    def once_a_day(self) -> tuple[str, ...]:
        """Keys of the definitions that count one admission a person and day."""
        if "discharged" in self.lacking:
            return ()
        return tuple(item.key for item in self.plan.definitions if item.admissions.one_a_day)

    @property
    def links(self) -> bool:
        """Whether records must meet others of their person."""
        return self.joins_spells or bool(self.once_a_day)

    @property
    def linked_by(self) -> tuple[str, ...]:
        """Columns by which a record that is alone in them meets no other."""
        return ("person",) if self.joins_stays else ("person", "admitted")

    @property
    def repeats_by(self) -> tuple[str, ...]:
        """Columns by which a record that is alone in them is no repeat."""
        return steps.EPISODE if self.joins_spells else self.linked_by

    @property
    def _looks_at_ends(self) -> bool:
        """Whether it matters where and when a spell ended."""
        asked = self.joins_stays or self._last_reasons() or self.once_a_day
        return self.joins_spells and bool(asked)

    @property
    def carried(self) -> tuple[str, ...]:
        """The columns of :meth:`settled` that the later steps read."""
        columns = ["own", "place", *self.definitions, "recast", *steps.LINKED]
        if self._looks_at_ends or self.once_a_day:
            columns += ["discharged", "destination", *map(_asked, self.once_a_day)]
        if self.joins_stays:
            columns += ["source_of_admission", "method"]
        if self._last_reasons():
            columns += resident_rules.needed(self.plan.settings.residents)
        return tuple(dict.fromkeys(columns))

    # -------------------------------------------------------------- the steps

    def settled(self, episodes: Frame) -> Frame:
        """Tell what each record's own cells tell.

        Parameters
        ----------
        episodes : narwhals.LazyFrame
            That of :func:`~evaluation.records.reading.to_episodes`.

        Returns
        -------
        narwhals.LazyFrame
            With ``fate`` and ``is_live``; ``own``, the reason for which a live record would be left
            out were it the first of its spell; ``place`` and a Boolean a definition of those that
            may be admissions; and what spells are told apart and ordered by.
        """
        frame = fated(with_fate(episodes), self._record_reasons())
        frame = frame.with_columns(first_reason(self._own_reasons()).alias("own"))
        could_count = nw.col("is_live") & nw.col("own").is_null()
        place = nw.col(COLUMN[self.plan.settings.place.by])
        frame = frame.with_columns(
            nw.when(could_count).then(place).alias("place"),
            *(
                nw.when(could_count).then(is_avoidable(item, lacking=self.lacking)).alias(item.key)
                for item in self.plan.definitions
            ),
            *(
                nw.when(could_count)
                .then(is_admission(item, lacking=self.lacking))
                .alias(_asked(item.key))
                for item in self.plan.definitions
                if item.key in self.once_a_day
            ),
        )
        return steps.with_order(frame) if self.links else frame

    def meets_others(self) -> nw.Expr:
        """Return whether a settled record must meet others before its fate is known."""
        if self.joins_spells:
            return nw.col("is_live")
        asked = (nw.col(_asked(key)).fill_null(value=False) for key in self.once_a_day)
        return nw.col("is_live") & reduce(or_, asked)

    def linked(self, settled: Frame) -> Frame:
        """Tell repeats, later episodes and continued stays, each by the records of its person."""
        return self.joined(self.unrepeated(self.ordered(settled)))

    def ordered(self, settled: Frame) -> Frame:
        """Add what breaks ties, so that every engine takes the same of two records.

        It is all that is read of a record later: which of two that are alike in it comes first
        makes no difference.
        """
        told_apart = [c for c in self.carried if c not in (*steps.LINKED, "recast")]
        truths = {*self.definitions, *map(_asked, self.once_a_day), "care_home"}
        texts = [_in_text(c, is_truth=c in truths) for c in (*told_apart, *steps.PLACED)]
        return settled.with_columns(nw.concat_str(*texts, separator="|").alias(steps.TIE))

    def unrepeated(self, ordered: Frame) -> Frame:
        """Tell which records are the same episode again."""
        return steps.repeated_episodes(ordered) if self.joins_spells else ordered

    def joined(self, unrepeated: Frame) -> Frame:
        """Tell later episodes of a spell and continued stays."""
        frame = unrepeated
        if self.joins_spells:
            frame = steps.spells(frame, ends=self._looks_at_ends)
        return steps.join_transfers(frame) if self.joins_stays else frame

    def alone(self, settled: Frame) -> Frame:
        """Return what :meth:`linked` and :meth:`finished` make of records that meet no other."""
        return self._told(steps.spells_of_one(settled) if self._looks_at_ends else settled)

    def finished(self, linked: Frame) -> Frame:
        """Give every record its fate, but for that of place; the live ones are admissions."""
        frame = self._told(linked)
        for key in self.once_a_day:
            frame = steps.one_a_day(
                frame,
                key,
                asked=_asked(key),
                discharged="spell_discharged" if self.joins_spells else "discharged",
            )
        return frame

    def _told(self, linked: Frame) -> Frame:
        live = nw.col("is_live")
        told = nw.when(live).then(nw.col("own")).otherwise(nw.col("fate"))
        frame = linked.with_columns(told.alias("fate"))
        frame = frame.with_columns(nw.col("fate").is_null().alias("is_live"))
        last = self._last_reasons()
        return fated(frame, last) if last else frame

    def cells(self, finished: Frame) -> Frame:
        """Count records by fate, provider, month, and admissions by what they are."""
        live, day = nw.col("is_live"), nw.col("admitted")
        month = day.dt.year().cast(nw.Int64) * 12 + day.dt.month().cast(nw.Int64) - 1
        of_admissions = ("place", *self.definitions)
        frame = finished.with_columns(month.alias("month")).with_columns(
            nw.when(live).then(nw.col(column)).alias(column) for column in of_admissions
        )
        return frame.group_by([*_KEYS, *self.definitions]).agg(
            nw.len().cast(nw.Int64).alias("records"), nw.col("recast").sum().alias("recast")
        )

    def sums(self) -> Sums:
        """Return what adds up tables of :meth:`cells`."""
        return Sums(self.schema, counted=tuple(_SUMS))

    # -------------------------------------------------------------- the reasons

    def reasons(self) -> tuple[Reason, ...]:
        """Return every reason that is asked, in order, but for those told after counting."""
        place = place_reasons(self.plan.settings.place.by, self.plan.finder.listed)
        spells = (steps.REPEATED, steps.LATER) if self.joins_spells else ()
        stays = (steps.TRANSFER,) if self.joins_stays else ()
        last = self._last_reasons()
        own = self._own_reasons()
        return (*self._record_reasons(), *spells, *stays, *own, *last, *place)

    def could_count(self) -> nw.Expr:
        """Return whether a record might be counted; only these need codes.

        Some are let through that do not count after all: what is asked here is asked again, so it
        is no more than the reasons that leave most records out.
        """
        reasons = (*self._record_reasons(), *self._own_reasons())
        holds = [r.holds for r in reasons if r.key in _LEAVE_OUT_MOST and r.holds is not None]
        return ~reduce(or_, (each.fill_null(value=False) for each in holds))

    def _record_reasons(self) -> tuple[Reason, ...]:
        settings = self.plan.settings
        reasons = usable(self.plan.window)
        if self.joins_stays:
            # A stay that began before the window is not begun again by a transfer within it.
            reasons = tuple(r for r in reasons if r.key not in ("before", "after"))
        if settings.unfinished != "keep":
            reasons = (*reasons, steps.unfinished_episodes())
        return reasons if self.joins_spells else (*reasons, steps.NOT_FIRST)

    def _own_reasons(self) -> tuple[Reason, ...]:
        """Return what leaves out an admission, by the cells of the record that stands for it."""
        settings = self.plan.settings
        window = in_window(self.plan.window, stage="admissions") if self.joins_stays else ()
        reasons = (*steps.emergencies(), *window, *_too_young(settings.least_age))
        if self._last_reasons():
            return reasons
        return (*reasons, *resident_rules.residents(settings.residents))

    def _last_reasons(self) -> tuple[Reason, ...]:
        """Return the reasons that look at where a spell ended."""
        rule = self.plan.settings.residents
        at_the_end = "destination" in resident_rules.needed(rule)
        return resident_rules.residents(rule) if at_the_end else ()


def _too_young(least: int | None) -> tuple[Reason, ...]:
    if least is None:
        return ()
    age = nw.col("age")
    return (
        Reason(key="ageless", stage="admissions", words="age not known", holds=age.is_null()),
        Reason(key="young", stage="admissions", words=f"younger than {least}", holds=age < least),
    )


def _in_text(column: str, *, is_truth: bool) -> nw.Expr:
    cell = nw.col(column)
    if is_truth:
        told = nw.when(~cell).then(nw.lit("0")).otherwise(nw.lit(""))
        return nw.when(cell).then(nw.lit("1")).otherwise(told)
    return cell.cast(nw.String).fill_null("")


def _asked(definition: str) -> str:
    return f"_asked_{definition}"
