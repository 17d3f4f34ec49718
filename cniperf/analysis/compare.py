"""Two sets of runs side by side: what became better, what worse, what cannot be told apart."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from cniperf.analysis.blocks import BASELINE, Blocks, lie_as, placements, seeded
from cniperf.analysis.gate import APART, VERSIONS, WITHIN, check_versions, gate
from cniperf.analysis.interval import ENOUGH, Interval, ratio_interval
from cniperf.analysis.loss import conditions, is_userspace
from cniperf.analysis.noise import noise_floor
from cniperf.errors import CniperfError, Unlike
from cniperf.modes import MODES, Mode
from cniperf.runs import CONDITIONS

# Why there is nothing to tell of a scheme.
WHY = {"missing": "in one of the two sets", "not comparable": APART}


def pair_up(
    before: pd.DataFrame, after: pd.DataFrame, *, anyway: bool = False
) -> list[tuple[dict[str, object], pd.DataFrame, pd.DataFrame]]:
    """Match the conditions of two sets of runs.

    Args:
        before: one set, as :func:`cniperf.load_runs` gives it.
        after: the other.
        anyway: set the largest conditions of each against each other, however they differ, and
            counts that other versions made.

    Raises:
        Unlike: no condition of one is a condition of the other, or other versions have counted;
            names the facts that differ.
        CniperfError: one of the sets has no run.
    """
    if before.empty or after.empty:
        which = "first" if before.empty else "second"
        raise CniperfError(f"there is no run in the {which} set: nothing to compare")
    ours, theirs = list(conditions(before)), list(conditions(after))
    alike = [(one, a, b) for one, a in ours for other, b in theirs if _key(one) == _key(other)]
    found = [(one, *_placed_alike(a, b)) for one, a, b in alike if _common(a, b)]
    for _, a, b in [] if anyway else found:
        if seeded(a):
            check_versions(a, b)
    if found:
        return found
    if alike:  # but for where the CPUs lay
        one, a, b = alike[0]
        other = one
    else:
        (one, a), (other, b) = ours[0], theirs[0]
    if one["meter"] != other["meter"]:
        raise Unlike("one set is told in instructions, the other by the clock: never in one ratio")
    differ = [
        f"{name} {one[name]} and {other[name]}"
        for name in CONDITIONS
        if str(one[name]) != str(other[name])
    ] or ["whether the hosts' CPUs share a cache"]
    if not anyway:
        raise Unlike(f"the two sets differ in {'; '.join(differ)}: --anyway compares all the same")
    return [(one, a, b)]


def compare(before: pd.DataFrame, after: pd.DataFrame, within: float = WITHIN) -> pd.DataFrame:
    """Compare two sets of runs of one condition each, scheme by scheme.

    A scheme is compared by its share of hostnetwork's goodput in the same round, so that a
    machine that was faster on the day of one set does not count; hostnetwork itself is compared
    by its figure. The intervals hold the noise of both sets. Runs of bed counted have none, and are
    compared by their own figures, see :func:`cniperf.analysis.gate.gate`.

    Args:
        before: one set, as :func:`pair_up` yields it.
        after: the other.
        within: what counts as the same on bed counted, as a fraction.

    Returns:
        A DataFrame indexed by ``scheme`` with ``before``, ``after`` (median share of hostnetwork,
        as a fraction; of hostnetwork itself, its figure in the mode's unit), ``change`` (relative),
        ``change_low``, ``change_high`` (95 % interval), ``seen`` (the smallest change these sets
        can see) and ``verdict``: *better*, *worse*, *same*, *undecided* (too few rounds) or
        *missing*.
    """
    if seeded(before) and seeded(after):
        return gate(before, after, within)
    one, other = Blocks(before), Blocks(after)
    floor = max(noise_floor(before).smallest, noise_floor(after).smallest)
    rows = []
    order = pd.concat([before, after]).groupby("scheme")["order"].min().sort_values()
    for scheme in map(str, order.index):
        a, b = _share(one, scheme), _share(other, scheme)
        change = ratio_interval(b, a)
        seen = np.nanmax([floor, change.half_width, 0.0])
        unlike = _datapath(one, scheme) != _datapath(other, scheme)
        verdict = "not comparable" if unlike else _verdict(change, len(a), len(b), seen)
        was, now = (_median(blocks.figures(scheme) if scheme == BASELINE else share)
                    for blocks, share in ((one, a), (other, b)))  # fmt: skip
        rows.append((scheme, was, now, change.middle, change.low, change.high,
                     seen if np.isfinite(change.low) else np.nan, verdict))  # fmt: skip
    columns = ["scheme", "before", "after", "change", "change_low", "change_high", "seen",
               "verdict"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns).set_index("scheme")


def heading(condition: dict[str, object], others: Iterable[dict[str, object]] = ()) -> str:
    """Return a condition in words: NIC, MTU, and by what it differs from others beside it."""
    told = {"bed": "lab", "mode": "stream", "erms": False}  # unless it is just that
    named = [f"NIC {condition['nic']}", f"MTU {condition['mtu']}"]
    for name in CONDITIONS:
        odd = any(str(other[name]) != str(condition[name]) for other in others)
        odd |= name in told and condition[name] != told[name]
        if name not in ("nic", "mtu") and odd:
            named.append(f"{name} {condition[name]}")
    return ", ".join(named)


def sentence(row: "pd.Series", mode: Mode = MODES["stream"]) -> str:
    """Return a row of :func:`compare` in words."""
    if row["verdict"] in WHY:
        return f"{row['verdict']}: {WHY[row['verdict']]}"
    was, now = (
        mode.spoken(row[name]) if row.name == BASELINE else f"{row[name]:.1%} of hostnetwork"
        for name in ("before", "after")
    )
    if row["verdict"] == "undecided":
        return f"undecided: {was} → {now}; an interval takes {ENOUGH} rounds in each set"
    of = f" {mode.loses}" if mode.less and row.name == BASELINE else ""
    interval = f"{row['change']:+.1%}{of}, 95 % interval {row['change_low']:+.1%} to "
    return (
        f"{row['verdict']}: {was} → {now} ({interval}{row['change_high']:+.1%}; "
        f"seen from {row['seen']:.1%})"
    )


def _common(before: pd.DataFrame, after: pd.DataFrame) -> list[str]:
    """Return the placements of the hosts' CPUs that both sets have, the best known first."""
    ours, theirs = placements(before), placements(after)
    if ours.empty or theirs.empty:
        return [""]  # runs outside suites have no say
    both = pd.concat([ours, theirs], axis=1).min(axis=1, skipna=False).dropna()
    return list(map(str, both.sort_values(ascending=False).index))


def _placed_alike(before: pd.DataFrame, after: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the runs of two sets whose hosts' CPUs lay to each other in the same way."""
    if placements(before).empty or placements(after).empty:
        return before, after
    best = _common(before, after)[0]
    return lie_as(before, best), lie_as(after, best)


def _key(condition: dict[str, object]) -> tuple[str, ...]:
    left_out = VERSIONS if condition["bed"] == "counted" else ()  # the gate asks for these itself
    return tuple(str(condition[name]) for name in CONDITIONS if name not in left_out)


def _share(blocks: Blocks, scheme: str) -> "np.ndarray":
    if scheme == BASELINE:
        return blocks.worths(scheme)
    return blocks.changes(scheme) + 1


def _datapath(blocks: Blocks, scheme: str) -> bool:
    return bool(is_userspace(blocks.runs[blocks.runs["scheme"].eq(scheme)]).any())


def _verdict(change: Interval, before: int, after: int, seen: float) -> str:
    if not before or not after:
        return "missing"
    if np.isnan(change.low):
        return "undecided"
    if change.holds(0) or abs(change.middle) < seen:
        return "same"
    return "better" if change.middle > 0 else "worse"


def _median(values: "np.ndarray") -> float:
    return float(np.median(values)) if len(values) else np.nan
