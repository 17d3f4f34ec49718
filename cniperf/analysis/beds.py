"""Beds side by side: what each scheme loses on each of them, and what they agree on.

A loss is a share of the same bed's own hostnetwork, in the same unit. Only such shares stand beside
each other here; no figure of one bed is ever divided by one of another.
"""

from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd

from cniperf import nics
from cniperf.analysis.blocks import BASELINE
from cniperf.analysis.claims import is_articles_load
from cniperf.analysis.groups import told_apart
from cniperf.analysis.loss import loss_table, sittings
from cniperf.analysis.memo import once
from cniperf.language import N_, _
from cniperf.modes import Mode, emulated, find

BEDS = ("lab", "ssh", "vm", "counted", "k8s")
NAMED = {"vm": "vm {accelerator}"}
NICS = (*nics.NICS, "own")

COLUMNS = ("label", "bed", "meter", "accelerator", "nic", "erms", "unit", "scheme", "order", "runs",
           "figure", "loss", "loss_low", "loss_high", "userspace")  # fmt: skip


class Setup(NamedTuple):
    """A bed with its settings: one column of the side-by-side table.

    Attributes:
        label: what is measured, where that has a name.
        bed: as the parameter ``bed`` has it.
        meter: what its figures were read from.
        accelerator: of its guests; empty where there are none.
        nic: as the parameter has it.
        erms: True where its kernel copies a byte an instruction.
    """

    label: str
    bed: str
    meter: str
    accelerator: str
    nic: str
    erms: bool

    @property
    def mode(self) -> Mode:
        """The unit of its TCP streams."""
        return find("stream", self.meter)

    @property
    def kind(self) -> str:
        """Its name without the knobs: what has axes of its own."""
        bed = NAMED.get(self.bed, self.bed).format(accelerator=self.accelerator)
        return f"{self.label} ({bed})" if self.label else bed

    @property
    def knobs(self) -> str:
        """How its knobs are set."""
        return f"{self.nic}, ERMS" if self.erms else self.nic

    def __str__(self) -> str:
        return f"{self.kind} {self.knobs}"


class Move(NamedTuple):
    """The scheme that a knob moves most: its loss on one setting and on the other.

    Attributes:
        knob: what alone is different, for people.
    """

    knob: str
    scheme: str
    least: tuple[Setup, float]
    most: tuple[Setup, float]


@dataclass(frozen=True)
class Agreement:
    """What some beds report together.

    Attributes:
        order: the schemes as most beds have them, the cheapest first; a group is of those that no
            bed separates from its first. Empty where no bed separates any two.
        against: where some beds put schemes before others, though most put them behind: the
            schemes, these others, and those beds.
        gains: schemes that some beds have before hostnetwork itself, and which beds.
    """

    order: tuple[tuple[str, ...], ...]
    against: tuple[tuple[tuple[str, ...], tuple[str, ...], tuple[Setup, ...]], ...]
    gains: tuple[tuple[str, tuple[Setup, ...]], ...]


@once
def set_up(runs: pd.DataFrame) -> dict[Setup, pd.DataFrame]:
    """Return the runs of each bed with its settings, in the order of columns.

    It has only loads like the article's. Of several conditions of one bed, such as other MTUs or
    other pairs of hosts, and of several suites, it has the one with the most runs. Runs that
    clocked an emulated CPU are left out.
    """
    found: dict[Setup, pd.DataFrame] = {}
    for condition, group in sittings(runs):
        bed = Setup(**{name: condition[name] for name in Setup._fields})  # type: ignore[arg-type]
        ran = group["status"].eq("ok").any()  # a failed run may have no meter yet
        if ran and is_articles_load(group) and not emulated(group).any():
            found.setdefault(bed, group)
    return dict(sorted(found.items(), key=lambda item: _place(item[0])))


def _place(bed: Setup) -> tuple[object, ...]:
    places = (names.index(name) if name in names else len(names)
              for names, name in ((BEDS, bed.bed), (NICS, bed.nic)))  # fmt: skip
    return *places, bed.erms, *bed


def several(runs: pd.DataFrame) -> bool:
    """Return whether runs are of several beds or ways of copying, so that some can be compared."""
    return len({(bed.kind, bed.erms) for bed in set_up(runs)}) > 1


