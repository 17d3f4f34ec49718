"""How many made-up cases the tests of damage and of signals try.

``pytest --trials 10 --timeout 0 tests/test_door.py`` tries ten times as many, and others each time.
"""

import random
import secrets
from collections.abc import Iterator

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--trials", type=int, default=1, metavar="N",
        help="try N times as many damaged files and signals, and others each time",
    )  # fmt: skip


class Trials:
    """The number of cases, and the dice that make them."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.tried = 0

    def of(self, usual: int) -> Iterator[int]:
        """Count the cases of a loop that usually has so many."""
        for number in range(usual * self.times):
            self.tried += 1
            yield number

    def dice(self, seed: object) -> random.Random:
        """Return dice that repeat their throws only where the usual number is tried."""
        if self.times > 1:
            seed = f"{seed}/{secrets.token_hex(4)}"
            print(f"dice: {seed}")  # pytest shows it where the test fails
        return random.Random(str(seed))


@pytest.fixture
def trials(request: pytest.FixtureRequest) -> Iterator[Trials]:
    """Return the number of cases to try; with ``--trials``, report how many there were."""
    found = Trials(request.config.getoption("trials"))
    yield found
    if found.times > 1:
        request.node.user_properties.append(("cases", found.tried))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [r for each in terminalreporter.stats.values() for r in each
               if isinstance(r, pytest.TestReport) and r.when == "teardown"]  # fmt: skip
    cases = sum(
        value for each in reports for name, value in each.user_properties if name == "cases"
    )
    if cases:
        terminalreporter.write_line(f"{cases:,} made-up cases were tried")
