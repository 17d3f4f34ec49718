"""Checks that make a reader look twice: each flag names a run, a round or a scheme, and why.

A flag removes no figure; it marks where a figure may have another cause.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cniperf.analysis.blocks import BASELINE, broken_rounds, by_placement, usable
from cniperf.ip import HEADER
from cniperf.language import N_, _
from cniperf.modes import emulated, in_instructions, mode_of
from cniperf.runs import MOVED

TREND = 0.05  # TriScale's bound on a run's steadiness, per run (Jacob et al., 2021)
RETRANSMITS = 0.001  # of the segments sent
FULL = 90.0  # % of a CPU from which on it is full
STOLEN = 2.0  # % of the CPUs' time
OTHERS = 10.0  # % of one CPU
ROUND_OFF, ROUND_ROBUST = 0.10, 4.0  # share of the median, and deviations: both must be exceeded
MODES_NEED, MODES_APART, MODES_EXPLAIN = 10, 0.05, 0.9
TCP_HEADERS = (20, 32)  # bytes, without and with timestamps (RFC 6691, RFC 7323)

COLUMNS = ("kind", "suite", "round", "scheme", "run", "says")


@dataclass(frozen=True)
class Check:
    """One thing to look for in a run.

    Attributes:
        finds: which of some runs have it, as a mask; a value that a run lacks is not found.
        says: the message about a run that has it, in the reader's language.
        timed: True where it is about time; a count of instructions has no time.
    """

    finds: Callable[[pd.DataFrame], pd.Series]
    says: Callable[["pd.Series[Any]"], str]
    timed: bool = True


CHECKS = {
    N_("trend"): Check(
        lambda runs: runs["trend_low"].gt(TREND) | runs["trend_high"].lt(-TREND),
        lambda run: (
            _("throughput rose by {change:.0f} % within the run")
            if run["trend"] > 0
            else _("throughput fell by {change:.0f} % within the run")
        ).format(change=100 * abs(run["trend"])),
    ),
    N_("retransmits"): Check(
        lambda runs: runs["retransmits"].gt((RETRANSMITS * _segments(runs)).clip(lower=1)),
        lambda run: _("{segments:.0f} segments were sent again").format(
            segments=run["retransmits"]
        ),
        timed=False,
    ),
    N_("mtu"): Check(
        lambda runs: (
            runs["mss"].lt(_room(runs) - TCP_HEADERS[1])
            | runs["mss"].gt(_room(runs) - TCP_HEADERS[0])
        ),
        lambda run: _("an MSS of {mss:.0f} B does not fit the pod's MTU of {mtu:.0f} B").format(
            mss=run["mss"], mtu=run["pod_mtu"]
        ),
        timed=False,
    ),
    N_("stolen"): Check(
        lambda runs: runs["stolen"].gt(STOLEN),
        lambda run: _("the hypervisor took {share:.0f} % of the CPUs' time").format(
            share=run["stolen"]
        ),
    ),
    N_("throttled"): Check(
        lambda runs: runs["throttled"].gt(0),
        lambda run: _("a CPU quota stopped the load in {share:.2g} % of its periods").format(
            share=run["throttled"]
        ),
    ),
    N_("others"): Check(
        lambda runs: runs["others"].gt(OTHERS),
        lambda run: _("other processes took {share:.0f} % of a CPU").format(share=run["others"]),
    ),
    N_("moved"): Check(
        lambda runs: runs["cache"].eq(MOVED),
        lambda run: _("the hypervisor moved the hosts' CPUs to or from a common cache"),
    ),
    N_("emulated"): Check(
        emulated,
        lambda run: _("software emulated the CPUs: such figures of one load spread by 6 to 65 %"),
    ),
    N_("wire"): Check(
        lambda runs: limits(runs).eq("wire"),
        lambda run: _(
            "neither host's CPU was full ({a:.0f} % and {b:.0f} %): the limit was between them"
        ).format(a=run["cpu_a"], b=run["cpu_b"]),
    ),
}


def _room(runs: pd.DataFrame) -> pd.Series:
    """Return the bytes that a packet of each run's pods has behind its IP header."""
    return runs["pod_mtu"] - runs["ip"].map(HEADER)


def run_flags(runs: pd.DataFrame) -> pd.Series:
    """Return the kinds of flags of each run, commas between; an empty text is good."""
    words = pd.Series("", index=runs.index, dtype=object)
    clocked = ~in_instructions(runs)
    for kind, check in CHECKS.items():
        found = check.finds(runs) & (clocked | (not check.timed))
        words[found] += kind + ","
    return words.str.rstrip(",")


def limits(runs: pd.DataFrame) -> pd.Series:
    """Return what limited each run.

    Returns:
        ``sender`` or ``receiver`` where that host's busiest CPU was full, ``both``, ``wire``
        where neither was, ``rate`` where the requested rate limited the load, or an empty text
        where the run has no such value.
    """
    full_a, full_b = runs["cpu_a"].ge(FULL), runs["cpu_b"].ge(FULL)
    told = runs["cpu_a"].notna() & runs["cpu_b"].notna()
    a, b = (np.where(runs["direction"].eq("reverse"), *ends)
            for ends in (("receiver", "sender"), ("sender", "receiver")))  # fmt: skip
    # A single request at a time leaves both hosts waiting for each other.
    told &= runs["mode"].isin(["stream", "udp"]) & ~in_instructions(runs)
    found = np.select(
        [~told, full_a & full_b, full_a, full_b, runs["rate"].gt(0)], ["", "both", a, b, "rate"],
        "wire",
    )  # fmt: skip
    return pd.Series(found, index=runs.index)


