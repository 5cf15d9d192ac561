"""What counts as avoidable: every trap of the published lists, one record at a time."""

from __future__ import annotations

import narwhals as nw
import polars as pl
import pytest

from evaluation.records.avoidable import (
    admission_rules,
    condition_key,
    has_condition,
    is_admission,
    is_avoidable,
    meets,
    needed_columns,
)
from evaluation.records.definitions import DEFINITION_KEYS, definition, definitions
from evaluation.records.engines import collected, lazy
from evaluation.records.episodes import COLUMNS, EMERGENCY_METHODS

# An admission that every definition looks at: a woman of 84, by the emergency department.
SOMEBODY: dict[str, str | int | None] = {
    "method": "21",
    "source_of_admission": "19",
    "episode_status": "3",
    "episode_order": 1,
    "episode_type": "1",
    "patient_class": "1",
    "category": "01",
    "specialty": "430",
    "sex": "2",
    "age": 84,
    "birth_month": "061938",
    "discharged": None,
}
TYPES = {"age": pl.Int64, "episode_order": pl.Int64, "discharged": pl.Date}
BOTH = ("nhsof_2_3_i", "su_19_acsc", "iif_ac_02")


def records(*codes: str, procedures: str = "", **cells: str | int | None) -> pl.LazyFrame:
    """Return one record with these diagnoses, the primary first; "" where that is not known."""
    known = [code for code in codes if code]
    row = {
        **SOMEBODY,
        "primary": codes[0] or None if codes else None,
        "diagnoses": f",{','.join(known)}," if known else None,
        "procedures": f",{procedures.replace(' ', ',')}," if procedures else None,
        **cells,
    }
    schema = {name: TYPES.get(name, pl.String()) for name in row}
    return pl.LazyFrame([row], schema=schema)


def answer(rows: pl.LazyFrame, expression: nw.Expr) -> object:
    frame = lazy(rows).select(found=expression)
    return frame.to_native().collect().item()


def avoidable(key: str, *codes: str, procedures: str = "", **cells: str | int | None) -> bool:
    found = answer(records(*codes, procedures=procedures, **cells), is_avoidable(definition(key)))
    assert isinstance(found, bool), "never null"
    return found


def counted_by(*codes: str, procedures: str = "", **cells: str | int | None) -> set[str]:
    return {
        key for key in DEFINITION_KEYS if avoidable(key, *codes, procedures=procedures, **cells)
    }


# ------------------------------------------------------------------ the table of the sources page


@pytest.mark.parametrize(
    ("code", "counted"),
    [
        ("J459", {"nhsof_2_3_i", "su_19_acsc", "iif_ac_02"}),
        ("J449", {"nhsof_2_3_i", "su_19_acsc", "iif_ac_02", "cqc_2013_iau"}),
        ("E119", {"nhsof_2_3_i", "cqc_2013_iau"}),
        ("E115", {"nhsof_2_3_i", "su_19_acsc", "iif_ac_02", "cqc_2013_iau"}),
        ("F03", {"nhsof_2_3_i"}),
        ("L891", {"cqc_2013_iau"}),
        ("S720", {"cqc_2013_iau"}),
        ("J189", {"nhsof_3a", "cqc_2013_iau"}),
        ("J181", {"nhsof_3a", "su_19_acsc", "iif_ac_02", "cqc_2013_iau"}),
        ("N390", {"nhsof_3a", "cqc_2013_iau"}),
        ("N12", {"nhsof_3a", "su_19_acsc", "iif_ac_02"}),
        ("I10", {"nhsof_2_3_i", "su_19_acsc", "iif_ac_02"}),
        ("I480", {"nhsof_2_3_i"}),
        ("E86", {"nhsof_3a", "su_19_acsc"}),
        ("D519", {"nhsof_2_3_i"}),
        ("I259", {"nhsof_2_3_i"}),
        ("I248", {"nhsof_3a", "su_19_acsc"}),
        ("I130", {"nhsof_2_3_i"}),
        ("I500", {"nhsof_2_3_i", "su_19_acsc", "iif_ac_02"}),
        ("K250", {"nhsof_3a", "su_19_acsc"}),
        ("Z719", set()),
    ],
)
def test_a_primary_diagnosis_counts_where_the_lists_have_it(code: str, counted: set[str]) -> None:
    assert counted_by(code) == counted


# ------------------------------------------------------------------ traps in diagnoses


