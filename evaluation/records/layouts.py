"""Which column of an extract is what: HES APC and SUS+ APCS, or the user's own names.

Headings are matched whatever their case. Marks are those of the sources: [V] read in the source
named, [P] partly corroborated, [U] not verified: look at your own extract, and name the column in
``columns`` of the study file where it differs.

Sources: the HES data dictionary; The-Strategy-Unit/hes_processing ``apc/bronze/schemas.py``;
HFAnalyticsLab/HES_pipeline ``doc/HES_expected_columns.csv``; for SUS+ the SQL of
The-Strategy-Unit/Frailty and care_shift_tracker.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["LAYOUTS", "CodeList", "Field", "Layout", "document"]

Mark = Literal["V", "P", "U"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One column of ``episodes`` and the headings that it may have, the first found is read."""

    column: str
    names: tuple[str, ...]
    meaning: str
    mark: Mark = "V"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeList:
    """How an extract gives a list of codes: a column a position, or all in one text.

    Parameters
    ----------
    first : tuple of str
        Heading of the first position; those of the others end in the numbers that follow.
    most : int
        How many positions there may be.
    joined : tuple of str
        Headings of a text that holds them all, separated by anything but letters and digits.
    mark : Mark
        How far this is verified.
    """

    first: tuple[str, ...]
    most: int
    joined: tuple[str, ...]
    mark: Mark = "V"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A declaration of one kind of extract.

    Parameters
    ----------
    key : str
        What ``layout`` in the study file says.
    title : str
        Its name.
    row : str
        What one row is.
    fields : tuple of Field
        In the order of ``episodes``.
    diagnoses, procedures : CodeList
        Where the codes are.
    constants : mapping of str to str
        What holds for every row, where the extract has no column of it.
    notes : tuple of str
        What a user must know.
    """

    key: str
    title: str
    row: str
    fields: tuple[Field, ...]
    diagnoses: CodeList
    procedures: CodeList
    constants: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def columns(self) -> dict[str, Field]:
        """The fields by column."""
        return {item.column: item for item in self.fields}


def _field(column: str, names: str, meaning: str, mark: Mark = "V") -> Field:
    return Field(column=column, names=tuple(names.split()), meaning=meaning, mark=mark)


_HES_APC = Layout(
    key="hes_apc",
    title="Hospital Episode Statistics, admitted patient care",
    row="one consultant episode",
    fields=(
        _field("person", "TOKEN_PERSON_ID ENCRYPTED_HESID PSEUDO_HESID", "pseudonym of the person"),
        _field("provider", "PROCODET PROCODE5 PROCODE3 PROCODE", "provider of treatment"),
        _field("spell_number", "PROVSPNOPS PROVSPNO", "the provider's number of the spell"),
        _field("admitted", "ADMIDATE", "date of admission, the same on every episode of a spell"),
        _field("discharged", "DISDATE", "date of discharge, on the last episode of a spell"),
        _field("episode_start", "EPISTART", "first day of the episode"),
        _field("episode_end", "EPIEND", "last day of the episode; null while it is unfinished"),
        _field("episode_order", "EPIORDER", "1 for the first episode of a spell; 98, 99 not known"),
        _field("episode_key", "EPIKEY", "key of the record"),
        _field("episode_status", "EPISTAT", "3 finished; 1 and 9 unfinished at the year's end"),
        _field("episode_type", "EPITYPE", "1 general, 2 delivery, 3 birth, 4 to 6 other"),
        _field("patient_class", "CLASSPAT", "1 ordinary, 2 day case, 3 and 4 regular, 5 mothers"),
        _field("category", "ADMINCAT", "01 NHS, 02 private, 03 amenity, 04 category II"),
        _field("method", "ADMIMETH", "how admitted; 21 to 25, 2A to 2D and 28 are emergencies"),
        _field("source_of_admission", "ADMISORC", "where the person was before; 19 is home"),
        _field("destination", "DISDEST", "where to on discharge; 98 on all but the last episode"),
        _field("specialty", "MAINSPEF", "main specialty of the consultant"),
        _field("sex", "SEX", "1 male, 2 female, 9 not specified, 0 not known"),
        _field("age", "STARTAGE STARTAGE_CALC ADMIAGE", "years; 7001 to 7007 are under one year"),
        _field(
            "birth_month", "MYDOB", "month and year of birth, MMYYYY; 011900 and others: unknown"
        ),
        _field("lsoa", "LSOA21 LSOA11", "lower super output area of residence"),
        _field("sub_icb", "CCG_RESIDENCE", "sub-ICB of residence; 59898 and 59999 are no area"),
        _field("financial_year", "FYEAR", "year of the file, 2324 for 2023/24"),
    ),
    diagnoses=CodeList(first=("DIAG_01", "DIAG_4_01"), most=20, joined=("DIAG_4_CONCAT",)),
    procedures=CodeList(
        first=("OPERTN_01", "OPERTN_4_01"),
        most=24,
        joined=("OPERTN_4_CONCAT", "OPERTN_3_CONCAT"),
    ),
    notes=(
        "There is no column of the ICB of residence; it comes from the sub-ICB or the LSOA.",
        "DIAG_3_CONCAT is not read: three characters do not tell the definitions apart.",
        "Person identifiers changed in 2021 (ENCRYPTED_HESID to TOKEN_PERSON_ID). Files that "
        "have one and files that have the other do not link: a stay across the change is two.",
    ),
)

_SUS_APCS = Layout(
    key="sus_apcs",
    title="SUS+ admitted patient care spells (NCDR, UDAL)",
    row="one spell",
    fields=(
        _field("person", "Der_Pseudo_NHS_Number", "pseudonym of the person"),
        _field("provider", "Der_Provider_Code", "provider"),
        _field("spell_number", "APCS_Ident", "key of the spell"),
        _field("admitted", "Admission_Date", "date of admission"),
        _field("discharged", "Discharge_Date", "date of discharge"),
        _field("episode_key", "APCS_Ident", "key of the spell"),
        _field("patient_class", "Patient_Classification", "as CLASSPAT"),
        _field("category", "Administrative_Category", "as ADMINCAT", "U"),
        _field("method", "Admission_Method", "as ADMIMETH"),
        _field("source_of_admission", "Source_of_Admission", "as ADMISORC"),
        _field("destination", "Discharge_Destination", "as DISDEST"),
        _field("specialty", "Main_Specialty_Code", "as MAINSPEF", "U"),
        _field("sex", "Sex", "as SEX", "U"),
        _field("age", "Age_At_Start_of_Spell_SUS", "years"),
        _field(
            "lsoa",
            "Der_Postcode_LSOA_2021_Code Der_Postcode_LSOA_2011_Code",
            "lower super output area of residence; the name with 2021 is not verified",
            "P",
        ),
        _field("sub_icb", "Der_Postcode_CCG_Code", "sub-ICB of residence", "U"),
        _field("financial_year", "Der_Financial_Year", "financial year", "U"),
        _field("primary", "Der_Primary_Diagnosis_Code", "primary diagnosis of the spell"),
    ),
    diagnoses=CodeList(first=(), most=0, joined=("Der_Diagnosis_All",), mark="P"),
    procedures=CodeList(first=(), most=0, joined=("Der_Procedure_All",), mark="P"),
    constants={"episode_order": "1", "episode_status": "3", "episode_type": "1"},
    notes=(
        "A row is a spell already, so that it counts as the one finished general episode of its "
        "spell [U].",
        "How Der_Diagnosis_All separates codes is not verified: every run of characters other "
        "than letters and digits is taken for a separator, and dots within codes are dropped.",
    ),
)

LAYOUTS: Mapping[str, Layout] = {item.key: item for item in (_HES_APC, _SUS_APCS)}


def document() -> str:
    """Return the layouts as markdown, for ``docs/records.md``."""
    return "\n".join(_described(item) for item in LAYOUTS.values())


def _described(layout: Layout) -> str:
    lines = [
        f"### `{layout.key}`: {layout.title}",
        "",
        f"One row is {layout.row}.",
        "",
        "| column | headings, the first found is read | meaning | mark |",
        "| --- | --- | --- | --- |",
    ]
    for item in layout.fields:
        names = ", ".join(f"`{name}`" for name in item.names)
        lines.append(f"| `{item.column}` | {names} | {item.meaning} | [{item.mark}] |")
    for name, codes in (("diagnoses", layout.diagnoses), ("procedures", layout.procedures)):
        wide = [f"`{heading}` to `{heading[:-2]}{codes.most}`" for heading in codes.first]
        names = ", or ".join([*wide, *(f"`{name}`" for name in codes.joined)])
        lines.append(f"| `{name}` | {names} | every code, by position | [{codes.mark}] |")
    lines += ["", *(f"- {note}" for note in layout.notes), ""]
    return "\n".join(lines)
