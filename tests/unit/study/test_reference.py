"""The documentation of the study file cannot drift from the model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, TypeAdapter

from evaluation import geography
from evaluation.errors import UsageError
from evaluation.periods import FREQUENCIES
from evaluation.study import parse_study
from evaluation.study.keys import choices, file_fields, is_period, nested_model, read_keys
from evaluation.study.model import NOT_IN_FILE, PERIOD_READER, Study
from evaluation.study.reference import BEGIN, END, key_tables, main, with_key_tables
from evaluation.study.shape import with_tuples

PAGE = Path(__file__).resolve().parents[3] / "docs" / "study-file.md"


def models(model: type[BaseModel] = Study) -> Iterator[type[BaseModel]]:
    yield model
    for field in file_fields(model).values():
        inside = nested_model(field)
        if inside is not None:
            yield from models(inside)


MODELS = {model.__name__: model for model in models()}
KEYS = [(name, key) for name, model in MODELS.items() for key in file_fields(model)]
each_key = pytest.mark.parametrize(("name", "key"), KEYS)


def test_every_field_of_every_model_has_its_words_and_no_other_has() -> None:
    assert set(KEYS) == set(read_keys())


def test_what_is_no_key_of_the_file_is_of_the_study_alone() -> None:
    assert set(Study.model_fields) - set(file_fields(Study)) == set(NOT_IN_FILE)
    for model in MODELS.values():
        assert model is Study or not set(model.model_fields) & set(NOT_IN_FILE)


@each_key
def test_every_example_is_accepted(name: str, key: str) -> None:
    model = MODELS[name]
    example = with_tuples({"example": read_keys()[name, key].example})["example"]
    info = file_fields(model)[key]
    adapter: TypeAdapter[object] = (
        TypeAdapter(info.rebuild_annotation(), config=ConfigDict(strict=True, allow_inf_nan=False))
        if nested_model(info) is None
        else TypeAdapter(info.rebuild_annotation())
    )
    assert adapter.validate_python(example, context={PERIOD_READER: lambda _: 0}) is not None


@each_key
def test_what_is_allowed_is_said_in_words_or_listed(name: str, key: str) -> None:
    info = file_fields(MODELS[name])[key]
    words = read_keys()[name, key]
    assert words.what.endswith(".")
    assert words.allowed or choices(info)
    assert is_period(info) == ("period of time.frequency" in words.allowed)


def test_the_boundaries_that_are_said_to_be_allowed_are() -> None:
    allowed = read_keys()["Geography", "boundaries"].allowed
    assert tuple(re.findall(r'"([^"]+)"', allowed)) == geography.BOUNDARIES


# ------------------------------------------------------------------ the page


def test_the_page_holds_the_tables_as_they_are_now() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert with_key_tables(text) == text, "run: python -m evaluation.study.reference " + str(
        PAGE.relative_to(PAGE.parents[1])
    )


@each_key
def test_every_field_is_in_the_page(name: str, key: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    words = read_keys()[name, key]
    row = f"| `{key}` | {words.what} |"
    assert row in page


def test_the_page_names_every_frequency() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [f for f in FREQUENCIES if f'| `"{f}"` |' not in page] == []


EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_every_study_file_of_the_page_is_right(number: int) -> None:
    study = parse_study(EXAMPLES[number], Path("study.toml"))
    assert parse_study(study.text, study.path) == study


def test_the_page_has_a_short_a_long_and_a_column_example() -> None:
    studies = [parse_study(text, Path("study.toml")) for text in EXAMPLES]
    assert [len(study.sites) for study in studies] == [1, 2, 0]


# ------------------------------------------------------------------ how it is made


def test_tables_stand_between_the_markers_and_nothing_else_moves() -> None:
    text = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert with_key_tables(text) == f"before\n{BEGIN}\n\n{key_tables()}\n{END}\nafter\n"


@pytest.mark.parametrize("text", ["", BEGIN, END, f"{END}{BEGIN}", f"{BEGIN}{BEGIN}{END}"])
def test_a_page_without_markers_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="the markers of the tables are not there"):
        with_key_tables(text)


def test_the_command_writes_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{BEGIN}\n{END}", encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["reference", str(page)])
    main()
    assert page.read_text(encoding="utf-8") == f"{BEGIN}\n\n{key_tables()}\n{END}"
