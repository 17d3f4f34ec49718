"""A suite's budget, by a clock that the test sets."""

import time

import pytest

from cniperf.measure.budget import REPORT_SECONDS, Budget


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_a_batch_fits_if_the_longest_and_the_report_end_in_time(clock):
    budget = Budget(100 + REPORT_SECONDS)
    budget.took(10.0)
    budget.took(30.0)
    clock[0] += 40.0  # 60 are left: a batch as the longest takes 30, another the mean of 20
    assert budget.fits(1) and budget.fits(2.5) and not budget.fits(2.6)
    assert budget.needed(2) == 30 + 20 + REPORT_SECONDS
    assert budget.left(2) == 50 + REPORT_SECONDS and budget.left(9) == 60 + REPORT_SECONDS


def test_without_a_limit_all_fits_and_the_time_is_what_it_takes(clock):
    budget = Budget(0)
    budget.took(10.0)
    clock[0] += 1e6
    assert budget.fits(1000) and budget.left(3) == 30 + REPORT_SECONDS


def test_before_the_first_batch_only_the_report_is_known_to_take_time(clock):
    assert Budget(REPORT_SECONDS).fits(5) and not Budget(REPORT_SECONDS - 1).fits(0)
