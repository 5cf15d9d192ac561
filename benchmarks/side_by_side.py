"""Races: the same task by several racers, each in a process of its own.

Each racer prepares, is called once (its first call: whatever is compiled or loaded at first use),
and is then called warm. In small races they take turns, so that what else the machine does falls on
all alike; in large ones they come one after the other, because their memory would not hold all.
Seconds are of processor time, all racers with the same number of threads.
"""

from __future__ import annotations

import json
import os
import select
import statistics
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

__all__ = ["Course", "Race", "Racer", "Run", "run"]

_ROOT = Path(__file__).resolve().parent.parent
# Seconds for a racer to end of its own accord.
_POLITE = 10.0
_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Racer:
    """Who does a task, and how its figures are read.

    Parameters
    ----------
    name : str
        As the table shows it.
    task : str
        ``module:function`` of the preparation.
    ours : bool
        Runs in this environment; else in the peers'.
    times : int
        A task that does only a part of the work is multiplied by this.
    most : int or None
        Warm calls, where fewer than the race's are enough.
    beside : int or None
        Place in the race of the racer of ours that does the same; None where none does.
    """

    name: str
    task: str
    ours: bool = False
    times: int = 1
    most: int | None = None
    beside: int | None = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Race:
    """One task on one panel; ratios in the table are to the first racer.

    Parameters
    ----------
    key, title : str
    panel : str
        A name of ``benchmarks.panels``.
    racers : tuple of Racer
    rounds : int
        Warm calls of each.
    in_turns : bool
    asked : float or None
        How many times faster than the fastest peer beside it a racer of ours is asked to be.
    at_most : float or None
        Seconds of processor time that the first racer is asked to stay under.
    """

    key: str
    title: str
    panel: str
    racers: tuple[Racer, ...]
    rounds: int = 7
    in_turns: bool = True
    asked: float | None = None
    at_most: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Where races are run.

    Parameters
    ----------
    peers : Path or None
        Python of the peers' environment.
    folder : Path
        For panels, and for what racers say beside their figures.
    threads : int
        For each racer.
    patience : float
        Seconds to wait for one call.
    memory : float
        Gigabytes that a racer may ask for, so that it does not take them from what else runs.
    """

    peers: Path | None
    folder: Path
    threads: int = 1
    patience: float = 900.0
    memory: float = 12.0


@dataclass(slots=True, kw_only=True)
class Run:
    """What a racer did.

    Parameters
    ----------
    racer : Racer
    first : float or None
        Seconds of processor time of the first call.
    warm, wall : list of float
        Of each warm call: seconds of processor time, and on the clock.
    before, memory : int
        Bytes held before the first call (libraries and input), and the most from then on.
    answer : dict of str to float
        Its figures, to be seen to agree.
    trouble : str
        Why there are no figures: absent, failed or stopped.
    """

    racer: Racer
    first: float | None = None
    warm: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    before: int = 0
    memory: int = 0
    answer: Mapping[str, float] = field(default_factory=dict)
    trouble: str = ""

    @property
    def median(self) -> float | None:
        """Median seconds of a warm call."""
        return statistics.median(self.warm) if self.warm else None


def run(race: Race, course: Course) -> list[Run]:
    """Run a race and return what each racer did, in the order of the race."""
    table = course.folder / f"{race.panel}.npz"
    if not table.exists():
        # In a process of its own: a child starts with its parent's peak of memory.
        command = [sys.executable, "-m", "benchmarks.panels", race.panel, str(table)]
        subprocess.run(command, cwd=_ROOT, check=True)
    together = [race.racers] if race.in_turns else [(racer,) for racer in race.racers]
    return [done for racers in together for done in _taking_turns(racers, race, table, course)]


def _taking_turns(racers: tuple[Racer, ...], race: Race, table: Path, course: Course) -> list[Run]:
    with ExitStack() as stack:
        lanes = [stack.enter_context(_Lane(racer, table, course)) for racer in racers]
        for lane in lanes:
            lane.start()
        for number in range(race.rounds):
            for lane in lanes:
                if number < (lane.run.racer.most or race.rounds):
                    lane.call()
        return [lane.run for lane in lanes]


class _Lane:
    """A racer's process, and what came out of it; once in trouble it is called no more."""

    def __init__(self, racer: Racer, table: Path, course: Course) -> None:
        self.run = Run(racer=racer)
        self._table, self._course = table, course
        self._said = course.folder / f"{racer.task.replace(':', '.')}.txt"
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> _Lane:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is None:
            return
        try:
            # The end of its input ends it, and lets it clear up.
            self._process.communicate(timeout=_POLITE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def start(self) -> None:
        """Prepare, and make the first call."""
        python = Path(sys.executable) if self.run.racer.ours else self._course.peers
        if python is None:
            self.run.trouble = "absent: no environment of peers was given"
            return
        threads = dict.fromkeys(_THREADS, str(self._course.threads))
        with self._said.open("w", encoding="utf-8") as said:
            most = str(int(1e9 * self._course.memory))
            self._process = subprocess.Popen(
                [python, "-m", "benchmarks.worker", self.run.racer.task, str(self._table), most],
                cwd=_ROOT,
                env={**os.environ, **threads, "MPLBACKEND": "agg"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
            )
        ready = self._answer()
        if ready is None:
            return
        if "absent" in ready:
            self.run.trouble = f"absent: {ready['absent']}"
            return
        self.run.before = ready["memory"]
        first = self._timed()
        if first is not None:
            self.run.first = first[0]

    def call(self) -> None:
        """Make a warm call."""
        found = self._timed()
        if found is not None:
            self.run.warm.append(found[0])
            self.run.wall.append(found[1])

    def _timed(self) -> tuple[float, float] | None:
        if self.run.trouble or self._process is None or self._process.stdin is None:
            return None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        found = self._answer()
        if found is None:
            return None
        self.run.memory, self.run.answer = found["memory"], found["answer"]
        times = self.run.racer.times
        return times * found["processor"], times * found["wall"]

    def _answer(self) -> dict[str, Any] | None:
        """Return the next line; None, and the trouble told, where there is none."""
        assert self._process is not None
        assert self._process.stdout is not None
        waited = select.select([self._process.stdout], [], [], self._course.patience)
        if not waited[0]:
            self.run.trouble = f"stopped after {self._course.patience:.0f} s on the clock"
            self._process.kill()
            return None
        line = self._process.stdout.readline()
        if not line:
            said = self._said.read_text(encoding="utf-8").strip().splitlines()
            code = self._process.wait()
            self.run.trouble = f"failed: {said[-1] if said else f'exit code {code}'}"
            return None
        answer: dict[str, Any] = json.loads(line)
        return answer