@pytest.mark.parametrize("key", BOTH)
def test_bronchitis_counts_only_with_chronic_disease_besides(key: str) -> None:
    assert not avoidable(key, "J209")
    assert not avoidable(key, "J209", "I10", "E119")
    assert avoidable(key, "J209", "I10", "J449")
    assert avoidable(key, "J209", "J47")
    # J40 and J45 are not among them.
    assert not avoidable(key, "J209", "J40", "J459")


def test_bronchitis_counts_by_itself_for_care_homes() -> None:
    assert counted_by("J209") == {"cqc_2013_iau"}


def test_a_secondary_bronchitis_counts_nowhere() -> None:
    assert counted_by("Z719", "J209", "J459") == set()


def test_diabetes_in_any_position_makes_anything_avoidable_in_two_lists() -> None:
    assert counted_by("S720", "I10", "E115") == {"su_19_acsc", "iif_ac_02", "cqc_2013_iau"}
    assert counted_by("M179", "E119") == set()
    assert counted_by("M179", "E118") == {"su_19_acsc", "iif_ac_02"}


def test_gangrene_and_pneumonia_count_in_any_position_in_one_list() -> None:
    assert counted_by("M179", "R02") == {"su_19_acsc"}
    assert counted_by("M179", "J181") == {"su_19_acsc"}


def test_a_code_is_not_found_in_the_middle_of_another() -> None:
    # "R02" and "E118" within what is written, but no code begins so.
    assert counted_by("M179", "ZR02", "1E118") == set()


def test_sickle_cells_stop_pneumonia_where_the_list_says() -> None:
    for key in ("su_19_acsc", "nhsof_3a", "iif_ac_02"):
        assert avoidable(key, "J181", "I10")
        assert not avoidable(key, "J181", "I10", "D570")
    assert avoidable("cqc_2013_iau", "J181", "D570")


def test_a_secondary_exclusion_does_not_look_at_the_primary() -> None:
    assert avoidable("su_19_acsc", "D570", "J181")
    assert not avoidable("su_19_acsc", "D570", "J181", "D571")


def test_sickle_cells_stop_hepatitis_in_any_position() -> None:
    assert avoidable("nhsof_2_3_i", "B180")
    assert not avoidable("nhsof_2_3_i", "B180", "D571")


def test_a_first_code_is_secondary_where_the_primary_is_not_known() -> None:
    # R69X is gone from the text and from primary.
    assert avoidable("su_19_acsc", "", "J181")
    assert not avoidable("su_19_acsc", "", "D570", "J181")
    assert counted_by("", "E119", "J449") == set()


def test_food_and_liquid_pneumonitis_is_anchored() -> None:
    assert avoidable("cqc_2013_iau", "J690")
    for other in ("J60", "J628", "J678", "J689"):
        assert not avoidable("cqc_2013_iau", other)


def test_urinary_infection_is_one_code_of_its_category() -> None:
    assert avoidable("cqc_2013_iau", "N390")
    for other in ("N391", "N393", "N399", "N39"):
        assert not avoidable("cqc_2013_iau", other)


def test_eating_and_drinking_hold_what_was_added() -> None:
    for code in ("R630", "R631", "R632", "R633", "R634", "R636", "R638"):
        assert avoidable("cqc_2013_iau", code)
    for code in ("R635", "R637"):
        assert not avoidable("cqc_2013_iau", code)


def test_no_diagnosis_is_no_condition() -> None:
    assert counted_by() == set()
    assert counted_by("") == set()


# ------------------------------------------------------------------ traps in procedures


def test_heart_failure_with_a_heart_operation_does_not_count() -> None:
    for key in ("nhsof_2_3_i", "su_19_acsc"):
        assert avoidable(key, "I500")
        assert avoidable(key, "I500", procedures="X403 Z941")
        assert not avoidable(key, "I500", procedures="X403 K402")


def test_one_list_looks_at_the_first_procedure_only() -> None:
    assert not avoidable("iif_ac_02", "I500", procedures="K402 X403")
    assert avoidable("iif_ac_02", "I500", procedures="X403 K402")
    assert not avoidable("iif_ac_02", "L031", procedures="S156")
    assert avoidable("iif_ac_02", "L031", procedures="Z941 S156")


def test_angina_of_the_19_conditions_looks_at_the_first_procedure_only() -> None:
    assert not avoidable("su_19_acsc", "I200", procedures="K402")
    assert avoidable("su_19_acsc", "I200", procedures="U201 K402")
    assert not avoidable("nhsof_2_3_i", "I200", procedures="U201 K402")


