"""Run races from the command line, and show them as tables of markdown."""

from __future__ import annotations

import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import click

from benchmarks.side_by_side import Course, Race, Run, run

__all__ = ["main", "processor", "put"]

_OURS = ("pilot-eval", "numpy", "scipy", "polars", "linearmodels", "statsmodels")
_PEERS = (
    *("pyfixest", "wildboottest", "diff-diff", "csdid", "moderndid", "synthdid-py"),
    *("linearmodels", "numpy", "scipy", "numba"),
)
_VERSIONS = """
import platform
from importlib.metadata import PackageNotFoundError, version
print("Python " + platform.python_version())
for name in {names!r}:
    try:
        print(name + " " + version(name))
    except PackageNotFoundError:
        print(name + " absent")
"""
_HEAD = (
    "| who | warm, s | first call, s | {0} | memory, MB | of it before | figures |",
    "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
)


def main(key: str, races: Sequence[Race]) -> int:
    """Read the command line, run the races; return 1 when what is asked is not reached."""

    @click.command()
    @click.option("--peers", type=click.Path(exists=True, path_type=Path), help="Their Python.")
    @click.option("--only", multiple=True, type=click.Choice([race.key for race in races]))
    @click.option("--threads", default=1, show_default=True)
    @click.option("--patience", default=900.0, show_default=True, help="Seconds for one call.")
    @click.option("--memory", default=12.0, show_default=True, help="Gigabytes for one racer.")
    @click.option("--into", type=click.Path(path_type=Path), help="Put the tables in this page.")
    def command(
        peers: Path | None,
        only: tuple[str, ...],
        threads: int,
        patience: float,
        memory: float,
        into: Path | None,
    ) -> bool:
        """Race this package beside its peers."""
        if peers is None:
            click.echo("No --peers: only this package will be timed (benchmarks/README.md).\n")
        parts = [_machine(key, peers, threads)]
        reached = True
        with tempfile.TemporaryDirectory() as folder:
            course = Course(
                peers=peers,
                folder=Path(folder),
                threads=threads,
                patience=patience,
                memory=memory,
            )
            for race in races:
                if only and race.key not in only:
                    continue
                click.echo(f"{race.title} ...", err=True)
                lines, held = _table(race, run(race, course))
                parts.append("\n".join(lines))
                click.echo(parts[-1] + "\n")
                reached &= held
        if into is not None:
            put(into, key, "\n\n".join(parts))
        return reached

    reached: bool = command(standalone_mode=False) is True
    return 0 if reached else 1


def _machine(key: str, peers: Path | None, threads: int) -> str:
    """Say what the figures were measured on, and how."""
    ours = ", ".join(f"{name} {version(name)}" for name in _OURS)
    asked = "" if peers is None else " --peers PYTHON"
    lines = [
        f"`python -m benchmarks.{key}{asked}`, {threads} thread(s) each, on "
        f"{processor()}, {os.cpu_count()} cores, {platform.system()};",
        f"what runs beside it: a load average of {os.getloadavg()[1]:.0f} at the start.",
        f"Here: Python {platform.python_version()}, {ours}.",
    ]
    if peers is not None:
        said = subprocess.run(
            [peers, "-c", _VERSIONS.format(names=_PEERS)],
            check=True,
            capture_output=True,
            text=True,
        )
        lines.append(f"Peers: {', '.join(said.stdout.splitlines())}.")
    return "\n".join(lines)


def processor() -> str:
    """Return the name of this machine's processor."""
    told = Path("/proc/cpuinfo")
    if told.exists():
        for line in told.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _table(race: Race, runs: Sequence[Run]) -> tuple[list[str], bool]:
    """Return a race as markdown, and whether what is asked of it is reached."""
    first = runs[0]
    lines = [f"### {race.title}", "", *(line.format("times the first") for line in _HEAD)]
    for done in runs:
        if done.trouble:
            lines.append(f"| {done.racer.name} | {done.trouble} | | | | | |")
            continue
        cells = (
            done.racer.name,
            _seconds(done.median),
            _seconds(done.first),
            f"{_ratio(done, first, race):.3g}",
            f"{done.memory / 1e6:.0f}",
            f"{done.before / 1e6:.0f}",
            _words(done.answer),
        )
        lines.append(f"| {' | '.join(cells)} |")
    held, verdict = _verdict(race, runs)
    return [*lines, *(["", verdict] if verdict else [])], held


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}" if value >= 0.1 else f"{value:.4f}"


def _words(answer: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in answer.items())


def _ratio(done: Run, first: Run, race: Race) -> float:
    """Return how many times as long a racer took: the median over rounds, or of medians."""
    if not first.warm or not done.warm:
        return float("nan")
    if not race.in_turns:
        return statistics.median(done.warm) / statistics.median(first.warm)
    pairs = zip(done.warm, first.warm, strict=False)
    return statistics.median(theirs / ours for theirs, ours in pairs)


def _verdict(race: Race, runs: Sequence[Run]) -> tuple[bool, str]:
    """Return whether what is asked is reached, and say it."""
    if any(done.racer.ours and done.trouble for done in runs):
        return False, "Asked: not everything was measured of this package."
    if race.at_most is not None:
        warm, cold = runs[0].median or 0.0, runs[0].first or 0.0
        return warm < race.at_most, (
            f"Asked: under {race.at_most:g} s of processor time. Measured: {warm:.3g} s warm, "
            f"{cold:.3g} s in a fresh process, which loads libraries first."
        )
    if race.asked is None:
        return True, ""
    pairs = [
        (mine, beside)
        for place, mine in enumerate(runs)
        if (beside := [r for r in runs if _is_beside(r, place)])
    ]
    if not pairs:
        return True, "No peer was there to compare with."
    reached, lines = True, [f"Asked: {race.asked:g} times as fast as the faster peer."]
    for mine, beside in pairs:
        fastest = min(beside, key=lambda done: done.median or math.inf)
        ratio = _ratio(fastest, mine, race)
        cold = (fastest.median or math.nan) / (mine.first or math.nan)
        reached &= ratio >= race.asked
        lines.append(
            f"{mine.racer.name}: {ratio:.3g} times as fast as {fastest.racer.name}, both warm; "
            f"{cold:.3g} times, our first call in a fresh process against its warm ones."
        )
    return reached, "\n".join(lines)


def _is_beside(done: Run, place: int) -> bool:
    return not done.racer.ours and done.racer.beside == place and bool(done.warm)


def put(page: Path, key: str, text: str) -> None:
    """Put the text between the marks of ``key`` in a page that has them."""
    opening, closing = f"<!-- {key} -->\n", f"<!-- end of {key} -->"
    before, rest = page.read_text(encoding="utf-8").split(opening)
    after = rest.split(closing)[1]
    page.write_text(f"{before}{opening}\n{text}\n\n{closing}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit("run benchmarks.inference or benchmarks.estimators")
