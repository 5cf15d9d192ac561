from __future__ import annotations

import json
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluation.resources import resource_folder

SCRIPT = resource_folder("sample_data") / "generate.py"


@pytest.fixture
def main() -> Callable[[list[str]], None]:
    """Return the command's function."""
    found: Callable[[list[str]], None] = runpy.run_path(str(SCRIPT))["main"]
    return found


def test_the_script_renders_another_situation(tmp_path: Path) -> None:
    options = ["--out", str(tmp_path), "--effect", "avoidable_admissions=-12", "--seed", "7"]
    subprocess.run([sys.executable, str(SCRIPT), *options], check=True, capture_output=True)
    truth = json.loads((tmp_path / "true_effects.json").read_text(encoding="utf-8"))
    overall = truth["outcomes"]["avoidable_admissions"]["overall"]
    assert truth["seed"] == 7
    assert overall["per_cent"] == -12.0
    assert (tmp_path / "study.toml").is_file()


@pytest.mark.parametrize(
    "effect", ["avoidable_admissions", "avoidable_admissions=lots", "beds=-5", "prescribers=-2"]
)
def test_a_wrong_effect_is_refused_with_what_is_allowed(
    main: Callable[[list[str]], None],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    effect: str,
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--out", str(tmp_path), "--effect", effect])
    assert stop.value.code == 2
    message = capsys.readouterr().err
    assert repr(effect) in message
    assert "delayed_discharges" in message
    assert not list(tmp_path.iterdir())


def test_the_shipped_sample_is_not_overwritten_with_other_data(
    main: Callable[[list[str]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["--seed", "7"])
    assert "--out" in capsys.readouterr().err
