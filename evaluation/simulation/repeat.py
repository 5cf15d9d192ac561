"""Repeat a trial many times, in several processes, to the same end however many there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any, TypeVar

__all__ = ["Progress", "Trial", "repeat"]

Answer = TypeVar("Answer")
# A trial is told which repetition it is, and draws from streams named after it.
Trial = Callable[[int], Answer]
# Told how many repetitions are done, of how many.
Progress = Callable[[int, int], None]

_CHUNKS_A_WORKER = 16
# The trial of a worker process: sent once, not with every chunk.
_HELD: list[Callable[[int], object]] = []


def repeat(
    trial: Trial[Answer], repetitions: int, *, jobs: int = 1, progress: Progress | None = None
) -> tuple[Answer, ...]:
    """Return ``trial(0)`` to ``trial(repetitions - 1)``, in this order.

    Parameters
    ----------
    trial : Trial
        Must not remember anything from one call to the next. With more than one job it is sent to
        other processes, so it must be something that can be pickled: a function of a module, or a
        frozen dataclass with ``__call__``.
    repetitions : int
        1 or more.
    jobs : int
        Processes; 1 stays in this one.
    progress : Progress, optional
        Told after every part of the work.
    """
    tell = progress or _silent
    if jobs == 1:
        return tuple(_alone(trial, repetitions, tell))
    size = max(1, -(-repetitions // (jobs * _CHUNKS_A_WORKER)))
    chunks = [range(a, min(a + size, repetitions)) for a in range(0, repetitions, size)]
    found: dict[int, tuple[Answer, ...]] = {}
    # Fresh processes: a copy of one that holds threads (as polars does) may wait for ever.
    pool = ProcessPoolExecutor(
        max_workers=min(jobs, len(chunks)),
        mp_context=get_context("spawn"),
        initializer=_hold,
        initargs=(trial,),
    )
    try:
        waiting = {pool.submit(_chunk, chunk): chunk for chunk in chunks}
        done = 0
        for future in as_completed(waiting):
            chunk = waiting[future]
            found[chunk.start] = future.result()
            done += len(chunk)
            tell(done, repetitions)
    finally:
        # When a trial failed, or the user had enough, nobody waits for the rest.
        pool.shutdown(cancel_futures=True)
    return tuple(answer for start in sorted(found) for answer in found[start])


def _alone(trial: Trial[Answer], repetitions: int, tell: Progress) -> Iterator[Answer]:
    for repetition in range(repetitions):
        yield trial(repetition)
        tell(repetition + 1, repetitions)


def _hold(trial: Callable[[int], object]) -> None:
    _HELD[:] = [trial]


def _chunk(repetitions: range) -> tuple[Any, ...]:
    return tuple(_HELD[0](repetition) for repetition in repetitions)


def _silent(_done: int, _of: int) -> None:
    """Tell nobody."""
