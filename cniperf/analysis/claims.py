"""The article's sentences, as data, and a verdict on each from the runs.

Source: 《kubernetes 不同网络方案性能对比》, https://www.cnblogs.com/haoqingchuan/p/8659798.html,
section 2. It prints ratios only; those marked *implied* follow from two that it prints.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from cniperf.analysis.blocks import BASELINE, WITH, Blocks, laid_out
from cniperf.analysis.interval import UNKNOWN, Interval
from cniperf.analysis.loss import is_userspace
from cniperf.analysis.memo import once
from cniperf.analysis.sample import Sample, holm_levels
from cniperf.language import N_, _, in_percent

Direction = Literal["holds", "does not hold", "not told apart", "depends", ""]
Size = Literal["as the article", "more", "less", "not known well enough", "depends", ""]

EVERY_POD = "every pod"  # stands for all schemes but hostnetwork

# By how much of what the article's scheme carries ours may carry more or less and still be called
# the same. Five points of calico's 70 %; what the article rounds away is half of that at most.
MARGIN = 0.07
NEAR = 0.01  # a claim of 1 % is taken at its word

USERSPACE = N_("Open vSwitch ran in userspace")


@dataclass(frozen=True)
class Claim:
    """One sentence of the article about two schemes.

    Attributes:
        text: the sentence.
        scheme: what it is about.
        relative_to: what it is compared with.
        change: the article's figure, as a fraction; None where it gives no figure.
        direction: the sentence's direction: -1 slower, 1 faster, 0 neither.
        margin: by how much of what is carried ours may differ and still be as the article's.
        implied: True where the figure follows from others.
    """

    text: str
    scheme: str
    relative_to: str
    change: float | None
    direction: int = -1
    margin: float = MARGIN
    implied: bool = False

    @property
    def centre(self) -> float:
        """The logarithm of the ratio that the sentence is about."""
        return float(np.log1p(self.change or 0.0))

    @property
    def sized(self) -> bool:
        """Whether the sentence has a size: a figure, or "no difference"."""
        return self.change is not None or not self.direction


CALICO_OF_HOST, CALICO_OF_MACVLAN, CALICO_OF_OVS = 0.70, 0.71, 0.80
MACVLAN_OF_HOST = CALICO_OF_HOST / CALICO_OF_MACVLAN
OVS_OF_HOST = CALICO_OF_HOST / CALICO_OF_OVS
OVS_BRIDGE_OF_OVS = 0.74

CLAIMS = (
    Claim(N_("hostnetwork is best"), EVERY_POD, BASELINE, None),
    Claim(N_("macvlan comes close to hostnetwork"), "macvlan", BASELINE, MACVLAN_OF_HOST - 1,
          implied=True),
    Claim(N_("ovs is next after macvlan"), "ovs", BASELINE, OVS_OF_HOST - 1, implied=True),
    Claim(N_("ovs with a Linux bridge is slower than ovs"), "ovs-bridge", "ovs",
          OVS_BRIDGE_OF_OVS - 1),
    Claim(N_("calico is slower than hostnetwork"), "calico", BASELINE, CALICO_OF_HOST - 1),
    Claim(N_("calico is slower than macvlan"), "calico", "macvlan", CALICO_OF_MACVLAN - 1),
    Claim(N_("calico is slower than ovs"), "calico", "ovs", CALICO_OF_OVS - 1),
    Claim(N_("flannel host-gw is within 1 % of calico"), "flannel-hostgw", "calico", None,
          direction=0, margin=NEAR),
    Claim(N_("flannel vxlan is slowest"), "flannel-vxlan", BASELINE, -0.86),
    Claim(N_("canal is as slow"), "canal", BASELINE, -0.86),
    Claim(N_("canal is a little faster than flannel vxlan"), "canal", "flannel-vxlan", 0.01,
          direction=1, margin=NEAR),
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
    """Return whether runs of one condition had the article's load: TCP at full speed."""
    first = runs.head(1)
    return bool((first["mode"].eq("stream") & first["pairs"].eq(1) & first["rate"].eq(0)
                 & first["direction"].eq("forward")).all())  # fmt: skip


