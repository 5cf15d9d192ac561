"""The three engines: what is taken as records, and how a small table comes back from each."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any, TypeAlias

import narwhals as nw
import polars as pl

from evaluation.errors import SourceError, UsageError

__all__ = ["Frame", "batches", "collected", "frugal", "lazy", "worked_out"]

# polars reads ahead and holds many rows in each step of a query: of its own choice it takes half
# as much memory again for records, at the same speed.
_ROWS_AT_ONCE = 25_000
# What polars raises for a bad file; its other errors are of the program.
_BAD_FILE = (
    pl.exceptions.ComputeError,
    pl.exceptions.NoDataError,
    pl.exceptions.PanicException,
    OSError,
)

_FILES = "[records] files"
Frame: TypeAlias = nw.LazyFrame[Any]


def lazy(native: object) -> Frame:
    """Return a frame of any of the three engines as narwhals' own.

    Parameters
    ----------
    native : polars.LazyFrame, polars.DataFrame, DuckDB relation or Spark DataFrame
        The records.

    Raises
    ------
    UsageError
        For anything else.
    """
    try:
        frame: Any = nw.from_native(native)
    except TypeError as error:
        raise _not_a_frame(native) from error
    kind = frame.implementation
    if not (kind.is_polars() or kind.is_duckdb() or kind.is_spark_like()):
        raise _not_a_frame(native)
    lazy_frame: Frame = frame.lazy()
    return lazy_frame


def _not_a_frame(native: object) -> UsageError:
    return UsageError(
        f"a {type(native).__module__}.{type(native).__qualname__} is not taken as records",
        allowed="a polars LazyFrame or DataFrame, a DuckDB relation, a Spark DataFrame",
    )


def collected(
    frame: Frame, schema: Mapping[str, type[pl.DataType]], *, name: str = _FILES
) -> pl.DataFrame:
    """Compute a frame and return it in polars, in the columns and types of ``schema``.

    DuckDB and Spark hand over rows, so that pyarrow is not needed: what is collected is small.

    Parameters
    ----------
    frame : narwhals.LazyFrame
    schema : mapping of str to polars type
    name : str
        The file, or what else messages call the frame.

    Raises
    ------
    SourceError
        When polars cannot read a file to its end.
    """
    native = frame.select(*schema).to_native()
    if isinstance(native, pl.LazyFrame):
        with _read_to_the_end(name):
            return worked_out(frame, schema)
    rows = native.fetchall() if frame.implementation.is_duckdb() else native.collect()
    return pl.DataFrame([tuple(row) for row in rows], schema=dict(schema), orient="row")


def worked_out(frame: Frame, schema: Mapping[str, type[pl.DataType]]) -> pl.DataFrame:
    """Compute a frame of polars over tables in memory, which no bad file can be behind."""
    native: pl.LazyFrame = frame.select(*schema).to_native()
    with frugal():
        table = native.collect(engine="streaming")
    return table.select(pl.col(name).cast(dtype) for name, dtype in schema.items())


def batches(
    frame: Frame, columns: Sequence[str], *, rows: int, name: str = _FILES
) -> Iterator[pl.DataFrame]:
    """Compute a frame of polars part by part, in no order.

    Parameters
    ----------
    frame : narwhals.LazyFrame
        Of polars.
    columns : sequence of str
    rows : int
        About how many rows a part has.
    name : str
        The file, or what else messages call the frame.

    Raises
    ------
    SourceError
        When polars cannot read a file to its end.
    """
    native: pl.LazyFrame = frame.select(*columns).to_native()
    with frugal(), _read_to_the_end(name):
        parts = native.collect_batches(chunk_size=rows, maintain_order=False, engine="streaming")
        yield from parts


class _Queries:
    """The queries under way, which may be of several threads: the first sets, the last unsets."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._running = 0
        self._set: tuple[str, ...] = ()

    def begin(self) -> None:
        """Set what is wanted of polars, but for what the environment says already."""
        with self._lock:
            if not self._running:
                wanted = {
                    "POLARS_IDEAL_MORSEL_SIZE": str(_ROWS_AT_ONCE),
                    "POLARS_ROW_GROUP_PREFETCH_SIZE": str(max(2, pl.thread_pool_size())),
                }
                self._set = tuple(name for name in wanted if name not in os.environ)
                os.environ.update({name: wanted[name] for name in self._set})
                pl.Config.reload_env_vars()
            self._running += 1

    def end(self) -> None:
        """Put the environment back as it was."""
        with self._lock:
            self._running -= 1
            if not self._running:
                for name in self._set:
                    os.environ.pop(name, None)
                pl.Config.reload_env_vars()


_QUERIES = _Queries()


@contextmanager
def frugal() -> Iterator[None]:
    """Let polars hold fewer rows at once; what the environment says already stands."""
    _QUERIES.begin()
    try:
        yield
    finally:
        _QUERIES.end()


@contextmanager
def _read_to_the_end(name: str) -> Iterator[None]:
    try:
        yield
    except _BAD_FILE as error:
        raise _unreadable(error, name) from error


def _unreadable(error: Exception, name: str) -> SourceError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return SourceError(
        f"the records cannot be read to the end ({reason})",
        place=name,
        allowed="CSV with the same number of cells in every row, or Parquet",
        remedy="Look for a file that was cut off, moved or damaged on its way, and in CSV for a "
        "row that is cut off or holds a separator without quotation marks",
    )
