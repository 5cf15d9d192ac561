"""What a run was made from."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from evaluation import manifest
from evaluation.errors import SourceError
from evaluation.manifest import Manifest
from evaluation.resources import resource_folder
from evaluation.results import Result


def test_inputs_are_hashed_once_each_and_named_from_the_study(
    tmp_path: Path, example_result: Result
) -> None:
    study = example_result.study.model_copy(update={"path": tmp_path / "study.toml"})
    inside, outside = tmp_path / "b" / "a.csv", tmp_path.parent / f"{tmp_path.name}.csv"
    inside.parent.mkdir()
    inside.write_bytes(b"inside")
    outside.write_bytes(b"out")
    made = manifest.describe(study, [inside, outside, inside])
    assert {i.path: (i.sha256, i.size) for i in made.inputs} == {
        "b/a.csv": (hashlib.sha256(b"inside").hexdigest(), 6),
        outside.as_posix(): (hashlib.sha256(b"out").hexdigest(), 3),
    }
    assert made.study_file == tmp_path / "study.toml"
    assert made.seed == study.analysis.seed
    assert {"pilot-eval", "python", "statsmodels", "linearmodels", "numpy"} <= made.versions.keys()


def test_the_embedded_study_is_found_wherever_it_is_installed(example_result: Result) -> None:
    folder = resource_folder("sample_data")
    study = example_result.study.model_copy(update={"path": folder / "study.toml"})
    made = manifest.describe(study, [])
    assert made.study_path == "sample"
    assert made.study_file == folder / "study.toml"


def test_a_manifest_reads_back(example_result: Result) -> None:
    written = json.dumps(example_result.manifest.to_json())
    assert Manifest.from_json(json.loads(written)) == example_result.manifest


def test_a_file_that_went_away_is_named(tmp_path: Path, example_result: Result) -> None:
    with pytest.raises(SourceError, match=r"gone\.csv: cannot be read"):
        manifest.describe(example_result.study, [tmp_path / "gone.csv"])
