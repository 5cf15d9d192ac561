"""A user's own words for a statement: those that the documentation shows are taken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from evaluation.study import Wording, parse_study
from evaluation.study.keys import read_keys
from evaluation.study.wording_rules import PLACEHOLDERS

PATH = Path("study.toml")


@pytest.mark.parametrize("rule", list(Wording.model_fields))
def test_the_example_of_every_rule_is_taken(rule: str, base: str) -> None:
    text = read_keys()["Wording", rule].example
    study = parse_study(f'{base}\n[wording]\n{rule} = "{text}"\n', PATH)
    assert getattr(study.wording, rule) == text


def test_every_rule_has_its_placeholders() -> None:
    assert set(PLACEHOLDERS) == set(Wording.model_fields)


@pytest.mark.parametrize("placeholder", PLACEHOLDERS["too_early"])
def test_every_placeholder_may_stand_beside_the_interval(
    placeholder: str, edited: Callable[[list[tuple[str, str]]], str]
) -> None:
    text = f"{{{placeholder}}}: {{between}}."
    study = parse_study(edited([("add", f'[wording]\ntoo_early = "{text}"\n')]), PATH)
    assert study.wording.too_early == text
