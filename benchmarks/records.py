"""Race records: 100 million of them through polars, beside queries written by hand.

    python -m benchmarks.records [--records 100000000] [--into docs/benchmarks.md]

Every call is a process of its own: seconds are of its processor time from the first record on,
memory is the most that it ever held. Exits with 1 when what is asked is not reached, or when two
racers do not agree.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import click

from benchmarks.records_data import missing_parts
from benchmarks.tables import processor, put

__all__ = ["RACES", "Call", "main"]

_ROOT = Path(__file__).resolve().parent.parent
_MODULES = ("polars", "duckdb", "narwhals")
_MOST_BYTES = 2**30
_MOST_RATIO = 1.3
# On disk raw records and episodes take some 60 bytes each, what is laid down 40; we ask for twice.
_BYTES_A_RECORD = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Race:
    """One task: ours first, then what is written by hand.

    Parameters
    ----------
    key, title : str
    racers : tuple of tuple
        Name and ``module:function``.
    others : int
        How many of the last racers do less: they are shown, and not compared with.
    why : str
        What to know of the comparison.
    """

    key: str
    title: str
    racers: tuple[tuple[str, str], ...]
    others: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What one call took: seconds of processor time and on the clock, bytes, and its answer."""

    processor: float
    wall: float
    memory: int
    answer: Mapping[str, float]


_HAND = "benchmarks.records_by_hand"
_SPELLS = "benchmarks.spells_by_hand"
_OURS = "benchmarks.ours_records"
RACES = (
    Race(
        key="care-homes",
        title="Avoidable admissions by sub-ICB and month, `cqc_2013_iau`",
        racers=(
            ("pilot-eval on polars", f"{_OURS}:care_homes"),
            ("by hand, polars", f"{_HAND}:care_homes_polars"),
            ("by hand, DuckDB", f"{_HAND}:care_homes_duckdb"),
        ),
    ),
    Race(
        key="conditions",
        title="Avoidable admissions by sub-ICB and month, `su_19_acsc`, which searches every code",
        racers=(
            ("pilot-eval on polars", f"{_OURS}:conditions"),
            ("by hand, polars", f"{_HAND}:conditions_polars"),
            ("by hand, DuckDB", f"{_HAND}:conditions_duckdb"),
        ),
    ),
    Race(
        key="panel",
        title="From raw records to panel and ledger: `pilot-eval panel`, each spell counted once",
        racers=(
            ("pilot-eval on polars", f"{_OURS}:panel"),
            ("by hand, DuckDB, cleaned alike", f"{_SPELLS}:spells_duckdb"),
        ),
        why="Ours lays records down in TMPDIR while it runs, some 40 bytes each.",
    ),
    Race(
        key="first-episodes",
        title="The same, counting first episodes",
        racers=(
            ("pilot-eval on polars", f"{_OURS}:first_episodes"),
            ("by hand, DuckDB, cleaned alike", f"{_HAND}:panel_cleaned_duckdb"),
            ("by hand, DuckDB, nothing cleaned", f"{_HAND}:panel_duckdb"),
            ("by hand, polars, nothing cleaned", f"{_HAND}:panel_polars"),
        ),
        others=2,
        why="Two of those by hand clean nothing: they know that these records hold no blank, no "
        "stray character and no date that means none. They are not compared with.",
    ),
)


@click.command()
@click.option("--records", default=100_000_000, show_default=True)
@click.option("--rounds", default=3, show_default=True, help="Calls of each; the median counts.")
@click.option("--threads", default=2, show_default=True)
@click.option("--only", multiple=True, type=click.Choice([race.key for race in RACES]))
@click.option("--folder", type=click.Path(path_type=Path), help="Keep the records here.")
@click.option("--into", type=click.Path(path_type=Path), help="Put the tables in this page.")
def command(
    records: int,
    rounds: int,
    threads: int,
    only: tuple[str, ...],
    folder: Path | None,
    into: Path | None,
) -> bool:
    """Race records through polars beside queries written by hand."""
    parts = [_machine(records, threads)]
    reached = True
    with tempfile.TemporaryDirectory() as temporary:
        home = folder or Path(temporary)
        prepare(home, records)
        for race in RACES:
            if only and race.key not in only:
                continue
            click.echo(f"{race.title} ...", err=True)
            calls = run(race, home, rounds=rounds, threads=threads)
            lines, held = table(race, calls)
            parts.append("\n".join(lines))
            click.echo(parts[-1] + "\n")
            reached &= held
    if into is not None:
        put(into, "records", "\n\n".join(parts))
    return reached


