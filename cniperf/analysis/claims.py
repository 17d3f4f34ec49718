"""What the article says, as data, and a verdict on each sentence from the runs.

Source: 《kubernetes 不同网络方案性能对比》, https://www.cnblogs.com/haoqingchuan/p/8659798.html,
section 2. It prints ratios only; those marked *implied* follow from two that it prints.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from cniperf.analysis.blocks import BASELINE, Blocks
from cniperf.analysis.interval import INTERVAL, Interval, Spread
from cniperf.analysis.loss import is_userspace
from cniperf.analysis.noise import noise_floor
from cniperf.language import N_, _

Verdict = Literal["confirmed", "contradicted", "undecided", "not comparable here"]

FASTEST_OTHER = "the fastest pod"  # stands for a scheme that the runs name

# One run of a minute pins a share no better than this; a claim of 1 % is taken at its word.
TOLERANCE = 0.05


@dataclass(frozen=True)
class Claim:
    """One sentence of the article about two schemes.

    Attributes:
        text: the sentence.
        scheme: what it is about.
        relative_to: what it is compared with.
        change: the article's figure, as a fraction; None where it gives no figure.
        low: the least change that would bear the sentence out, as a fraction.
        high: the greatest.
        implied: True where the figure follows from others.
    """

    text: str
    scheme: str
    relative_to: str
    change: float | None
    low: float
    high: float
    implied: bool = False


def _about(
    text: str, scheme: str, relative_to: str, change: float, *, implied: bool = False
) -> Claim:
    low, high = round(change - TOLERANCE, 4), round(change + TOLERANCE, 4)
    return Claim(text, scheme, relative_to, change, low, high, implied)


CALICO_OF_HOST, CALICO_OF_MACVLAN, CALICO_OF_OVS = 0.70, 0.71, 0.80
MACVLAN_OF_HOST = CALICO_OF_HOST / CALICO_OF_MACVLAN
OVS_OF_HOST = CALICO_OF_HOST / CALICO_OF_OVS
OVS_BRIDGE_OF_OVS = 0.74

CLAIMS = (
    Claim(N_("hostnetwork is best"), FASTEST_OTHER, BASELINE, None, -1.0, 0.0),
    _about(N_("macvlan comes close to hostnetwork"), "macvlan", BASELINE, MACVLAN_OF_HOST - 1,
           implied=True),
    _about(N_("ovs is next after macvlan"), "ovs", BASELINE, OVS_OF_HOST - 1, implied=True),
    _about(N_("ovs with a Linux bridge is slower than ovs"), "ovs-bridge", "ovs",
           OVS_BRIDGE_OF_OVS - 1),
    _about(N_("calico is slower than hostnetwork"), "calico", BASELINE, CALICO_OF_HOST - 1),
    _about(N_("calico is slower than macvlan"), "calico", "macvlan", CALICO_OF_MACVLAN - 1),
    _about(N_("calico is slower than ovs"), "calico", "ovs", CALICO_OF_OVS - 1),
    Claim(N_("flannel host-gw is within 1 % of calico"), "flannel-hostgw", "calico", None,
          -0.01, 0.01),
    _about(N_("flannel vxlan is slowest"), "flannel-vxlan", BASELINE, -0.86),
    _about(N_("canal is as slow"), "canal", BASELINE, -0.86),
    Claim(N_("canal is a little faster than flannel vxlan"), "canal", "flannel-vxlan", 0.01,
          0.0, 0.02),
)  # fmt: skip

# The article's losses against hostnetwork, by scheme: (fraction, implied).
ARTICLE_LOSS: dict[str, tuple[float, bool]] = {
    "macvlan": (1 - MACVLAN_OF_HOST, True),
    "ovs": (1 - OVS_OF_HOST, True),
    "ovs-bridge": (1 - OVS_OF_HOST * OVS_BRIDGE_OF_OVS, True),
    "calico": (1 - CALICO_OF_HOST, False),
    "flannel-hostgw": (1 - CALICO_OF_HOST, True),
    "flannel-vxlan": (0.86, False),
    "canal": (0.86, False),
}


def is_articles_load(runs: pd.DataFrame) -> bool:
    """Tell whether runs of one condition were loaded as the article's: with TCP, all that goes."""
    first = runs.head(1)
    return bool((first["mode"].eq("stream") & first["pairs"].eq(1) & first["rate"].eq(0)
                 & first["direction"].eq("forward")).all())  # fmt: skip


