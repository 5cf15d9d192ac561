"""Count records that must meet others of their person, in little memory, however many there are.

polars holds all that a window looks over in memory. So one pass over the records counts those
whose fate their own cells tell, and lays the others down in a folder, in bins by a number made from
the person; then one bin after another is linked. No person is in two bins, so that the counts are
those of all records at once. (DuckDB and Spark lay down by themselves what does not fit.)
"""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from io import BytesIO
from pathlib import Path

import narwhals as nw
import polars as pl

from evaluation.errors import SourceError
from evaluation.records.engines import Frame, batches, frugal, lazy, worked_out
from evaluation.records.exclusions import with_fate
from evaluation.records.query import Query
from evaluation.records.sums import Sums

__all__ = ["AT_ONCE", "BINS", "count_by_person"]

# Records that are linked at once; 800,000 take 350 MB.
AT_ONCE = 800_000
BINS = 256
_A_BATCH = 25_000
_A_PUT = 100_000
_DEEPEST = 2  # A person may have more records than are linked at once.
_SIDE_BY_SIDE = 2
_FRAMED = 8
_BIN = "_bin"


def count_by_person(
    settled: Mapping[str, Frame], query: Query, *, at_once: int = AT_ONCE, bins: int = BINS
) -> pl.DataFrame:
    """Count records by fate and what they are.

    Parameters
    ----------
    settled : mapping of str to narwhals.LazyFrame
        By name of the file, of polars, those of :meth:`~evaluation.records.query.Query.settled`.
    query : Query
    at_once : int
        How many records of some persons are linked at once, at most, unless one person has more.
        Where there are many less in all nothing is laid down.
    bins : int
        How many bins records are laid down in; one with more than ``at_once`` is divided again.

    Returns
    -------
    polars.DataFrame
        The columns of :attr:`~evaluation.records.query.Query.schema`, one row a kind of record.

    Raises
    ------
    SourceError
        When a file cannot be read to its end, or the folder for what is laid down is full.
    """
    sums = query.sums()
    running: deque[Future[list[pl.DataFrame]]] = deque()
    parts = _by_person(_meeting(settled, query, sums), at_once, bins)
    # Closed whatever happens: what is laid down goes. Linking is little work for many small steps:
    # one thread leaves a second processor idle.
    with frugal(), closing(parts), ThreadPoolExecutor(_SIDE_BY_SIDE) as threads:
        for part in parts:
            running.append(threads.submit(_linked, part, query))
            if len(running) > _SIDE_BY_SIDE:
                sums.add(*running.popleft().result())
        for future in running:
            sums.add(*future.result())
    return sums.table()


def _meeting(settled: Mapping[str, Frame], query: Query, sums: Sums) -> Iterator[pl.DataFrame]:
    """Give the records that must meet others; the others are counted."""
    columns = (*query.carried, "fate", "is_live", "_meets")
    for name, frame in settled.items():
        marked = frame.with_columns(query.meets_others().alias("_meets"))
        for part in _gathered(batches(marked, columns, rows=_A_BATCH, name=name)):
            apart = part.filter(~pl.col("_meets"))
            if not apart.is_empty():
                sums.add(_counted(query.alone(lazy(apart)), query))
            yield part.filter("_meets").select(query.carried)


def _linked(records: pl.DataFrame, query: Query) -> list[pl.DataFrame]:
    """Count records that are all there is of their persons."""
    # Most records are alone, and windows over the others only are several times as fast.
    meets = records.select(query.linked_by).is_duplicated()
    alone, others = records.filter(~meets), records.filter(meets)
    again = others.select(query.repeats_by).is_duplicated()
    once, twice = (query.ordered(with_fate(lazy(others.filter(kept)))) for kept in (~again, again))
    told = query.unrepeated(twice).select(once.collect_schema().names())
    joined = query.finished(query.joined(nw.concat([once, told], how="vertical")))
    return [_counted(frame, query) for frame in (query.alone(with_fate(lazy(alone))), joined)]