def test_lists_of_heart_operations_differ() -> None:
    # K73 and K74 stop hypertension and heart failure in 2.3.i, and nothing elsewhere.
    assert not avoidable("nhsof_2_3_i", "I10", procedures="K731")
    assert avoidable("su_19_acsc", "I10", procedures="K731")
    assert not avoidable("nhsof_2_3_i", "I500", procedures="K731")
    assert avoidable("su_19_acsc", "I500", procedures="K731")


def test_operations_stop_nothing_for_care_homes() -> None:
    assert avoidable("cqc_2013_iau", "S720", procedures="W371 Z843")


@pytest.mark.parametrize(
    ("procedure", "stops"),
    [("S451", True), ("S461", False), ("X021", True), ("X111", False), ("I011", False)],
)
def test_cellulitis_of_the_19_conditions_names_its_operations(procedure: str, stops: bool) -> None:
    # S46 is not among S41 to S49 by the list; X0 stands for X01, X02, X04 and X05.
    assert avoidable("su_19_acsc", "L031", procedures=procedure) is not stops


# ------------------------------------------------------------------ traps in admissions


@pytest.mark.parametrize("method", EMERGENCY_METHODS)
def test_every_emergency_method_is_kept_but_where_the_list_says(method: str) -> None:
    expected = {key for key in DEFINITION_KEYS if key != "nhsof_3a"} - {"cqc_2013_iau"}
    if method in ("22", "25"):
        expected -= {"iif_ac_02"}
    assert counted_by("J459", method=method) == expected
    assert avoidable("cqc_2013_iau", "N390", method=method)
    assert avoidable("nhsof_3a", "N390", method=method)


@pytest.mark.parametrize("method", ["11", "12", "13", "31", "32", "81", "82", "99", None])
def test_no_other_method_counts(method: str | None) -> None:
    assert counted_by("J449", method=method) == set()


def test_unfinished_episodes_count_by_the_framework_alone() -> None:
    assert avoidable("nhsof_2_3_i", "J449", episode_status="1")
    assert avoidable("nhsof_3a", "N390", episode_status="1")
    assert not avoidable("iif_ac_02", "J449", episode_status="1")
    assert not avoidable("nhsof_2_3_i", "J449", episode_status="9")


def test_later_episodes_do_not_count_where_episodes_are_asked_about() -> None:
    for key in ("nhsof_2_3_i", "iif_ac_02"):
        assert not avoidable(key, "J449", episode_order=2)
        assert not avoidable(key, "J449", episode_order=None)


def test_transfers_are_left_out_by_the_framework() -> None:
    for source in ("51", "52", "53"):
        assert counted_by("J449", source_of_admission=source) == {
            "su_19_acsc",
            "iif_ac_02",
            "cqc_2013_iau",
        }
    # Not known is no transfer: the R implementation drops 98 and 99 too, the framework does not.
    for unknown in ("98", "99", None):
        assert avoidable("nhsof_2_3_i", "J449", source_of_admission=unknown)


def test_private_patients_are_left_out_for_care_homes() -> None:
    assert not avoidable("cqc_2013_iau", "J449", category="02")
    for category in ("01", "03", "98", None):
        assert avoidable("cqc_2013_iau", "J449", category=category)


@pytest.mark.parametrize(("age", "counts"), [(64, False), (65, True), (119, True), (None, False)])
def test_care_homes_are_about_65_and_over(age: int | None, counts: bool) -> None:
    assert avoidable("cqc_2013_iau", "J449", age=age) is counts


def test_an_age_that_is_not_known_is_not_an_age() -> None:
    assert counted_by("J449", age=None) == {"su_19_acsc"}
    assert "nhsof_2_3_i" in counted_by("J449", age=0)


def test_sex_is_known_where_the_list_asks() -> None:
    for unknown in ("0", "9", None):
        assert counted_by("J449", sex=unknown) == {"su_19_acsc", "cqc_2013_iau"}


def test_maternity_specialties_are_left_out_by_one_list() -> None:
    for specialty in ("501", "560", "610"):
        assert not avoidable("iif_ac_02", "J449", specialty=specialty)
        assert avoidable("nhsof_2_3_i", "J449", specialty=specialty)
    assert avoidable("iif_ac_02", "J449", specialty=None)


