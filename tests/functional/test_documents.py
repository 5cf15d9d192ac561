"""What a stranger reads, and the rules that every file of the tree keeps."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from textwrap import dedent

import click
import pytest

from evaluation import errors
from evaluation.cli import cli
from evaluation.errors import PilotEvalError
from evaluation.study import parse_study

ROOT = Path(__file__).resolve().parent.parent.parent
LONGEST_FILE = 350
WORDS = (
    "unit",
    "site",
    "period",
    "outcome",
    "count",
    "exposure",
    "rate",
    "adoption",
    "cohort",
    "event time",
    "lead",
    "lag",
    "pilot site",
    "comparison site",
    "donor pool",
    "att",
    "group-time att",
    "estimand",
    "interval",
    "procedure",
    "smallest effect of interest",
    "suppression",
    "release",
)


def tracked(*endings: str) -> list[Path]:
    """Return the files that git holds, by ending; all of them without one."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        message = "this is no git checkout: which files are the project's is not known"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    names = [name for name in listed.stdout.split("\0") if name.endswith(endings or ("",))]
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def lines_matching(pattern: str, files: list[Path], flags: re.RegexFlag = re.NOFLAG) -> list[str]:
    """Return ``file:line: text`` for every line that matches; files that are no text are left."""
    found = []
    wanted = re.compile(pattern, flags)
    for path in files:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            if wanted.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:160]}")
    return found


def commands() -> dict[str, click.Command]:
    context = click.Context(cli)
    found = {name: cli.get_command(context, name) for name in cli.list_commands(context)}
    return {name: command for name, command in found.items() if command is not None}


def options_of(command: click.Command) -> set[str]:
    context = click.Context(command, help_option_names=["-h", "--help"])
    return {name for parameter in command.get_params(context) for name in parameter.opts}


# The documents


def code_of(page: Path) -> list[str]:
    """Return the lines of fenced blocks and the inline code of a Markdown page."""
    text = page.read_text(encoding="utf-8")
    fenced = re.findall(r"^```[^\n]*\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    rest = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    inline = re.findall(r"`([^`\n]+)`", rest)
    return [line for block in fenced for line in block.splitlines()] + inline


def test_documents_name_only_commands_and_options_that_exist() -> None:
    known = commands()
    for page in tracked(".md"):
        for line in code_of(page):
            for words in re.findall(r"\bpilot-eval ([^&|;#]+)", line):
                first, *rest = words.split()
                if first.startswith("-"):
                    assert first in {"--help", "-h", "--version"}, f"{page.name}: {line}"
                    continue
                assert first in known, f"{page.name}: `pilot-eval {first}` is no command"
                given = {word.partition("=")[0] for word in rest if word.startswith("-")}
                assert given <= options_of(known[first]), f"{page.name}: {line}"


def test_the_readme_starts_with_the_two_commands() -> None:
    fenced = re.findall(
        r"^```[^\n]*\n(.*?)^```",
        (ROOT / "README.md").read_text(encoding="utf-8"),
        flags=re.DOTALL | re.MULTILINE,
    )
    assert fenced[0].splitlines() == [
        "pip install . && pilot-eval estimate",
        'pip install ".[test]" && pytest',
    ]


def test_the_study_file_of_the_readme_is_accepted() -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^ *```toml\n(.*?)^ *```", page, flags=re.DOTALL | re.MULTILINE)
    rest = 'version = 1\ntitle = "README"\n[time]\nfrequency = "month"\n'
    study = parse_study(rest + dedent(shown), ROOT / "study.toml")
    assert [site.units for site in study.sites] == [("QT1", "QJ2")]
    assert study.outcomes[0].smallest_effect == -5.0


def test_the_page_of_commands_is_complete() -> None:
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    for name, command in commands().items():
        section = page.partition(f"## pilot-eval {name}\n")[2].partition("\n## ")[0]
        assert section, f"docs/commands.md has no section on {name}"
        for option in options_of(command) - {"-h", "--help"}:
            if option.startswith("--"):
                assert f"`{option}" in section, f"docs/commands.md: {name} {option}"


def test_the_page_of_commands_lists_every_exit_code() -> None:
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", page, flags=re.MULTILINE)}
    kinds = [getattr(errors, name) for name in errors.__all__]
    raised = {kind.exit_code for kind in kinds if issubclass(kind, PilotEvalError)}
    assert documented == raised | {0}


def test_every_relative_link_leads_somewhere() -> None:
    broken = []
    for page in tracked(".md"):
        text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
        targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'src="([^"]+)"', text)
        for target in targets:
            path = target.partition("#")[0]
            if "://" in target or target.startswith("mailto:") or not path:
                continue
            if not (page.parent / path).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert broken == []


def test_the_glossary_fixes_the_words_of_the_design() -> None:
    page = (ROOT / "GLOSSARY.md").read_text(encoding="utf-8").lower()
    for word in WORDS:
        assert f"**{word}**" in page, word


# The house rules of the tree


def test_no_file_of_the_package_is_too_long() -> None:
    modules = [path for path in tracked(".py") if path.is_relative_to(ROOT / "evaluation")]
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in modules
    }
    assert {name: length for name, length in lengths.items() if length > LONGEST_FILE} == {}


def test_no_check_is_silenced() -> None:
    # Written with classes so that this line does not find itself.
    silenced = r"#\s*(no[q]a|type:\s*[i]gnore|pyright:\s*[i]gnore|pragma:\s*no [c]over)"
    assert lines_matching(silenced, tracked(".py", ".pyi")) == []


def test_no_file_names_a_path_of_one_machine() -> None:
    assert lines_matching(r"(^|[^A-Za-z0-9._-])/(work|tmp|root|opt|home)/", tracked()) == []


def test_no_file_names_a_registry() -> None:
    hosts = (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("debian", "org"))
    names = "|".join(r"\.".join(parts) for parts in hosts)
    assert lines_matching(names, tracked(), re.IGNORECASE) == []
    options = r"(^|\s)--?(index-url|extra-index-url|find-links|trusted-host|i|f)[ =]\S*:/"
    assert lines_matching(options, tracked()) == []


def test_the_ci_script_can_be_run() -> None:

    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_hooks_come_from_this_repository() -> None:
    text = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert re.findall(r"repo:\s*(\S+)", text) == ["local"]
    assert set(re.findall(r"language:\s*(\S+)", text)) == {"system"}