def beds_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Lay the losses on several beds side by side, as one tidy table.

    Args:
        runs: runs of several beds, as :func:`cniperf.load_runs` gives them.

    Returns:
        A DataFrame with a row for each bed with its settings, and scheme: ``bed``, ``meter``,
        ``accelerator``, ``nic``, ``erms``, ``unit`` (of ``figure``), ``scheme``, ``order``,
        ``runs`` (that count), ``figure``, ``loss``, ``loss_low``, ``loss_high`` (against
        the same bed's hostnetwork, see :func:`cniperf.analysis.loss.loss_table`) and
        ``userspace`` (True where Open vSwitch ran in userspace). See :func:`set_up` for what is
        left out.
    """
    rows = []
    for bed, group in set_up(runs).items():
        orders = dict(zip(group["scheme"], group["order"], strict=True))
        for scheme, row in loss_table(group).iterrows():
            own = [row[name] for name in ("runs", "figure", "loss", "loss_low", "loss_high")]
            rows.append(
                (*bed, bed.mode.unit, scheme, orders.get(str(scheme), 0), *own, row["userspace"])
            )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def agreement(runs: pd.DataFrame) -> Agreement:
    """Report the order of the schemes that several beds agree on, and the beds that differ.

    A bed separates two schemes where a test does, adjusted for how many pairs it has (or where
    all seeds do); see :func:`cniperf.analysis.groups.told_apart`.
    """
    signs: dict[tuple[str, str], dict[Setup, int]] = defaultdict(dict)
    for bed, group in set_up(runs).items():
        for pair, sign in told_apart(group).items():
            signs[pair][bed] = sign
    pods = {pair: said for pair, said in signs.items() if BASELINE not in pair}
    # One bed, one vote; where they are even, the first in the order of columns.
    ahead = {pair: np.sign(sum(said.values()) or next(filter(None, said.values()), 0))
             for pair, said in pods.items()}  # fmt: skip
    gains: dict[str, list[Setup]] = defaultdict(list)
    against: dict[tuple[Setup, str], list[str]] = defaultdict(list)
    for (one, other), said in signs.items():
        for bed, sign in said.items():
            first, second = (one, other) if sign > 0 else (other, one)
            if sign and second == BASELINE:
                gains[first].append(bed)
            elif sign and (one, other) in ahead and sign != ahead[one, other]:
                against[bed, first].append(second)
    return Agreement(
        _grouped(ahead), _merged(against),
        tuple((scheme, tuple(found)) for scheme, found in gains.items()),
    )  # fmt: skip


def _merged(
    against: dict[tuple[Setup, str], list[str]],
) -> tuple[tuple[tuple[str, ...], tuple[str, ...], tuple[Setup, ...]], ...]:
    """Merge equal sentences of several beds, and of several schemes on a bed."""
    beds: dict[tuple[str, tuple[str, ...]], list[Setup]] = defaultdict(list)
    for (bed, first), others in against.items():
        beds[first, tuple(others)].append(bed)
    firsts: dict[tuple[tuple[str, ...], tuple[Setup, ...]], list[str]] = defaultdict(list)
    for (first, behind), those in beds.items():
        firsts[behind, tuple(those)].append(first)
    return tuple((tuple(schemes), *key) for key, schemes in firsts.items())


def _grouped(ahead: dict[tuple[str, str], int]) -> tuple[tuple[str, ...], ...]:
    """Return the schemes by how many others they are ahead of, in groups that no bed separates."""
    if not any(ahead.values()):
        return ()
    wins: dict[str, int] = defaultdict(int)
    for (one, other), sign in ahead.items():
        wins[one] += sign
        wins[other] -= sign
    found: list[list[str]] = []
    for scheme in sorted(wins, key=lambda name: -wins[name]):
        first = found[-1][0] if found else scheme
        told = ahead.get((first, scheme), 0) or ahead.get((scheme, first), 0)
        if found and not told:
            found[-1].append(scheme)
        else:
            found.append([scheme])
    return tuple(map(tuple, found))


# What may alone be different between two beds, and what it is called.
KNOBS = (
    ("erms", N_("The copy model (ERMS)")),
    ("nic", N_("The NIC")),
    ("bed", N_("The bed")),
)
OF_A_BED = {"bed", "meter", "accelerator"}  # these change together


def moves(runs: pd.DataFrame) -> list[Move]:
    """Return for each knob the loss that it moves most, by itself and beyond the intervals.

    The largest move comes first.
    """
    table = beds_table(runs)
    table = table[table["loss_low"].notna() & ~table["userspace"] & table["scheme"].ne(BASELINE)]
    found = []
    for knob, words in KNOBS:
        free = OF_A_BED if knob == "bed" else {knob}
        fixed = [name for name in ("scheme", *Setup._fields) if name not in free]
        most: Move | None = None
        for key, part in table.groupby(fixed):
            for one, other in combinations(part.sort_values("loss").to_dict("records"), 2):
                apart = one[knob] != other[knob] and one["loss_high"] < other["loss_low"]
                if apart and (most is None or other["loss"] - one["loss"] > _far(most)):
                    ends = ((Setup(*(end[name] for name in Setup._fields)), end["loss"])
                            for end in (one, other))  # fmt: skip
                    most = Move(_(words), str(key[0]), *ends)
        found += [most] if most else []
    return sorted(found, key=_far, reverse=True)


def _far(move: Move) -> float:
    return move.most[1] - move.least[1]