def claims_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Judge the article's claims by the runs of one condition.

    A claim is *confirmed* where the whole interval of ours (bed counted: the spread of the seeds)
    lies in what would bear it out, *contradicted* where the whole interval lies outside,
    *undecided* otherwise, and *not comparable here* where Open vSwitch's userspace datapath stood
    in for the kernel's. The interval counts as no narrower than the noise floor: two figures whose
    ratio is 1 may be found so far apart, and others in proportion.

    Returns:
        A DataFrame with ``claim``, ``scheme``, ``of`` (what the figure is relative to),
        ``article`` (its figure as a fraction, NaN where it gives none), ``implied``,
        ``band_low``, ``band_high`` (what would bear it out), ``ours`` (median change),
        ``ours_low``, ``ours_high`` (the ends of its interval or spread), ``verdict`` and ``why``.
        ``claim`` and ``why`` are words for people, in the reader's language.
    """
    blocks, floor = Blocks(runs), noise_floor(runs).smallest
    rows = []
    for claim in CLAIMS:
        scheme = _fastest(blocks) if claim.scheme == FASTEST_OTHER else claim.scheme
        ours = blocks.change(scheme, claim.relative_to)
        ends = blocks.runs[blocks.runs["scheme"].isin([scheme, claim.relative_to])]
        apart = bool(is_userspace(ends).any())
        verdict, why = judge(claim, ours, floor, userspace=apart, spread=blocks.spread)
        rows.append(
            {
                "claim": _words(claim, scheme),
                "scheme": scheme,
                "of": claim.relative_to,
                "article": np.nan if claim.change is None else claim.change,
                "implied": claim.implied,
                "band_low": claim.low,
                "band_high": claim.high,
                "ours": ours.middle,
                "ours_low": ours.low,
                "ours_high": ours.high,
                "verdict": verdict,
                "why": why,
            }
        )
    return pd.DataFrame(rows)


def judge(
    claim: Claim,
    ours: Interval,
    floor: float = np.nan,
    *,
    userspace: bool = False,
    spread: Spread = INTERVAL,
) -> tuple[Verdict, str]:
    """Return the verdict on a claim and the reason for it, in words.

    Args:
        claim: what is judged.
        ours: the change that was measured.
        floor: the smallest difference, as a fraction, that the runs can tell from none; NaN where
            they do not say.
        userspace: whether Open vSwitch ran in userspace.
        spread: what the interval is.
    """
    if userspace:
        return N_("not comparable here"), _("Open vSwitch ran in userspace")
    if np.isnan(ours.middle):
        return N_("undecided"), _("not measured here")
    if np.isnan(ours.low):
        return "undecided", _(spread.takes).format(rounds=spread.rounds)
    verdict = _where(claim, ours)
    if verdict == "undecided":
        return verdict, _("the interval crosses an end of the range")
    if _where(claim, ours.no_narrower(floor * (1 + ours.middle))) != verdict:
        return "undecided", _("an end of the range is nearer than the noise floor")
    return verdict, _(_WHY[verdict])


_WHY = {
    N_("confirmed"): N_("all of the interval lies in the range"),
    N_("contradicted"): N_("all of the interval lies outside the range"),
}


def _where(claim: Claim, ours: Interval) -> Verdict:
    """Return the verdict that an interval gives by where it lies to a claim's range."""
    if claim.low <= ours.low and ours.high <= claim.high:
        return "confirmed"
    if ours.high < claim.low or claim.high < ours.low:
        return "contradicted"
    return "undecided"


def _words(claim: Claim, scheme: str) -> str:
    """Return a claim for people, with the scheme that stands for the one it leaves open."""
    if scheme == claim.scheme:
        return _(claim.text)
    return _("{claim} (next here: {scheme})").format(claim=_(claim.text), scheme=scheme)


def _fastest(blocks: Blocks) -> str:
    """Return the best scheme among those that may be compared."""
    apart = {BASELINE, *blocks.runs.loc[is_userspace(blocks.runs), "scheme"]}
    return next((name for name in blocks.best_first() if name not in apart), FASTEST_OTHER)