def test_unknown_dates_of_birth_are_left_out_by_the_fund_alone() -> None:
    for month in ("011900", "011901", "011800"):
        assert not avoidable("iif_ac_02", "J449", birth_month=month)
        assert avoidable("nhsof_2_3_i", "J449", birth_month=month)
    # NHSDigital/iif_indicators tests these three and the ones that stay; a blank is kept here.
    for known in ("012022", "011999", "021987", None):
        assert avoidable("iif_ac_02", "J449", birth_month=known)


def test_an_extract_without_months_of_birth_is_not_asked_for_them() -> None:
    rules = admission_rules(definition("iif_ac_02"), lacking={"birth_month"})
    assert "birth_month" not in {rule.key for rule in rules}
    assert "birth_month" in needed_columns(definition("iif_ac_02"))


def test_day_cases_and_births_are_left_out_where_the_list_asks() -> None:
    assert counted_by("J449", patient_class="2") == {"su_19_acsc", "cqc_2013_iau"}
    assert counted_by("J449", episode_type="2") == {"su_19_acsc", "cqc_2013_iau"}


# ------------------------------------------------------------------ identities


def test_rules_and_conditions_make_the_whole() -> None:
    rows = pl.concat(
        [
            records("J209", "J449"),
            records("J209"),
            records("I500", procedures="K402"),
            records("J449", method="11"),
            records("E119", age=None, sex="9"),
            records("", "E118"),
            records("N390", source_of_admission="51"),
        ]
    )
    for found in definitions().values():
        table = collected(
            lazy(rows).select(
                whole=is_avoidable(found),
                admitted=is_admission(found),
                with_condition=has_condition(found),
                key=condition_key(found),
                **{f"rule {rule.key}": rule.keeps for rule in admission_rules(found)},
                **{f"meets {c.key}": meets(c) for c in found.conditions},
            ),
            {
                "whole": pl.Boolean,
                "admitted": pl.Boolean,
                "with_condition": pl.Boolean,
                "key": pl.String,
                **{f"rule {rule.key}": pl.Boolean for rule in admission_rules(found)},
                **{f"meets {c.key}": pl.Boolean for c in found.conditions},
            },
        )
        assert table.drop("key").null_count().sum_horizontal().item() == 0
        rules = [name for name in table.columns if name.startswith("rule ")]
        conditions = [name for name in table.columns if name.startswith("meets ")]
        held = table.select(
            (pl.col("whole") == (pl.col("admitted") & pl.col("with_condition"))).all().alias("a"),
            (pl.col("admitted") == pl.all_horizontal(rules)).all().alias("b"),
            (pl.col("with_condition") == pl.any_horizontal(conditions)).all().alias("c"),
            (pl.col("with_condition") == pl.col("key").is_not_null()).all().alias("d"),
        )
        assert held.row(0) == (True, True, True, True), found.key


def test_an_admission_is_labelled_with_the_first_condition_of_the_list() -> None:
    found = definition("su_19_acsc")
    # Gangrene (any position) stands before heart failure and diabetes in the list.
    assert answer(records("I500", "E118", "R02"), condition_key(found)) == "gangrene"
    assert answer(records("I500", "E118"), condition_key(found)) == "heart_failure"
    assert answer(records("Z719", "E118"), condition_key(found)) == "diabetes"
    assert answer(records("Z719"), condition_key(found)) is None


def test_what_an_extract_lacks_is_not_asked() -> None:
    found = definition("iif_ac_02")
    row = records("J449", episode_status=None)
    assert answer(row, is_avoidable(found)) is False
    assert answer(row, is_avoidable(found, lacking={"episode_status"})) is True
    keys = [rule.key for rule in admission_rules(found, lacking={"episode_status"})]
    assert "episode_status" not in keys
    assert "method" in keys


def test_reasons_name_the_definition_and_the_rule() -> None:
    reasons = {rule.key: rule.reason for rule in admission_rules(definition("cqc_2013_iau"))}
    assert reasons == {
        "method": "not an admission by cqc_2013_iau: method of admission, or not known",
        "category": "not an admission by cqc_2013_iau: administrative category 02",
        "age": "not an admission by cqc_2013_iau: age under 65, or not known",
    }


def test_needed_columns_are_columns_of_episodes() -> None:
    assert needed_columns(definition("cqc_2013_iau")) == {"method", "category", "age", "primary"}
    for found in definitions().values():
        assert needed_columns(found) <= set(COLUMNS)
        row = records("J209", "J449").select(sorted(needed_columns(found)))
        assert isinstance(answer(row, is_avoidable(found)), bool)
