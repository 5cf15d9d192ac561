"""What a stranger installs: the wheel, the command that it brings, and the lock."""

from __future__ import annotations

import ast
import re
import resource
import subprocess
import sys
import tomllib
import zipfile
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import evaluation

ROOT = Path(__file__).resolve().parent.parent.parent
# The issue's own bound, for the whole process, start of Python included.
MOST_HELP_SECONDS = 0.2
HEAVY = {
    "dataframely",
    "gptables",
    "jinja2",
    "linearmodels",
    "numpy",
    "openpyxl",
    "pandas",
    "polars",
    "pydantic",
    "scipy",
    "statsmodels",
}


def run(*command: str, cwd: Path = ROOT) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def files_below(folder: Path) -> set[str]:
    """Return what git would hold below a folder of the project, as paths from its root."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(ROOT).as_posix() for path in found if "__pycache__" not in path.parts}


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder))
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def wheel_names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


# The wheel


@pytest.mark.parametrize("folder", ["templates", "sample_data"])
def test_what_lies_at_the_top_level_ships_inside_the_package(
    wheel_names: set[str], folder: str
) -> None:
    expected = {f"evaluation/{name}" for name in files_below(ROOT / folder)}
    assert expected
    assert expected <= wheel_names


def test_every_file_of_the_package_is_in_the_wheel(wheel_names: set[str]) -> None:
    package = files_below(ROOT / "evaluation")
    assert "evaluation/py.typed" in package
    assert package <= wheel_names


def test_nothing_but_the_package_is_in_the_wheel(wheel_names: set[str]) -> None:
    tops = {name.split("/")[0] for name in wheel_names}
    assert tops == {"evaluation", f"pilot_eval-{evaluation.__version__}.dist-info"}
    assert not [name for name in wheel_names if "__pycache__" in name or "/." in name]


def test_the_version_is_one_everywhere(wheel: Path) -> None:
    version = evaluation.__version__
    with zipfile.ZipFile(wheel) as archive:
        information = f"pilot_eval-{version}.dist-info"
        metadata = HeaderParser().parsestr(archive.read(f"{information}/METADATA").decode())
        assert archive.read(f"{information}/licenses/LICENSE").startswith(b"MIT License")
    assert metadata["Version"] == version
    assert metadata["License-Expression"] == "MIT"
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert run(sys.executable, "-m", "evaluation.cli", "--version").strip().endswith(version)


def test_the_package_itself_imports_nothing_heavy() -> None:
    tree = ast.parse((ROOT / "evaluation" / "__init__.py").read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    # os, to limit the threads of linear algebra before numpy is loaded.
    assert [ast.unparse(node) for node in imports] == ["import os"]


# The command line


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from evaluation.cli import cli\n"
        "cli(['--help'], standalone_mode=False)\n"
        "print('modules', *{name.partition('.')[0] for name in sys.modules})\n"
    )
    modules = run(sys.executable, "-c", code).splitlines()[-1].split()
    assert modules[0] == "modules"
    assert not HEAVY & set(modules)


def test_help_is_quick() -> None:
    taken = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run(sys.executable, "-m", "evaluation.cli", "--help")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(taken) < MOST_HELP_SECONDS


# The lock


def locked() -> dict[str, str]:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9][a-z0-9.-]*)==(\S+) \\$", text, flags=re.MULTILINE))


def test_the_lock_pins_every_dependency_inside_its_range(project: dict[str, Any]) -> None:
    extras = project["project"]["optional-dependencies"]
    declared = [
        *project["project"]["dependencies"],
        *extras["test"],
        *extras["dev"],
        *project["build-system"]["requires"],
    ]
    pins = locked()
    for requirement in map(Requirement, declared):
        name = canonicalize_name(requirement.name)
        assert name in pins, f"{name} is not in requirements.lock: run `just lock`"
        assert requirement.specifier.contains(pins[name]), (
            f"{name} {pins[name]} in requirements.lock is outside {requirement.specifier}"
        )


def test_the_lock_holds_versions_and_hashes_and_no_address() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    allowed = re.compile(
        r"#|#[ ]{4,}just lock|# This file is autogenerated by pip-compile with Python 3\.11"
        r"|# by the following command:|# The following packages are considered .*"
        r"|[a-z0-9][a-z0-9.-]*==[0-9][0-9a-z.]* \\"
        r"|    --hash=sha256:[0-9a-f]{64}( \\)?"
        r"|    #( via)?( {3})?( ?[A-Za-z0-9._-]+( \(pyproject\.toml(::\S+)?\))?)?"
        r"|"
    )
    assert [line for line in text.splitlines() if not allowed.fullmatch(line)] == []
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert all("--hash=sha256:" in block for block in blocks)


def test_each_dependency_has_a_floor_and_a_ceiling(project: dict[str, Any]) -> None:
    for requirement in map(Requirement, project["project"]["dependencies"]):
        operators = {specifier.operator for specifier in requirement.specifier}
        assert operators == {">=", "<"}, str(requirement)
