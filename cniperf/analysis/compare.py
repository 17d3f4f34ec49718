"""Two sets of runs side by side: what became better, what worse, and what did not change."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from cniperf.analysis.blocks import BASELINE, Blocks, by_placement, laid_out, placements, seeded
from cniperf.analysis.gate import APART, VERSIONS, WITHIN, check_versions, gate, share
from cniperf.analysis.interval import ENOUGH
from cniperf.analysis.loss import conditions, is_userspace
from cniperf.analysis.sample import Sample, holm_levels
from cniperf.errors import CniperfError, Unlike
from cniperf.modes import MODES, Mode, mode_of
from cniperf.runs import CONDITIONS

# Why a scheme has no comparison.
WHY = {"missing": "in one of the two sets", "not comparable": APART}

# Conditions that are so or not, in words.
SWITCHES = {
    "awake": ("CPUs kept awake", "CPUs may sleep"),
    "steered": ("packets steered to each host's CPUs", "packets not steered"),
    "idle_restart": ("TCP resets its window after a rest", "TCP keeps its window over a rest"),
    "erms": ("ERMS", "no ERMS"),
    "udpcsum": ("UDP checksums in tunnels", "no UDP checksums in tunnels"),
}


def pair_up(
    before: pd.DataFrame, after: pd.DataFrame, *, anyway: bool = False
) -> list[tuple[dict[str, object], pd.DataFrame, pd.DataFrame]]:
    """Match the conditions of two sets of runs.

    Where both sets have runs in both placements of the hosts' CPUs, each placement is a pair of its
    own; its condition has the placement as ``cache``.

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
    # Two sets without a common label are named by their labels.
    apart = set(before["label"]).isdisjoint(after["label"])
    alike = [
        (_together(one, other), a, b)
        for one, a in ours
        for other, b in theirs
        if _key(one, a, labelled=not apart) == _key(other, b, labelled=not apart)
    ]
    found = [pair for each in alike for pair in _placed_alike(*each)]
    for __, a, b in [] if anyway else found:
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
        raise Unlike(
            "one set counts instructions, the other measures time: compare sets of one kind"
        )
    differ = [
        f"{name} {one[name]} and {other[name]}"
        for name in CONDITIONS
        if str(one[name]) != str(other[name]) and not (name == "label" and apart)
    ] or ["whether the hosts' CPUs share a cache"]
    if not anyway:
        raise Unlike(f"the two sets differ in {'; '.join(differ)}: compare them with --anyway")
    return [(one, a, b)]


def compare(before: pd.DataFrame, after: pd.DataFrame, within: float = WITHIN) -> pd.DataFrame:
    """Compare two sets of runs of one condition each, scheme by scheme.

    A scheme is compared by its share of hostnetwork's goodput in the same round or lab, so that a
    machine that was faster on the day of one set does not count; hostnetwork itself is compared by
    its figure. The intervals contain the noise of both sets. A change counts where a test
    finds one, adjusted for the number of schemes (Holm 1979). A separate test finds a scheme the
    *same*. Runs of bed counted have no noise, and are compared by their own figures, see
    :func:`cniperf.analysis.gate.gate`.

    Args:
        before: one set, as :func:`pair_up` yields it.
        after: the other.
        within: by what fraction the same may differ.

    Returns:
        A DataFrame indexed by ``scheme`` with ``before``, ``after`` (share of hostnetwork, as a
        fraction; of hostnetwork itself, its figure in the mode's unit), ``change`` (relative),
        ``change_low``, ``change_high`` (95 % interval), ``seen`` (half of the interval's width: a
        change of that size these sets would just find, by itself) and ``verdict``: *better*,
        *worse*, *same* (within ``within``), *undecided* (neither is found) or *missing*.
    """
    if seeded(before) and seeded(after):
        return gate(before, after, within)
    one, other = laid_out(before), laid_out(after)
    order = pd.concat([before, after]).groupby("scheme")["order"].min().sort_values()
    samples = {
        scheme: Sample(other.shares(scheme), one.shares(scheme)) for scheme in map(str, order.index)
    }
    tested = {scheme: sample for scheme, sample in samples.items() if sample.known}
    found = _verdicts(tested, within)
    rows = []
    for scheme, sample in samples.items():
        change = sample.interval().as_change()
        unlike = _datapath(one, scheme) != _datapath(other, scheme)
        verdict = found.get(scheme, "undecided" if np.isfinite(change.middle) else "missing")
        power = -1 if scheme == BASELINE and mode_of(before).less else 1
        shown = [np.exp(power * Sample(blocks.shares(scheme)).interval().middle)
                 for blocks in (one, other)]  # fmt: skip
        rows.append((scheme, *shown, *(change.middle, change.low, change.high), change.half_width,
                     "not comparable" if unlike else verdict))  # fmt: skip
    columns = ["scheme", "before", "after", "change", "change_low", "change_high", "seen",
               "verdict"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns).set_index("scheme")