def _segments(runs: pd.DataFrame) -> pd.Series:
    """Return how many TCP segments each run sent, roughly."""
    return runs["gbps"] * 1e9 / 8 * runs["duration"] / runs["mss"]


def flag_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Check the runs of one condition, their rounds and their schemes.

    Returns:
        A DataFrame of :data:`COLUMNS`: what kind of flag, on which ``suite``, ``round``,
        ``scheme`` and ``run`` (each empty where the flag is about more than one), and what it
        ``says`` in the reader's language. Kinds are those of :data:`CHECKS` and ``broken``,
        ``round``, ``drift``, ``modes``.
    """
    rows = [
        *_broken(runs),
        *_rounds(runs),
        *_modes(runs),
        *_single(runs),
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _single(runs: pd.DataFrame) -> list[tuple[object, ...]]:
    return [
        (kind, run["suite"], run["round"], run["scheme"], run["run"], CHECKS[kind].says(run))
        for _, run in runs[runs["flags"].ne("")].iterrows()
        for kind in run["flags"].split(",")
    ]


def _broken(runs: pd.DataFrame) -> list[tuple[object, ...]]:
    says = _("this run failed, so the whole round is left out: {error}")
    return [
        (N_("broken"), run["suite"], run["round"], run["scheme"], run["run"],
         says.format(error=run["error"]))
        for __, run in broken_rounds(runs).iterrows()
    ]  # fmt: skip


def _rounds(runs: pd.DataFrame) -> list[tuple[object, ...]]:
    """Flag rounds whose baseline stands apart, and a baseline that drifts over the rounds."""
    good = usable(runs)
    good = good[good["scheme"].eq(BASELINE) & good["suite"].ne("")]
    found: list[tuple[object, ...]] = []
    for suite, part in good.groupby("suite"):
        base = part.groupby("round")["figure"].mean()
        if len(base) < 4:
            continue
        from scipy.stats import theilslopes  # takes seconds, and few rounds do without

        off = base / base.median() - 1
        usual = 1.4826 * off.abs().median()  # the MAD, as a standard deviation
        for number, apart in off[off.abs() > max(ROUND_OFF, ROUND_ROBUST * usual)].items():
            says = _(
                "hostnetwork differed by {apart:+.0f} % from the other rounds: the machine changed"
            )
            says = says.format(apart=100 * apart)
            found.append((N_("round"), suite, number, BASELINE, "", says.replace("-", "−")))
        slope, __, low, high = theilslopes(base, base.index)
        total = slope * (base.index.max() - base.index.min()) / base.median()
        if abs(total) > ROUND_OFF and (low > 0 or high < 0):
            says = _("hostnetwork drifted by {total:+.0f} % from the first round to the last")
            says = says.format(total=100 * total)
            found.append((N_("drift"), suite, "", BASELINE, "", says.replace("-", "−")))
    return found


def _modes(runs: pd.DataFrame) -> list[tuple[object, ...]]:
    """Flag schemes whose runs gather around two figures: their median is neither."""
    found: list[tuple[object, ...]] = []
    mode = mode_of(runs)
    # Two placements of the hosts' CPUs give two figures; the losses report them.
    placed = by_placement(usable(runs)).values()
    for scheme, part in (each for own in placed for each in own.groupby("scheme")):
        low, high = two_modes(np.sort(part["figure"].to_numpy()))
        if high > low:
            says = _("the runs cluster around two values, {low} and {high}").format(
                low=mode.form.format(low), high=mode.spoken(high)
            )
            found.append((N_("modes"), "", "", scheme, "", says))
    return found


def two_modes(ordered: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> tuple[float, float]:
    """Return the two figures that sorted values gather around, or (0, 0).

    The best split into two groups (Otsu 1979) explains 64 % of the variance of a normal sample
    and 75 % of an even one; two modes are reported where it explains more than 90 %, both groups
    have a fifth of the values, and their means are 5 % apart.
    """
    n = len(ordered)
    if n < MODES_NEED or not ordered.std() > 0:
        return (0.0, 0.0)
    cuts = np.arange(max(2, n // 5), n - max(2, n // 5) + 1)
    sums = np.cumsum(ordered)
    low, high = sums[cuts - 1] / cuts, (sums[-1] - sums[cuts - 1]) / (n - cuts)
    explained = cuts * (n - cuts) * (high - low) ** 2 / n**2 / ordered.var()
    best = int(np.argmax(explained))
    found = float(low[best]), float(high[best])
    apart = found[1] / found[0] - 1
    return found if explained[best] > MODES_EXPLAIN and apart > MODES_APART else (0.0, 0.0)
