"""Complementary suppression: no hidden figure is the difference of two that are shown."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evaluation.disclosure.grid import BY_SITES, BY_TIME, complementary

_SMALL = "small"


def _reasons(hidden: list[list[int]]) -> NDArray[np.object_]:
    return np.where(np.array(hidden) == 1, _SMALL, "").astype(object)


def _sizes(sites: list[list[float]]) -> NDArray[np.float64]:
    cells = np.array(sites, dtype=np.float64)
    return np.vstack([cells, np.nansum(cells, axis=0)])


def test_the_smallest_other_site_goes_with_a_site_that_is_hidden_alone() -> None:
    found = complementary(_reasons([[1], [0], [0], [0]]), _sizes([[3], [40], [20]]))
    assert found[:, 0].tolist() == [_SMALL, "", BY_SITES, ""]


def test_two_hidden_sites_shelter_each_other() -> None:
    found = complementary(_reasons([[1], [1], [0], [0]]), _sizes([[3], [4], [20]]))
    assert found[:, 0].tolist() == [_SMALL, _SMALL, "", ""]


def test_a_site_of_none_is_no_shelter_so_the_total_goes() -> None:
    found = complementary(_reasons([[1], [0], [0]]), _sizes([[3], [0]]))
    assert found[:, 0].tolist() == [_SMALL, "", BY_SITES]


def test_a_site_that_did_not_report_is_no_shelter() -> None:
    found = complementary(_reasons([[1], [0], [0]]), _sizes([[3], [np.nan]]))
    assert found[:, 0].tolist() == [_SMALL, "", BY_SITES]


def test_one_site_is_its_own_total_so_both_go() -> None:
    found = complementary(_reasons([[1], [0]]), _sizes([[3]]))
    assert found[:, 0].tolist() == [_SMALL, BY_SITES]


def test_a_hidden_total_does_not_come_back_as_the_sum_of_its_sites() -> None:
    found = complementary(_reasons([[0], [0], [1]]), _sizes([[30], [20]]))
    assert found[:, 0].tolist() == ["", BY_SITES, _SMALL]


def test_a_period_hidden_alone_in_its_phase_takes_another_with_it() -> None:
    phase = np.array([[0, 0, 0, 1, 1]])
    size = np.array([[3.0, 30.0, 20.0, 9.0, 10.0]])
    found = complementary(_reasons([[1, 0, 0, 0, 0]]), size, phase)
    assert found[0].tolist() == [_SMALL, "", BY_TIME, "", ""]


def test_the_rules_across_sites_and_time_go_on_until_both_hold() -> None:
    phase = np.zeros((4, 3), dtype=np.int64)
    size = _sizes([[3, 30, 20], [50, 60, 70], [80, 90, 85]])
    found = complementary(_reasons([[1, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]]), size, phase)
    hidden = found != ""
    for column in range(3):
        assert hidden[:-1, column].sum() != 1 or hidden[-1, column]
        assert hidden[:-1, column].any() or not hidden[-1, column]
    assert all(hidden[line].sum() != 1 for line in range(4))


def test_nothing_hidden_stays_nothing_hidden() -> None:
    phase = np.zeros((3, 2), dtype=np.int64)
    assert not (complementary(_reasons([[0, 0]] * 3), _sizes([[9, 9], [9, 9]]), phase) != "").any()
