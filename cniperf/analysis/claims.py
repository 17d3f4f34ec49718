"""What the article says, as data, each beside what the runs say.

Source: 《kubernetes 不同网络方案性能对比》, https://www.cnblogs.com/haoqingchuan/p/8659798.html,
section 2. It prints ratios only; those marked *implied* follow from two that it prints.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cniperf.analysis.loss import BASELINE, changes, is_userspace


@dataclass(frozen=True)
class Claim:
    """One sentence of the article about two schemes.

    Attributes:
        text: the sentence.
        scheme: what it is about.
        relative_to: what it is compared with.
        change: the article's figure, as a fraction; None where it gives no figure.
        implied: True where the figure follows from others.
    """

    text: str
    scheme: str
    relative_to: str
    change: float | None
    implied: bool = False


CALICO_OF_HOST, CALICO_OF_MACVLAN, CALICO_OF_OVS = 0.70, 0.71, 0.80
MACVLAN_OF_HOST = CALICO_OF_HOST / CALICO_OF_MACVLAN
OVS_OF_HOST = CALICO_OF_HOST / CALICO_OF_OVS
OVS_BRIDGE_OF_OVS = 0.74

CLAIMS = (
    Claim("macvlan comes close to hostnetwork", "macvlan", BASELINE, MACVLAN_OF_HOST - 1, True),
    Claim("ovs is next after macvlan", "ovs", BASELINE, OVS_OF_HOST - 1, True),
    Claim("ovs with a Linux bridge is slower than ovs", "ovs-bridge", "ovs",
          OVS_BRIDGE_OF_OVS - 1),
    Claim("calico is slower than hostnetwork", "calico", BASELINE, CALICO_OF_HOST - 1),
    Claim("calico is slower than macvlan", "calico", "macvlan", CALICO_OF_MACVLAN - 1),
    Claim("calico is slower than ovs", "calico", "ovs", CALICO_OF_OVS - 1),
    Claim("flannel host-gw is within 1 % of calico", "flannel-hostgw", "calico", None),
    Claim("flannel vxlan is slowest", "flannel-vxlan", BASELINE, -0.86),
    Claim("canal is as slow", "canal", BASELINE, -0.86),
    Claim("canal is a little faster than flannel vxlan", "canal", "flannel-vxlan", 0.01),
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


def claims_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Lay the article's claims beside the runs of one condition.

    Returns:
        A DataFrame with ``claim``, ``of`` (what the figure is relative to), ``article`` (its
        figure as a fraction, NaN where it gives none), ``implied``, ``ours`` (median change of
        the runs), ``ours_low``, ``ours_high`` (of the single runs) and ``comparable`` (False
        where Open vSwitch's userspace datapath stood in for the kernel's).
    """
    rows = []
    for claim in CLAIMS:
        found = changes(runs, claim.scheme, claim.relative_to)
        ends = runs[runs["scheme"].isin([claim.scheme, claim.relative_to])]
        rows.append(
            {
                "claim": claim.text,
                "of": claim.relative_to,
                "article": np.nan if claim.change is None else claim.change,
                "implied": claim.implied,
                "ours": np.median(found) if len(found) else np.nan,
                "ours_low": found.min() if len(found) else np.nan,
                "ours_high": found.max() if len(found) else np.nan,
                "comparable": not is_userspace(ends).any(),
            }
        )
    return pd.DataFrame(rows)
