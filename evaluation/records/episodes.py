"""The columns of ``episodes``: what every step after cleaning reads, whatever the extract was.

One row a record. A column that an extract lacks is there and null; what needs it says so.
"""

from __future__ import annotations

import narwhals as nw
from narwhals.dtypes import DType

__all__ = ["COLUMNS", "EMERGENCY_METHODS", "OTHER_METHODS"]

COLUMNS: dict[str, type[DType]] = {
    # Who and where: a spell is one person, admission date, provider and spell number.
    "person": nw.String,
    "provider": nw.String,  # PROCODET
    "spell_number": nw.String,  # PROVSPNOPS
    "admitted": nw.Date,  # null dates (1800-01-01 and the like) are null
    "discharged": nw.Date,
    "episode_start": nw.Date,
    "episode_end": nw.Date,
    "episode_order": nw.Int64,  # EPIORDER; 98 and 99 are null
    "episode_key": nw.String,
    # Codes as text, as they are published; "" is null.
    "episode_status": nw.String,  # EPISTAT: "1", "3", "9"
    "episode_type": nw.String,  # EPITYPE: "1" to "6"
    "patient_class": nw.String,  # CLASSPAT: "1" to "5", "8", "9"
    "category": nw.String,  # ADMINCAT, two digits: "01", "02", "03", "04", "98", "99"
    "method": nw.String,  # ADMIMETH: "21" ... "2A" ... "2D", "28", "81"; 66-69 are 2A-2D again
    "source_of_admission": nw.String,  # ADMISORC, two digits, with 98 and 99
    "destination": nw.String,  # DISDEST, two digits, with 98 and 99
    "specialty": nw.String,  # MAINSPEF
    "sex": nw.String,  # "1", "2"; "0" and "9" as they are
    "age": nw.Int64,  # whole years; under one year is 0
    "birth_month": nw.String,  # MYDOB, six digits, MMYYYY: "061938"
    "lsoa": nw.String,
    "sub_icb": nw.String,  # CCG_RESIDENCE
    "icb": nw.String,
    "care_home": nw.Boolean,  # the extract's own match flag (UPRN)
    "financial_year": nw.String,  # FYEAR, "2324"
    # Codes cleaned: no padding X, no punctuation, no dagger or asterisk; R69 and blanks are gone.
    "primary": nw.String,  # "J189", "I10"; null where the first diagnosis is not known
    "diagnoses": nw.String,  # all, in order of position, the primary first: ",J189,E119,"
    "procedures": nw.String,  # ",W371,Z941,"
}

# 28 was divided into 2A to 2D in 2013/14; extracts that hold both are common.
EMERGENCY_METHODS: tuple[str, ...] = ("21", "22", "23", "24", "25", "2A", "2B", "2C", "2D", "28")
# Elective, maternity, births, transfers, high security hospitals (HES dictionary, ADMIMETH).
OTHER_METHODS: tuple[str, ...] = ("11", "12", "13", "31", "32", "81", "82", "83", "84", "89")
