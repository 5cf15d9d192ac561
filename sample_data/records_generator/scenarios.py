"""Why people are in hospital: codes as HES holds them, and which definitions count them.

What counts is written here by hand from the published lists, so that it can be held against the
code, which reads the lists.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DEFINITIONS", "SCENARIOS", "Scenario"]

_LETTERS = {
    "q": "cqc_2013_iau",
    "c": "nhsof_2_3_i",
    "a": "nhsof_3a",
    "s": "su_19_acsc",
    "i": "iif_ac_02",
}
DEFINITIONS = tuple(_LETTERS.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One reason to be in hospital.

    Parameters
    ----------
    diagnoses, procedures : tuple of str
        As cells of HES, the first the primary; padding and stray characters are part of them.
    counted_by : frozenset of str
        The definitions by whose conditions it is avoidable.
    weight : float
        How often it comes, against the others.
    """

    diagnoses: tuple[str, ...]
    procedures: tuple[str, ...]
    counted_by: frozenset[str]
    weight: float


def _scenario(
    diagnoses: str, counted_by: str = "", *, procedures: str = "", weight: float = 1.0
) -> Scenario:
    return Scenario(
        diagnoses=tuple(diagnoses.split()),
        procedures=tuple(procedures.split()),
        counted_by=frozenset(_LETTERS[letter] for letter in counted_by),
        weight=weight,
    )


SCENARIOS: tuple[Scenario, ...] = (
    # Nothing of it is avoidable by any list.
    _scenario("I214 I10X E785", weight=6),
    _scenario("M1711 I10X", procedures="W401 Z845", weight=6),
    _scenario("K358", procedures="H011", weight=4),
    _scenario("Z511 C509", procedures="X721", weight=5),
    _scenario("O800 Z370", procedures="R249", weight=3),
    _scenario("R69X", procedures="-", weight=2),
    _scenario("R69X3 I10X J449", weight=1),
    _scenario("G20X F03X N390", weight=3),
    _scenario("J628 Z875"),
    _scenario("N391"),
    _scenario("R635"),
    # Counted by some, not by others.
    _scenario("J459 Z880", "csi", weight=2),
    _scenario("J46X", "csi"),
    _scenario("J449 I10X Z720", "qcsi", weight=3),
    _scenario("J440 J181", "qcsi", weight=2),
    _scenario("J189 N179 F03X", "qa", weight=4),
    _scenario("J181 I10X", "qasi", weight=2),
    _scenario("J181 D570", "q", weight=0.4),
    _scenario("D570 J181", "s", weight=0.4),
    _scenario("D570 J181 D571", "", weight=0.4),
    _scenario("R69X J181", "s", weight=0.4),
    _scenario("J209", "q", weight=2),
    _scenario("J209 I10X J449", "qcsi", weight=1),
    _scenario("J209 J40X J459", "q", weight=1),
    _scenario("J690", "q", weight=2),
    _scenario("N390 B962 F03X", "qa", weight=4),
    _scenario("N39.0", "qa", weight=0.5),
    _scenario("N10X", "asi"),
    _scenario("N12X", "asi"),
    _scenario("E86X N179", "as", weight=1.5),
    _scenario("E119", "qc", weight=1),
    _scenario("E11.5 I702", "qcsi", weight=0.5),
    _scenario("E113D H360A", "qcsi", weight=1),
    _scenario("S7200 E118 I10X", "qsi", weight=2),
    _scenario("S7200 E119 I10X", "q", weight=2),
    _scenario("M179 E118", "si", procedures="W401", weight=2),
    _scenario("M179 R02X", "s", weight=0.5),
    _scenario("I500 I10X", "csi", weight=3),
    _scenario("I500", "", procedures="K402 Y532", weight=0.7),
    _scenario("I500", "i", procedures="X403 K402", weight=0.7),
    _scenario("I500", "csi", procedures="& U201", weight=0.7),
    _scenario("I130", "c", weight=0.5),
    _scenario("I10X", "csi", weight=1.5),
    _scenario("I10X", "si", procedures="K731", weight=0.4),
    _scenario("I200", "cs", weight=1),
    _scenario("I200", "s", procedures="U201 K402", weight=0.4),
    _scenario("I259", "c", weight=1),
    _scenario("I248", "as", weight=0.4),
    _scenario("I480", "c", weight=2),
    _scenario("F03X", "c", weight=1),
    _scenario("F010", "c", weight=0.5),
    _scenario("D509", "cs", weight=0.7),
    _scenario("D513", "c", weight=0.3),
    _scenario("B180", "cs", weight=0.2),
    _scenario("B180 D571", "s", weight=0.2),
    _scenario("G409", "csi", weight=1),
    _scenario("R568", "asi", weight=1),
    _scenario("L031", "asi", weight=1),
    _scenario("L031", "i", procedures="Z941 S156", weight=0.4),
    _scenario("L031", "", procedures="S156 Z941", weight=0.4),
    _scenario("L020", "a", weight=0.4),
    _scenario("L892", "q", weight=1.5),
    _scenario("R630", "q", weight=0.5),
    _scenario("R633", "q", weight=0.5),
    _scenario("A099", "q", weight=0.7),
    _scenario("S525", "q", weight=1.5),
    _scenario("K250", "as", weight=0.4),
    _scenario("H669", "asi", weight=0.4),
    _scenario("K047", "as", weight=0.3),
    _scenario("N739", "s", weight=0.2),
    _scenario("E43X", "s", weight=0.2),
)
