"""Who is a care home resident: by a match of addresses, by codes, or by either.

No rule finds all of them. What is known of each is said wherever it is used, in the words of
:data:`KNOWN`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import narwhals as nw

from evaluation.records.exclusions import Reason
from evaluation.study import Residents

__all__ = ["CODE_SETS", "KNOWN", "CodeSet", "caveats", "needed", "residents"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeSet:
    """Codes of source of admission and destination on discharge that mean a care home."""

    codes: tuple[str, ...]
    mark: str
    source: str
    without_private: bool = False


CODE_SETS: Mapping[str, CodeSet] = {
    "nhse_2020": CodeSet(
        codes=("54", "65", "69", "85", "86", "29", "88"),
        mark="V",
        source="NHS England, June 2020, as replicated in HFAnalyticsLab/COVID19_care_homes "
        "src/sprint_3_SAS/01_ReplicateNHSMethodology.txt: care homes, with temporary residence "
        "(29) and hospices (88); private patients (ADMINCAT 02) are left out",
        without_private=True,
    ),
    "strategy_unit": CodeSet(
        codes=("54", "55", "56", "65", "85"),
        mark="V",
        source="The-Strategy-Unit/Frailty extract_admissions_by_discharge_location.sql",
    ),
    "care_homes": CodeSet(
        codes=("54", "55", "56", "65", "69", "85", "86"),
        mark="P",
        source="the two together, without temporary residence and hospices; 55 and 56 (care home "
        "with nursing, without) are codes of the current data dictionary",
    ),
}

_CODES_KNOWN = (
    "Residents are told by codes of source of admission or destination. The codes are poor: most "
    "residents are coded 19, usual place of residence, so that most of their admissions are "
    "missed. How many has not been measured [U]."
)
# ijpds.org/article/view/1666
_MATCH_KNOWN = (
    "Residents are told by a match of addresses (UPRN). Where such a match was measured it missed "
    "22.0% of residents; 99.4% of those matched were residents, and 88.3% of those not matched "
    "were not (IJPDS 1666). Your own linkage may differ."
)
KNOWN: Mapping[str, str] = {
    "match": _MATCH_KNOWN,
    "codes": _CODES_KNOWN,
    "match_or_codes": f"A resident is whom a match or a code says to be one. {_MATCH_KNOWN} "
    f"{_CODES_KNOWN}",
    "everyone": "No rule tells residents from others: every person in the records is counted. "
    "That is right only for an extract that was made of care home residents.",
}


def caveats(rule: Residents) -> tuple[str, ...]:
    """Return what must be said of the rule wherever it is used."""
    said = [KNOWN[rule.rule]]
    if rule.rule in ("codes", "match_or_codes"):
        chosen = CODE_SETS[rule.codes]
        said.append(f"Codes {rule.codes} [{chosen.mark}]: {', '.join(chosen.codes)}.")
    if rule.at != "admission" and rule.rule in ("codes", "match_or_codes"):
        said.append(
            "A destination of care home also finds people who moved into one after this "
            "admission: they were no residents when admitted."
        )
    return tuple(said)


def needed(rule: Residents) -> tuple[str, ...]:
    """Return the columns of ``episodes`` that the rule looks at."""
    columns = []
    if rule.rule in ("match", "match_or_codes"):
        columns.append("care_home")
    if rule.rule in ("codes", "match_or_codes"):
        sides = {"admission": "source_of_admission", "discharge": "destination"}
        columns += [column for side, column in sides.items() if rule.at in (side, "either")]
        if CODE_SETS[rule.codes].without_private:
            columns.append("category")
    return tuple(columns)


def residents(rule: Residents) -> tuple[Reason, ...]:
    """Return the reasons to leave out an admission that is not of a care home resident."""
    if rule.rule == "everyone":
        return ()
    matched = nw.col("care_home").fill_null(value=False)
    coded = _coded(rule) if rule.rule != "match" else nw.lit(value=False)
    is_resident = {"match": matched, "codes": coded, "match_or_codes": matched | coded}[rule.rule]
    reasons = []
    if rule.rule != "match" and CODE_SETS[rule.codes].without_private:
        private = Reason(
            key="private",
            stage="admissions",
            words="a private patient (ADMINCAT 02)",
            holds=nw.col("category") == "02",
        )
        reasons.append(private)
    if rule.rule == "match":
        blank = Reason(
            key="no_match",
            stage="admissions",
            words="not matched to a care home: the match is blank",
            holds=nw.col("care_home").is_null(),
        )
        reasons.append(blank)
    other = Reason(
        key="not_resident",
        stage="admissions",
        words=_WORDS[rule.rule],
        holds=~is_resident,
    )
    return (*reasons, other)


_WORDS = {
    "match": "not matched to a care home",
    "codes": "no care home by codes",
    "match_or_codes": "no care home, by match or by codes",
}


def _coded(rule: Residents) -> nw.Expr:
    codes = list(CODE_SETS[rule.codes].codes)
    came = nw.col("source_of_admission").is_in(codes).fill_null(value=False)
    went = nw.col("spell_destination").is_in(codes).fill_null(value=False)
    return {"admission": came, "discharge": went, "either": came | went}[rule.at]
