"""What a run was made from: inputs and their hashes, study text, versions, seed, platform."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from evaluation import __version__
from evaluation.errors import SourceError
from evaluation.resources import resource_folder
from evaluation.study import Study

__all__ = ["Input", "Manifest", "describe", "hash_file"]

_SAMPLE = "sample"

# What computes the numbers; a rerun that differs names a changed one as the cause.
_PACKAGES = (
    "linearmodels",
    "numpy",
    "pandas",
    "polars",
    "scipy",
    "statsmodels",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One file that was read.

    ``path`` is relative to the study file where the file lies below it, else absolute.
    """

    path: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The provenance of a run; stored as ``restricted/manifest.json``.

    Parameters
    ----------
    study_path : str
        The study file, whole; ``sample`` for the embedded study. A rerun looks for the inputs
        beside it.
    study_text : str
        The study file, whole.
    inputs : tuple of Input
        Every file read, in order of path.
    versions : dict
        pilot-eval, Python and the packages that compute.
    seed : int
        From the study's ``[analysis]``.
    platform : str
        Operating system and processor.
    """

    study_path: str
    study_text: str
    inputs: tuple[Input, ...]
    versions: dict[str, str]
    seed: int
    platform: str
    format: int = 1

    @property
    def study_file(self) -> Path:
        """Where the study file lay; for the embedded study, where it lies in this installation."""
        if self.study_path == _SAMPLE:
            return resource_folder("sample_data") / "study.toml"
        return Path(self.study_path)

    def to_json(self) -> dict[str, Any]:
        """Return the manifest as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Manifest:
        """Read what :meth:`to_json` wrote."""
        inputs = tuple(Input(**item) for item in values["inputs"])
        return cls(**{**values, "inputs": inputs})


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal.

    Raises
    ------
    SourceError
        When the file cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}", place=str(path)) from error


def describe(study: Study, files: Iterable[Path]) -> Manifest:
    """Make the manifest of a run of ``study`` over ``files``.

    Raises
    ------
    SourceError
        When a file can no longer be read.
    """
    folder = study.folder.absolute()
    unique = sorted({path.absolute() for path in files})
    inputs = tuple(
        Input(path=_relative(path, folder), sha256=hash_file(path), size=path.stat().st_size)
        for path in unique
    )
    return Manifest(
        study_path=_SAMPLE if folder == _sample_folder() else str(folder / study.path.name),
        study_text=study.text,
        inputs=inputs,
        versions=_versions(),
        seed=study.analysis.seed,
        platform=f"{platform.system()} {platform.machine()}",
    )


def _sample_folder() -> Path:
    return resource_folder("sample_data").absolute()


def _relative(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.as_posix()


def _versions() -> dict[str, str]:
    found = {"pilot-eval": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
