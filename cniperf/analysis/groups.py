"""Which schemes these runs separate, and which of the others are practically equal."""

from collections.abc import Mapping
from itertools import combinations
from string import ascii_lowercase
from typing import NamedTuple

import numpy as np
import pandas as pd

from cniperf.analysis.blocks import Blocks, laid_out
from cniperf.analysis.interval import CONFIDENCE
from cniperf.analysis.loss import is_userspace
from cniperf.analysis.memo import once
from cniperf.analysis.sample import Sample, holm_levels

Pair = tuple[str, str]

EQUIVALENT = 0.02  # share of what is carried by which equals may differ; fixed beforehand


class Group(NamedTuple):
    """Schemes of which no test separates two.

    Attributes:
        letter: what marks them in tables.
        schemes: the best first.
        within: the smallest margin, as a fraction of what is carried, within which an equivalence
            test finds all of them equal; NaN for a scheme by itself, or where nothing is tested.
    """

    letter: str
    schemes: tuple[str, ...]
    within: float

    @property
    def equivalent(self) -> bool:
        """Whether a test finds all equal within `EQUIVALENT`; not separated is less."""
        return self.within <= EQUIVALENT


@once
def groups(runs: pd.DataFrame) -> list[Group]:
    """Sort schemes into groups whose members these runs do not separate, as a letter display.

    Each pair is compared within the rounds, and the pairs are adjusted for how many they are (Holm
    1979). A group is as large as it can be; a scheme may stand in several (Piepho 2004), so a chain
    of small steps makes no one group of unlike schemes. Open vSwitch in userspace is left out.
    Where the hosts' CPUs lay in two ways that count, schemes are separated if they are in both,
    and in the same direction.

    Returns:
        The groups, the best first. Empty where no pair has an interval.
    """
    blocks = laid_out(runs)
    comparable = _comparable(blocks)
    names = [name for name in blocks.best_first() if name in comparable]
    pairs = _samples(blocks, names)
    if not any(sample.known for each in pairs.values() for sample in each.values()):
        return []
    signs = _signs(pairs)
    found = _letters(names, [pair for pair, sign in signs.items() if sign])
    tests = len(pairs) or 1
    return [
        Group(letter, tuple(members), _within(members, pairs, (1 - CONFIDENCE) / tests))
        for letter, members in zip(_names(len(found)), found, strict=True)
    ]


def told_apart(runs: pd.DataFrame) -> dict[Pair, int]:
    """Return for each pair of schemes which of the two is better.

    Returns:
        For each pair, in the order of charts: 1 where the first is better, -1 where the second is,
        0 where these runs do not separate them.
    """
    blocks = laid_out(runs)
    comparable = _comparable(blocks)
    return _signs(_samples(blocks, [name for name in blocks.schemes if name in comparable]))


def _comparable(blocks: Blocks) -> set[str]:
    return set(blocks.schemes) - set(blocks.runs.loc[is_userspace(blocks.runs), "scheme"])


def _samples(blocks: Blocks, names: list[str]) -> dict[Pair, dict[str, Sample]]:
    return {pair: blocks.samples(*pair) for pair in combinations(names, 2)}


def _signs(pairs: Mapping[Pair, Mapping[str, Sample]]) -> dict[Pair, int]:
    """Test all pairs, for each placement of the hosts' CPUs by itself."""
    said: dict[Pair, set[int]] = {pair: set() for pair in pairs}
    for place in {place: None for each in pairs.values() for place in each}:
        there = {pair: each[place] for pair, each in pairs.items() if place in each}
        chances = [sample.p_differs() for sample in there.values()]
        for (pair, sample), chance, level in zip(
            there.items(), chances, holm_levels(chances), strict=True
        ):
            sign = int(np.sign(sample.interval().middle)) if chance <= level else 0
            said[pair].add(sign)
    return {pair: signs.pop() if len(signs) == 1 else 0 for pair, signs in said.items()}


def _letters(names: list[str], differ: list[Pair]) -> list[list[str]]:
    """Return the largest sets of which no two members differ, by inserting and absorbing."""
    columns = [frozenset(names)]
    for pair in differ:
        split = [column - {one} for column in columns for one in pair if column >= set(pair)]
        kept = [column for column in columns if not column >= set(pair)]
        columns = list(dict.fromkeys(kept + split))
        columns = [one for one in columns if not any(one < other for other in columns)]
    found = [[name for name in names if name in column] for column in columns]
    return sorted(found, key=lambda members: [names.index(name) for name in members])


def _names(many: int) -> list[str]:
    return [(place // 26) * "z" + ascii_lowercase[place % 26] for place in range(many)]


def _within(members: list[str], pairs: Mapping[Pair, Mapping[str, Sample]], level: float) -> float:
    """Return the smallest margin, as a fraction, that tests confirm for all pairs of a group."""
    samples = [sample for pair in combinations(members, 2) for sample in pairs[pair].values()]
    if not samples or not all(sample.known and not sample.seeds for sample in samples):
        return np.nan
    return float(np.expm1(max(sample.reach(0, level) for sample in samples)))
