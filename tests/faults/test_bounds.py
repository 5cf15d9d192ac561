"""Files made to fill the memory, in a process of its own: refused soon, in little memory."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from faulty.books import bomb, bookwise
from faulty.edits import Build, swap
from faulty.fault import SOURCE, Answer, hold_readable

# Kilobytes above what the good study takes, and seconds of work above it. What is refused is not
# unpacked: a line of 100 MB is held as it stands, and a gibibyte would be a file unpacked.
_MOST_MEMORY = 250_000
_MOST_SECONDS = 3.0
_LINE = 100 * 2**20
# The peak of this process alone: that of getrusage begins with the process that started it.
_MEASURED = """
import json, re, sys, time
from pathlib import Path
figures = Path(sys.argv.pop())
from evaluation.cli import main
try:
    main()
finally:
    status = Path("/proc/self/status").read_text()
    peak = int(re.search(r"VmHWM:\\s*(\\d+) kB", status)[1])
    figures.write_text(json.dumps([peak, time.process_time()]))
"""


def _one_line(folder: Path) -> None:
    (folder / "outcomes.csv").write_bytes(b"7" * _LINE)


def _one_line_of_many_cells(folder: Path) -> None:
    with (folder / "outcomes.csv").open("ab") as stream:
        stream.write(b"7," * (_LINE // 2))


def _half_a_billion_rows(folder: Path) -> None:
    rows = pl.select(icb=pl.repeat(None, 2**28 + 1, dtype=pl.Null))
    rows.write_parquet(folder / "outcomes.parquet")
    swap("study.toml", "outcomes.csv", "outcomes.parquet")(folder)


def _measured(folder: Path) -> tuple[Answer, int, float]:
    """Run the command as a user does; return what it said, its peak memory and its work."""
    figures = folder / "figures.json"
    command = [sys.executable, "-W", "error", "-c", _MEASURED, "check", str(folder / "study.toml")]
    done = subprocess.run(
        [*command, "--quiet", str(figures)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    memory, seconds = json.loads(figures.read_text(encoding="utf-8"))
    return Answer(code=done.returncode, out=done.stdout, err=done.stderr), memory, seconds


pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the peak of memory is not to be had"
)


@pytest.fixture(scope="module")
def usual(
    good_folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[int, float]:
    """Return the memory and the seconds that the good study takes."""
    folder = tmp_path_factory.mktemp("usual") / "study"
    shutil.copytree(good_folders["TABLE"], folder)
    told, memory, seconds = _measured(folder)
    assert (told.code, told.said.strip()) == (0, "")
    return memory, seconds


@pytest.mark.parametrize(
    ("build", "words"),
    [
        pytest.param(
            _one_line, ("outcomes.csv, line 1", "104,857,600 characters", "1,048,576"), id="a line"
        ),
        pytest.param(
            _one_line_of_many_cells,
            ("outcomes.csv, line 110", "104,857,600 characters", "get it again"),
            id="a line of 50 million cells",
        ),
        pytest.param(
            bookwise(bomb(4000)), ("outcomes.xlsx", "unpacks to 3.9 GiB", "CSV UTF-8"), id="a bomb"
        ),
        pytest.param(
            bookwise(bomb(4000, declared=5000)),
            ("outcomes.xlsx", "cut off or damaged", "get it again"),
            id="a bomb that hides its size",
        ),
        pytest.param(
            _half_a_billion_rows,
            ("outcomes.parquet", "268,435,457 rows of 1 cells", "at most 268,435,456 cells"),
            id="Parquet of 268 million rows",
        ),
    ],
)
def test_what_would_fill_the_memory_is_refused_soon(
    good_folders: dict[str, Path],
    usual: tuple[int, float],
    tmp_path: Path,
    build: Build,
    words: tuple[str, ...],
) -> None:
    folder = tmp_path / "study"
    shutil.copytree(good_folders["TABLE"], folder)
    build(folder)
    told, memory, seconds = _measured(folder)
    assert told.code == SOURCE, told.said
    assert all(word in told.err for word in words), told.err
    hold_readable(told)
    assert memory - usual[0] < _MOST_MEMORY
    assert seconds - usual[1] < _MOST_SECONDS
