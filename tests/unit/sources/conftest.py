"""A study around small files, made in a temporary folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from evaluation.periods import Calendar
from evaluation.sources import Loaded, load
from evaluation.study import Study

Files = Mapping[str, str | bytes]
Fields = Mapping[str, object]
Make = Callable[..., Study]
Read = Callable[..., Loaded]

MONTHS = Calendar(frequency="month")
COLUMNS = {"unit": "icb", "period": "month", "count": "admissions", "exposure": "residents"}


@pytest.fixture
def make_study(tmp_path: Path) -> Make:
    """Return a function that writes files and makes a study of one outcome on them."""

    def make(files: Files, outcome: Fields | None = None, fields: Fields | None = None) -> Study:
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            raw = content if isinstance(content, bytes) else content.encode()
            path.write_bytes(raw)
        described = {
            "key": "admissions",
            "label": "Admissions",
            "files": tuple(files),
            "columns": COLUMNS,
            "per": 1000.0,
        }
        site = {"name": "North", "units": ("A",), "starts": MONTHS.parse("2024-03")}
        method = {"estimator": "twfe", "procedure": "cr2"}
        study = {
            "version": 1,
            "title": "A study",
            "time": {"frequency": "month"},
            "outcomes": ({**described, **(outcome or {})},),
            "analysis": {"primary": method, "estimators": ("twfe",), "procedures": ("cr2",)},
            "sites": (site,),
            "path": tmp_path / "study.toml",
        }
        return Study.model_validate({**study, **(fields or {})})

    return make


@pytest.fixture
def read(make_study: Make) -> Read:
    """Return a function that makes such a study and loads its outcome."""

    def load_one(
        files: Files, outcome: Fields | None = None, fields: Fields | None = None
    ) -> Loaded:
        study = make_study(files, outcome, fields)
        return load(study, study.outcomes[0])

    return load_one
