"""200,000 synthetic records, and the three engines: without Java a loud skip, in CI a failure."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import polars as pl
import pytest

from records_generator import Drawn, draw

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

RECORDS = 200_000
# From the path of a Parquet file to a frame of an engine.
Opened: TypeAlias = Callable[[Path], object]

_LOG_SETTINGS = """
rootLogger.level = error
rootLogger.appenderRef.stderr.ref = stderr
appender.console.type = Console
appender.console.name = stderr
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %p %c: %m%n%ex
"""


@pytest.fixture(scope="session")
def drawn() -> Drawn:
    """Return the synthetic records, and what is true of them."""
    return draw(RECORDS)


@pytest.fixture(scope="session")
def records_file(drawn: Drawn, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the synthetic records as one Parquet file, with the number of each row besides."""
    path = tmp_path_factory.mktemp("records") / "hes.parquet"
    drawn.records.with_row_index("ROW").cast({"ROW": pl.Int64}).write_parquet(path)
    return path


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """Yield a Spark of one thread that talks to this machine alone and leaves nothing behind."""
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        message = "Java is absent: the records were not run through Spark"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    from pyspark.sql import SparkSession

    folder = tmp_path_factory.mktemp("spark")
    log_settings = folder / "log4j2.properties"
    log_settings.write_text(_LOG_SETTINGS, encoding="utf-8")
    java = f"-XX:+UseSerialGC -Djava.io.tmpdir={folder} "
    java += f"-Dlog4j2.configurationFile={log_settings.as_uri()}"
    settings: dict[str, bool | float | int | str | None] = {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": java,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "1g",
        "spark.local.dir": str(folder),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    with pytest.MonkeyPatch.context() as patch:
        # Before the JVM is up, settings of the builder come too late for its own address.
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        builder = SparkSession.builder.master("local[1]").appName("pilot-eval tests")
        session = builder.config(map=settings).getOrCreate()
    yield session
    session.stop()


@pytest.fixture(params=["polars", "duckdb", "spark"])
def opened(request: pytest.FixtureRequest) -> Iterator[Opened]:
    """Yield how each engine opens a Parquet file."""
    if request.param == "polars":
        yield pl.scan_parquet
    elif request.param == "duckdb":
        import duckdb

        with duckdb.connect() as connection:
            yield lambda path: connection.read_parquet(str(path))
    else:
        session: SparkSession = request.getfixturevalue("spark")
        yield lambda path: session.read.parquet(str(path))