def prepare(home: Path, records: int) -> None:
    """Write raw records and episodes, unless they are there.

    Raises
    ------
    click.ClickException
        Where the disk has no room for them.
    """
    home.mkdir(parents=True, exist_ok=True)
    missing = sum(missing_parts(home, records).values())
    free = shutil.disk_usage(home).free
    if free < missing * _BYTES_A_RECORD:
        raise click.ClickException(f"{home} has {free / 1e9:.0f} GB left, too little")
    # In a process of its own: a child starts with its parent's peak of memory.
    command_line = [sys.executable, "-m", "benchmarks.records_data", str(home), str(records)]
    subprocess.run(command_line, cwd=_ROOT, check=True)


def run(race: Race, home: Path, *, rounds: int, threads: int) -> list[list[Call]]:
    """Let the racers take turns; what else the machine does falls on all alike."""
    calls: list[list[Call]] = [[] for _ in race.racers]
    for _ in range(rounds):
        for done, (_, task) in zip(calls, race.racers, strict=True):
            said = subprocess.run(
                [sys.executable, "-m", "benchmarks.records", "call", task, str(home), str(threads)],
                cwd=_ROOT,
                env={**os.environ, "POLARS_MAX_THREADS": str(threads)},
                check=True,
                capture_output=True,
                text=True,
            )
            done.append(Call(**json.loads(said.stdout.splitlines()[-1])))
    return calls


def call(task: str, home: Path, threads: int) -> None:
    """Do a task in this process, and print what it took."""
    module, name = task.split(":")
    racer: Callable[[Path, int], Mapping[str, float]] = getattr(import_module(module), name)
    wall, processor_time = time.perf_counter(), time.process_time()
    answer = racer(home, threads)
    processor_time, wall = time.process_time() - processor_time, time.perf_counter() - wall
    memory = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told = {"processor": processor_time, "wall": wall, "memory": memory, "answer": dict(answer)}
    sys.stdout.write(json.dumps(told) + "\n")


def table(race: Race, calls: Sequence[Sequence[Call]]) -> tuple[list[str], bool]:
    """Return a race as markdown, and whether what is asked of it is reached."""
    seconds = [statistics.median(call.processor for call in done) for done in calls]
    best = min(seconds[1 : len(seconds) - race.others])
    lines = [
        f"### {race.title}",
        "",
        "| who | processor, s | on the clock, s | times the best by hand | memory, MB | figures |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
    ]
    for (name, _), done, taken in zip(race.racers, calls, seconds, strict=True):
        wall = statistics.median(call.wall for call in done)
        memory = max(call.memory for call in done) / 1e6
        figures = ", ".join(f"{key} {value:,.0f}" for key, value in done[0].answer.items())
        lines.append(
            f"| {name} | {taken:.2f} | {wall:.1f} | {taken / best:.2f} | {memory:.0f} | {figures} |"
        )
    agree = all(call.answer == calls[0][0].answer for done in calls for call in done)
    memory = max(call.memory for call in calls[0])
    held = agree and memory < _MOST_BYTES and seconds[0] <= _MOST_RATIO * best
    verdict = [
        f"Asked: under {_MOST_BYTES / 1e6:.0f} MB. Measured: {memory / 1e6:.0f} MB.",
        f"Asked: within {_MOST_RATIO:g} times of the best by hand that does the same. Measured: "
        f"{seconds[0] / best:.2f} times.",
    ]
    if race.why:
        verdict.append(race.why)
    if not agree:
        verdict.append("The racers do not agree.")
    return [*lines, "", *verdict], held


def _machine(records: int, threads: int) -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in ("pilot-eval", *_MODULES))
    return (
        f"`python -m benchmarks.records`, {records:,} records, {threads} threads each, on "
        f"{processor()} ({os.cpu_count()} cores, {platform.system()}), of which other work took "
        f"its part (load average {os.getloadavg()[1]:.0f} at the start). Python "
        f"{platform.python_version()}, {versions}."
    )


def main() -> int:
    """Run the races; return 1 when what is asked is not reached."""
    if sys.argv[1:2] == ["call"]:
        task, home, threads = sys.argv[2:]
        call(task, Path(home), int(threads))
        return 0
    reached: bool = command(standalone_mode=False) is True
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