@once
def claims_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Judge the article's claims by the runs of one condition: direction and size.

    **Direction** *holds* where a test finds a difference that way, *does not hold* where it finds
    one the other way; else the two are *not told apart*. **Size** is *as the article* where an
    equivalence test finds ours within the claim's margin; else *more* or *less* where a test finds
    that ours is another figure; else *not known well enough*. Each question is adjusted for how
    many claims ask it (Holm 1979). Where the hosts' CPUs lay in two ways, each is judged by itself,
    and a claim on which the two disagree *depends* on it. Seeds of bed counted are no sample: what
    all of them agree on counts without a test.

    Returns:
        A DataFrame with ``claim``, ``scheme``, ``of`` (what the figure is relative to),
        ``article`` (its figure as a fraction, NaN where it gives none), ``implied``, ``margin``,
        ``ours`` (the change, as a fraction), ``ours_low``, ``ours_high`` (the ends of its 95 %
        interval by itself, or spread), ``direction``, ``size`` (an empty text where the claim has
        none), ``needed`` (the smallest margin that would have made the size as the article's, NaN
        where nothing is known), ``comparable`` (False where Open vSwitch ran in userspace), and
        ``says`` (for people, in the reader's language, as ``claim``).
    """
    blocks = laid_out(runs)
    samples = [_samples(blocks, claim) for claim in CLAIMS]
    judged: dict[str, list[_Judged]] = {}
    for place in dict.fromkeys(place for each in samples for place in each):
        judged[place] = _judge([each.get(place, {}) for each in samples])
    takes = _(blocks.spread.takes).format(rounds=blocks.spread.rounds)
    rows = []
    for number, claim in enumerate(CLAIMS):
        each = {place: found[number] for place, found in judged.items() if place in samples[number]}
        comparable = not _userspace(blocks, claim)
        rows.append(
            {
                "claim": _(claim.text),
                "scheme": claim.scheme,
                "of": claim.relative_to,
                "article": np.nan if claim.change is None else claim.change,
                "implied": claim.implied,
                "margin": claim.margin if claim.sized else np.nan,
                **_ours(list(each.values())),
                "direction": _both([one.direction for one in each.values()]),
                "size": _both([one.size for one in each.values()]),
                "needed": max((one.needed for one in each.values()), default=np.nan),
                "comparable": comparable,
                "says": _says(claim, each, takes) if comparable else _(USERSPACE),
            }
        )
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class _Judged:
    """The verdict of one placement of the hosts' CPUs on a claim."""

    ours: Interval
    direction: Direction
    size: Size
    needed: float
    against: str  # the scheme that decides: the claim fails on it, or is least sure of it


class _Turn(NamedTuple):
    """Which way some ratios lie to 1, how sure that is, and whose ratio decides it."""

    sign: int
    chance: float
    scheme: str


def _samples(blocks: Blocks, claim: Claim) -> dict[str, dict[str, Sample]]:
    """Return what is known of the ratios that a claim is about: by placement, and by scheme."""
    if _userspace(blocks, claim):
        return {}
    good = blocks.runs
    apart = {BASELINE, *good.loc[is_userspace(good), "scheme"]}
    schemes = [claim.scheme]
    if claim.scheme == EVERY_POD:
        schemes = [name for name in dict.fromkeys(map(str, good["scheme"])) if name not in apart]
    found: dict[str, dict[str, Sample]] = {}
    for scheme in schemes:
        for place, sample in blocks.samples(scheme, claim.relative_to).items():
            found.setdefault(place, {})[scheme] = sample
    return found


def _userspace(blocks: Blocks, claim: Claim) -> bool:
    ends = blocks.runs[blocks.runs["scheme"].isin([claim.scheme, claim.relative_to])]
    return bool(is_userspace(ends).any())


def _judge(samples: list[Mapping[str, Sample]]) -> list[_Judged]:
    """Judge all claims by one placement; only those with an interval count for the levels."""
    there = [n for n, each in enumerate(samples) if each and all(s.known for s in each.values())]
    one = {n: next(iter(samples[n].values())) for n in there if CLAIMS[n].sized}
    turns = {n: _turns(samples[n]) for n in there if CLAIMS[n].direction}
    ways = _levels({n: turn.chance for n, turn in turns.items()})
    alike = _levels({n: s.p_within(CLAIMS[n].centre, _margin(CLAIMS[n])) for n, s in one.items()})
    other = _levels({n: _p_other(CLAIMS[n], s) for n, s in one.items()})
    found = []
    for n, (claim, each) in enumerate(zip(CLAIMS, samples, strict=True)):
        unknown = next((name for name, sample in each.items() if not sample.known), "")
        against = turns[n].scheme if n in turns else unknown or next(iter(each), "")
        ours = each[against].interval() if each else UNKNOWN
        direction: Direction = ""
        size: Size = ""
        needed = np.nan
        if claim.direction and each:
            found_one = n in ways and ways[n][1]
            direction = _DIRECTIONS[claim.direction * turns[n].sign if found_one else 0]
        if claim.sized and each:
            size = "not known well enough"
        if n in one:
            needed = float(np.expm1(one[n].reach(claim.centre, alike[n][0])))
            size = _size(claim, ours, alike=alike[n][1], other=other[n][1])
        found.append(_Judged(ours, direction, size, needed, against))
    return found


_DIRECTIONS: dict[int, Direction] = {
    1: N_("holds"), -1: N_("does not hold"), 0: N_("not told apart"),
}  # fmt: skip


def _turns(samples: Mapping[str, Sample]) -> _Turn:
    """Return which way some ratios lie to 1, all of them.

    That all are below 1 is as sure as the least sure of them; that one is above is tested for each,
    so it is adjusted for their number.
    """
    chances = {name: sample.p_differs() for name, sample in samples.items()}
    middles = {name: sample.interval().middle for name, sample in samples.items()}
    above = [name for name, middle in middles.items() if middle > 0]
    if above and len(samples) > 1:
        first = min(above, key=lambda name: chances[name])
        return _Turn(1, min(1.0, len(samples) * chances[first]), first)
    last = max(samples, key=lambda name: (chances[name], middles[name]))
    return _Turn(int(np.sign(middles[last])), chances[last], last)


def _levels(chances: Mapping[int, float]) -> dict[int, tuple[float, bool]]:
    """Return for each claim the level that its test has to meet, and whether it does."""
    levels = holm_levels(list(chances.values()))
    return {
        place: (level, chance <= level)
        for (place, chance), level in zip(chances.items(), levels, strict=True)
    }


def _margin(claim: Claim) -> float:
    return float(np.log1p(claim.margin))


def _p_other(claim: Claim, sample: Sample) -> float:
    """Return the p-value of ours being the claim's figure or, where it gives none, within it."""
    if claim.direction:
        return sample.p_differs(claim.centre)
    return min(1.0, 2 * min(sample.p_above(_margin(claim)), sample.p_below(-_margin(claim))))


def _size(claim: Claim, ours: Interval, *, alike: bool, other: bool) -> Size:
    """Compare a size with the article's: more is a larger difference in its direction."""
    if alike:
        return N_("as the article")
    if not other:
        return N_("not known well enough")
    if not claim.direction:
        return "more"
    further = (ours.middle - claim.centre) * claim.direction > 0
    return N_("more") if further else N_("less")


def _ours(each: list[_Judged]) -> dict[str, float]:
    ours = [one.ours for one in each] or [UNKNOWN]
    low, middle, high = np.array(ours).T
    ends = {"ours": middle.mean(), "ours_low": low.min(), "ours_high": high.max()}
    return {name: float(np.expm1(value)) for name, value in ends.items()}


def _both(said: list[str]) -> str:
    """Return the verdict of all placements, or that it depends on them."""
    return said[0] if len(set(said)) == 1 else "depends" if said else ""


_WAYS = {-1: N_("slower"), 1: N_("faster")}
_ONLY = {-1: N_("slower, not faster"), 1: N_("faster, not slower")}

# What follows where the direction holds, and where it does not.
_SO = {
    "as the article": N_("{way}, by as much as in the article"),
    "more": N_("{way}, by more"),
    "less": N_("{way}, by less"),
    "not known well enough": N_("{way}; how much is not known well enough"),
    "": "{way}",
}
_NOT_SO = {
    "as the article": N_("{way}; within {margin} of the article's figure"),
    "more": N_("{way}; more than in the article"),
    "less": N_("{way}; less than in the article"),
    "not known well enough": N_("{way}; how much is not known well enough"),
    "": "{way}",
}
_NEITHER = {
    "as the article": N_("equal within {margin}"),
    "more": N_("further apart than {margin}"),
    "not known well enough": N_("not known well enough"),
}


def _says(claim: Claim, each: Mapping[str, _Judged], takes: str) -> str:
    """Return the verdict of all placements of the hosts' CPUs, or of each of them."""
    if not each:
        return _("not measured here")
    said = {place: _words(claim, one, takes) for place, one in each.items()}
    if len(set(said.values())) == 1:
        return next(iter(said.values()))
    where = _("{placement}: {says}")
    return _("; ").join(
        where.format(placement=_(WITH[place]), says=words) for place, words in said.items()
    )


def _words(claim: Claim, one: _Judged, takes: str) -> str:
    if np.isnan(one.ours.low):
        return takes
    margin = in_percent(f"{100 * claim.margin:g}")
    if not claim.direction:
        return _(_NEITHER[one.size]).format(margin=margin)
    if claim.scheme == EVERY_POD:
        words = {"holds": _("every scheme is slower"), "does not hold": _("{scheme} is faster"),
                 "not told apart": _("not told apart from {scheme}")}  # fmt: skip
        return words[one.direction].format(scheme=one.against)
    if one.direction == "holds":
        return _(_SO[one.size]).format(way=_(_WAYS[claim.direction]))
    way = _("not told apart")
    if one.direction == "does not hold":
        way = _(_ONLY[-claim.direction])
    return _(_NOT_SO[one.size]).format(way=way, margin=margin)