def _counted(finished: Frame, query: Query) -> pl.DataFrame:
    return worked_out(query.cells(finished), query.schema)


# ------------------------------------------------------------------ bins


def _by_person(
    parts: Iterable[pl.DataFrame], at_once: int, bins: int, *, depth: int = 0
) -> Generator[pl.DataFrame, None, None]:
    """Give the same records again, those of a person together, about ``at_once`` at a time."""
    puts = _gathered(parts)
    held: list[pl.DataFrame] = []
    for put in puts:
        held.append(put)
        if sum(part.height for part in held) > at_once // 4:
            break
    else:
        if held:
            yield pl.concat(held)
        return
    with _laid_down(bins, depth) as laid:
        while held:
            laid.put(held.pop())
        for put in puts:
            laid.put(put)
        small: list[int] = []
        for number, size in laid.sizes.items():
            if size > at_once and depth < _DEEPEST:
                yield from _by_person(laid.read(number), at_once, bins, depth=depth + 1)
                continue
            if small and laid.size(*small, number) > at_once // 2:
                yield laid.together(*small)
                small.clear()
            small.append(number)
        if small:
            yield laid.together(*small)


def _gathered(parts: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Give the same records in parts that are worth the division into bins."""
    held: list[pl.DataFrame] = []
    for part in parts:
        held.append(part)
        if sum(each.height for each in held) >= _A_PUT:
            yield pl.concat(held)
            held.clear()
    if held:
        yield pl.concat(held)


class _Bins:
    """Files in a folder, each with the records of some persons.

    A file is a row of tables as Arrow streams, each behind its length in bytes.
    """

    def __init__(self, folder: Path, bins: int, depth: int) -> None:
        self.sizes: dict[int, int] = {}
        self._folder = folder
        number = pl.col("person").hash(seed=depth + 1) % bins
        self._number = number.cast(pl.Int64).alias(_BIN)

    def put(self, records: pl.DataFrame) -> None:
        """Lay records down, each in the bin of its person."""
        parts = records.with_columns(self._number).partition_by(_BIN, include_key=True)
        for part in parts:
            number = int(part[_BIN][0])
            written = BytesIO()
            part.drop(_BIN).write_ipc_stream(written, compression="lz4")
            # Opened anew each time: some systems allow no more than 256 open files.
            with _on_disk(), (self._folder / str(number)).open("ab") as stream:
                stream.write(written.tell().to_bytes(_FRAMED, "little"))
                stream.write(written.getbuffer())
            self.sizes[number] = self.sizes.get(number, 0) + part.height

    def size(self, *numbers: int) -> int:
        """Return how many records some bins hold."""
        return sum(self.sizes[number] for number in numbers)

    def together(self, *numbers: int) -> pl.DataFrame:
        """Return the records of some bins."""
        parts = (part for number in numbers for part in self.read(number))
        return pl.concat(parts, rechunk=True)

    def read(self, number: int) -> Iterator[pl.DataFrame]:
        """Give back what was laid down in a bin; what is read is gone from the disk."""
        path = self._folder / str(number)
        with _on_disk(), path.open("rb") as stream:
            while framed := stream.read(_FRAMED):
                written = stream.read(int.from_bytes(framed, "little"))
                yield pl.read_ipc_stream(BytesIO(written))
        path.unlink()


@contextmanager
def _laid_down(bins: int, depth: int) -> Iterator[_Bins]:
    with _on_disk():
        folder = tempfile.TemporaryDirectory(prefix="pilot-eval-")
    with folder as path:
        yield _Bins(Path(path), bins, depth)


@contextmanager
def _on_disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SourceError(
            f"records cannot be laid down for a while ({error.strerror or error})",
            place=tempfile.tempdir or "TMPDIR",
            allowed="a folder of the user's own, with some 40 bytes a record left",
            remedy="Name a folder with more room in the environment, TMPDIR=...; it must not leave "
            "the place that the records may not leave",
        ) from error