def heading(condition: dict[str, object], others: Iterable[dict[str, object]] = ()) -> str:
    """Return a condition in words: NIC, MTU, and by what it differs from others beside it."""
    told = {
        "label": "",
        "bed": "lab",
        "ip": 4,
        "mode": "stream",
        "erms": False,
    }  # unless it is just that
    named = [f"NIC {condition['nic']}", f"MTU {condition['mtu']}"]
    for name in CONDITIONS:
        odd = any(str(other[name]) != str(condition[name]) for other in others)
        odd |= name in told and condition[name] != told[name]
        if name not in ("nic", "mtu") and odd:
            named.append(_in_words(name, condition[name]))
    if "cache" in condition:
        named.append(f"CPUs' caches {condition['cache']}")
    return ", ".join(named)


def _in_words(name: str, value: object) -> str:
    if name == "label":
        return str(value) or "no label"
    if name == "ip":
        return f"IPv{value}"
    return SWITCHES[name][not value] if name in SWITCHES else f"{name} {value}"


def sentence(row: "pd.Series", mode: Mode = MODES["stream"]) -> str:
    """Return a row of :func:`compare` in words."""
    if row["verdict"] in WHY:
        return f"{row['verdict']}: {WHY[row['verdict']]}"
    was, now = (
        mode.spoken(row[name]) if row.name == BASELINE else f"{share(row[name])} of hostnetwork"
        for name in ("before", "after")
    )
    if np.isnan(row["change_low"]):
        return f"undecided: {was} → {now}; an interval takes {ENOUGH} rounds in each set"
    of = f" {mode.loses}" if mode.less and row.name == BASELINE else ""
    change, low = share(row["change"], "+"), share(row["change_low"], "+")
    return (
        f"{row['verdict']}: {was} → {now} ({change}{of}, 95 % interval {low} to "
        f"{share(row['change_high'], '+')}; seen from {share(row['seen'])})"
    )


def _verdicts(samples: dict[str, Sample], within: float) -> dict[str, str]:
    """Test each scheme for a change, and those without one for being the same."""
    differs = [sample.p_differs() for sample in samples.values()]
    alike = [sample.p_within(0, np.log1p(within)) for sample in samples.values()]
    found = {}
    tests = zip(samples.items(), differs, holm_levels(differs), alike, holm_levels(alike),
                strict=True)  # fmt: skip
    for (scheme, sample), chance, level, same, bound in tests:
        verdict = "same" if same <= bound else "undecided"
        if chance <= level:
            verdict = "better" if sample.interval().middle > 0 else "worse"
        found[scheme] = verdict
    return found


def _placed_alike(
    condition: dict[str, object], before: pd.DataFrame, after: pd.DataFrame
) -> list[tuple[dict[str, object], pd.DataFrame, pd.DataFrame]]:
    """Return the runs of two sets whose hosts' CPUs lay to each other in the same way.

    Runs outside suites do not count here: they are compared unchanged.
    """
    if placements(before).empty or placements(after).empty:
        return [(condition, before, after)]
    ours, theirs = by_placement(before), by_placement(after)
    common = [name for name in ours if name in theirs]
    marks = [{"cache": name} if len(common) > 1 else {} for name in common]
    return [({**condition, **mark}, ours[name], theirs[name])
            for name, mark in zip(common, marks, strict=True)]  # fmt: skip


def _together(one: dict[str, object], other: dict[str, object]) -> dict[str, object]:
    """Return a condition of two sets, with both labels where these differ."""
    labels = [str(each["label"]) or "no label" for each in (one, other)]
    return one if labels[0] == labels[1] else {**one, "label": " → ".join(labels)}


def _key(condition: dict[str, object], runs: pd.DataFrame, *, labelled: bool) -> tuple[str, ...]:
    left_out = VERSIONS if seeded(runs) else ()  # the gate asks for these itself
    left_out = left_out if labelled else (*left_out, "label")
    return tuple(str(condition[name]) for name in CONDITIONS if name not in left_out)


def _datapath(blocks: Blocks, scheme: str) -> bool:
    return bool(is_userspace(blocks.runs[blocks.runs["scheme"].eq(scheme)]).any())
