"""A fit by blocks, read: its sites with their columns, scaled so that all are of a size.

Shapes: u units of a site, T periods, q of its columns, p effects, k directions, r contrasts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from evaluation.findings import BlockFit, SiteBlock
from evaluation.inference.site_columns import Made, SiteColumns

__all__ = [
    "SiteRead",
    "SitesRead",
    "absorbed",
    "absorbed_gram",
    "gross",
    "in_parts",
    "pools_of",
    "read_sites",
]

FloatArray = NDArray[np.float64]

# Numbers of a site's tables that are held at once, 32 megabytes.
_MOST_NUMBERS = 4_000_000

# A pool's tables have this share of it, so that its few tables stay near the processor.
_POOL = 64

# What was read of a fit, as long as the fit lives: procedures share it.
_REMEMBERED: WeakKeyDictionary[BlockFit, SitesRead] = WeakKeyDictionary()
_POOLS: WeakKeyDictionary[SitesRead, tuple[SiteRead, ...]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SiteRead:
    """One site of a fit by blocks.

    Parameters
    ----------
    block : SiteBlock
    columns : SiteColumns
        The q columns that are not 0 in all its rows.
    """

    block: SiteBlock
    columns: SiteColumns


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, weakref_slot=True)
class SitesRead:
    """The sites of a fit by blocks, columns scaled so that all are of a size.

    Parameters
    ----------
    sites : tuple of SiteRead
    basis : array, shape (p, k)
        Of the scaled effects.
    contrasts : array, shape (k, r)
        The fit's contrasts, of the coefficients of the basis.
    coef : array, shape (p,)
        The scaled effects.
    """

    sites: tuple[SiteRead, ...]
    basis: FloatArray
    contrasts: FloatArray
    coef: FloatArray
    scale: FloatArray


def read_sites(blocks: BlockFit) -> SitesRead:
    """Return the sites of a fit by blocks, remembered for as long as the fit lives."""
    found = _REMEMBERED.get(blocks)
    if found is None:
        found = _REMEMBERED[blocks] = _read(blocks)
    return found


def _read(blocks: BlockFit) -> SitesRead:
    sites, basis = blocks.read()
    length = np.linalg.norm(basis, axis=1)
    scale = np.where(length > 0, length, 1.0)
    made: Made = {}
    return SitesRead(
        sites=tuple(SiteRead(block=b, columns=SiteColumns(b, scale, made)) for b in sites),
        basis=basis / scale[:, None],
        contrasts=basis.T @ blocks.contrasts.T,
        coef=blocks.coef / scale,
        scale=scale,
    )


def pools_of(read: SitesRead) -> tuple[SiteRead, ...]:
    """Return the units whatever their site, those together that share columns.

    Sums over all rows need not go through thousands of small sites one by one. Remembered for as
    long as the sites are.
    """
    found = _POOLS.get(read)
    if found is None:
        found = _POOLS[read] = tuple(_pooled(read))
    return found


def _pooled(read: SitesRead) -> Iterator[SiteRead]:
    sharing: dict[int, list[tuple[SiteBlock, slice]]] = {}
    shared: dict[int, FloatArray] = {}
    for site in read.sites:
        last = 0
        for count, columns in site.block.groups:
            shared[id(columns)] = columns
            units = slice(last, last + count)
            sharing.setdefault(id(columns), []).append((site.block, units))
            last += count
    made: Made = {}
    for key, columns in shared.items():
        parts = sharing[key]
        weights = np.concatenate([block.weights[units] for block, units in parts])
        residual = np.concatenate([block.residual[units] for block, units in parts])
        covariates = np.concatenate([block.covariates[:, units] for block, units in parts], axis=1)
        for some in in_parts(len(weights), _POOL * weights.shape[1]):
            block = SiteBlock(
                weights=weights[some],
                residual=residual[some],
                groups=((len(weights[some]), columns),),
                covariates=covariates[:, some],
            )
            yield SiteRead(block=block, columns=SiteColumns(block, read.scale, made))


def absorbed(tables: FloatArray, weights: FloatArray) -> FloatArray:
    """Take each unit's weighted mean out of its rows; shape (j, u, T), 0 where there is no row."""
    total = weights.sum(axis=1)
    share = weights / np.where(total > 0, total, 1.0)[:, None]
    means = np.einsum("jut,ut->ju", tables, share)
    return np.where(weights > 0, tables - means[:, :, None], 0.0)


def absorbed_gram(columns: SiteColumns, weights: FloatArray) -> FloatArray:
    """Return the inner products of a site's columns, unit effects absorbed; shape (q, q)."""
    total = weights.sum(axis=1)
    share = weights / np.where(total > 0, total, 1.0)[:, None]
    return np.asarray(columns.gram(weights) - columns.outer(share, weights))


def gross(site: SiteRead, effects: FloatArray) -> FloatArray:
    """Return what contrasts' scores are summed of, without signs; effects (q, r), shape (r,)."""
    size = np.abs(site.block.weights * site.block.residual)
    found = np.empty(effects.shape[1])
    for part in in_parts(effects.shape[1], size.size):
        tables = absorbed(site.columns.predicted(effects[:, part]), site.block.weights)
        found[part] = np.einsum("jut,ut->j", np.abs(tables), size)
    return found


def in_parts(count: int, size: int) -> Iterator[slice]:
    """Yield so many tables of a size in parts that memory may hold at once."""
    step = max(1, _MOST_NUMBERS // max(size, 1))
    for first in range(0, count, step):
        yield slice(first, min(first + step, count))
