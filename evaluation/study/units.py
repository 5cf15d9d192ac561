"""The units that a study names: known to the register, at its boundaries, and each in one role."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from evaluation import geography
from evaluation.study.mistakes import Loc, Mistake, listed, nearest, written
from evaluation.study.model import Exclusion, Study

__all__ = ["Followed", "broken_unit_rules", "follow_units"]

_REGISTER: Loc = ("geography", "register")
_BOUNDARIES: Loc = ("geography", "boundaries")


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """The units of a study at its boundaries.

    Parameters
    ----------
    codes : Mapping[str, str]
        Unit as the file writes it to its code at ``geography.boundaries``; a unit that is not
        here is its own code.
    mistakes : tuple of Mistake
        Codes that the register does not know or cannot follow.
    """

    codes: Mapping[str, str] = field(default_factory=dict)
    mistakes: tuple[Mistake, ...] = ()

    def code(self, unit: str) -> str:
        """Return the code of a unit at the study's boundaries."""
        return self.codes.get(unit, unit)

    def applied_to(self, study: Study) -> Study:
        """Return the study with the code of each unit; units that became one are one."""
        if not self.codes:
            return study
        sites = (s.model_copy(update={"units": self._distinct(s.units)}) for s in study.sites)
        listed_units = study.comparison.units
        comparison = study.comparison.model_copy(
            update={
                "units": "others" if listed_units == "others" else self._distinct(listed_units),
                "exclude": self._renamed(study.comparison.exclude),
            }
        )
        return study.model_copy(
            update={
                "sites": tuple(sites),
                "comparison": comparison,
                "exclude": self._renamed(study.exclude),
            }
        )

    def _distinct(self, units: Iterable[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.code(unit) for unit in units))

    def _renamed(self, exclusions: Iterable[Exclusion]) -> tuple[Exclusion, ...]:
        return tuple(
            e if e.unit is None else e.model_copy(update={"unit": self.code(e.unit)})
            for e in exclusions
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mention:
    """A unit as the file writes it, and where; ``site`` is that of a pilot unit."""

    at: Loc
    unit: str
    site: int = -1


def _mentions(study: Study) -> Iterator[_Mention]:
    yield from _pilots(study)
    yield from _listed(study)
    yield from _excluded(study)
    for n, exclusion in enumerate(study.exclude):
        if exclusion.unit is not None:
            yield _Mention(at=("exclude", n, "unit"), unit=exclusion.unit)


def _pilots(study: Study) -> Iterator[_Mention]:
    for s, site in enumerate(study.sites):
        for n, unit in enumerate(site.units):
            yield _Mention(at=("sites", s, "units", n), unit=unit, site=s)


def _listed(study: Study) -> Iterator[_Mention]:
    if study.comparison.units != "others":
        for n, unit in enumerate(study.comparison.units):
            yield _Mention(at=("comparison", "units", n), unit=unit)


def _excluded(study: Study) -> Iterator[_Mention]:
    for n, exclusion in enumerate(study.comparison.exclude):
        if exclusion.unit is not None:
            yield _Mention(at=("comparison", "exclude", n, "unit"), unit=exclusion.unit)


def follow_units(study: Study) -> Followed:
    """Find the code of every unit that the study names at its boundaries."""
    boundaries = study.geography.boundaries
    if study.geography.register_ == "none":
        return Followed(mistakes=tuple(_needless_boundaries(study)))
    if boundaries not in geography.BOUNDARIES:
        return Followed(mistakes=(_unknown_boundaries(boundaries),))
    codes: dict[str, str] = {}
    mistakes: list[Mistake] = []
    for mention in _mentions(study):
        try:
            codes[mention.unit] = geography.follow(mention.unit, boundaries)
        except (geography.UnknownAreaError, geography.BoundaryError) as error:
            mistakes.append(
                Mistake(
                    at=mention.at,
                    problem=error.problem,
                    allowed=error.allowed,
                    remedy=error.remedy,
                    about=(_REGISTER, _BOUNDARIES),
                )
            )
    return Followed(codes=codes, mistakes=tuple(mistakes))


def _needless_boundaries(study: Study) -> Iterator[Mistake]:
    if "boundaries" in study.geography.model_fields_set:
        yield Mistake(
            at=_BOUNDARIES,
            problem=f"{written(study.geography.boundaries)} has no meaning without a register",
            allowed='boundaries with register = "icb" only',
            remedy='Write register = "icb" where units are ICBs, else delete boundaries',
            about=(_REGISTER,),
        )


def _unknown_boundaries(boundaries: str) -> Mistake:
    near = nearest(boundaries, geography.BOUNDARIES)
    example = f'Did you mean "{near}"?' if near else 'Write for example boundaries = "2025-04"'
    return Mistake(
        at=_BOUNDARIES,
        problem=f"{written(boundaries)} is not allowed",
        allowed=listed(geography.BOUNDARIES),
        remedy=example,
        about=(_REGISTER,),
    )


def broken_unit_rules(study: Study, followed: Followed) -> Iterator[Mistake]:
    """Find units that are named twice or in two roles, at the boundaries of the study."""
    pilots: dict[str, _Mention] = {}
    for mention in _pilots(study):
        first = pilots.setdefault(followed.code(mention.unit), mention)
        if first is not mention:
            yield from _twice_a_pilot(first, mention, study, followed)
    yield from _comparison_rules(study, followed, pilots)


def _twice_a_pilot(
    first: _Mention, second: _Mention, study: Study, followed: Followed
) -> Iterator[Mistake]:
    code = followed.code(second.unit)
    one_unit = "" if first.unit == second.unit else f" ({_same_unit(first, code, study)})"
    about = (first.at, _REGISTER, _BOUNDARIES)
    if first.site != second.site:
        yield Mistake(
            at=second.at,
            problem=f"{written(second.unit)} is in site {written(study.sites[first.site].name)} "
            f"as well{one_unit}",
            allowed="a unit in one site only",
            remedy="Delete it from one of the two sites, or make one site of them",
            about=about,
        )
    elif not one_unit:
        yield Mistake(
            at=second.at,
            problem=f"{written(second.unit)} is listed twice",
            allowed="each unit once",
            remedy="Delete one of the two",
            about=about,
        )


def _same_unit(other: _Mention, code: str, study: Study) -> str:
    return (
        f"{written(other.unit)} and it are one unit, {written(code)}, at boundaries "
        f"{written(study.geography.boundaries)}"
    )


def _comparison_rules(
    study: Study, followed: Followed, pilots: Mapping[str, _Mention]
) -> Iterator[Mistake]:
    compared: dict[str, _Mention] = {}
    for mention in _listed(study):
        yield from _not_a_pilot(mention, study, followed, pilots)
        yield from _once(mention, compared)
    seen: dict[str, _Mention] = {}
    for mention in _excluded(study):
        yield from _not_a_pilot(mention, study, followed, pilots)
        yield from _once(mention, seen)
    for unit, mention in seen.items():
        if unit in compared:
            yield Mistake(
                at=mention.at,
                problem=f"{written(unit)} is among comparison.units, and excluded",
                allowed="a unit in one of the two",
                remedy="Delete it from comparison.units, or delete this exclusion",
                about=(compared[unit].at,),
            )


def _not_a_pilot(
    mention: _Mention, study: Study, followed: Followed, pilots: Mapping[str, _Mention]
) -> Iterator[Mistake]:
    code = followed.code(mention.unit)
    pilot = pilots.get(code)
    if pilot is None:
        return
    is_excluded = "exclude" in mention.at
    one_unit = "" if pilot.unit == mention.unit else f" ({_same_unit(pilot, code, study)})"
    yield Mistake(
        at=mention.at,
        problem=f"{written(mention.unit)} is a unit of the pilot site "
        f"{written(study.sites[pilot.site].name)}{one_unit}",
        allowed="units of no pilot site",
        remedy="Delete it here; to leave out observations of a pilot unit, write an [[exclude]] "
        "section with its unit, first and last"
        if is_excluded
        else "Delete it here, or from the site",
        about=(pilot.at, _REGISTER, _BOUNDARIES),
    )


def _once(mention: _Mention, seen: dict[str, _Mention]) -> Iterator[Mistake]:
    first = seen.setdefault(mention.unit, mention)
    if first is not mention:
        yield Mistake(
            at=mention.at,
            problem=f"{written(mention.unit)} is listed twice",
            allowed="each unit once",
            remedy="Delete one of the two",
            about=(first.at,),
        )
