"""The same work for every scheme: a rate that the slowest of them can carry."""

from collections.abc import Callable, Sequence
from pathlib import Path

from cniperf.analysis.loss import is_userspace
from cniperf.measure.run import run
from cniperf.params import Experiment
from cniperf.runs import load_runs

SHARE = 0.9  # of what the slowest carries, so that none is at its limit


def common_rate(
    base: Experiment, schemes: Sequence[str], data_dir: Path | None, tell: Callable[[str], None]
) -> float:
    """Load each scheme once at full speed; return 90 % of the slowest one's goodput.

    Open vSwitch's userspace datapath does not count. The runs are left in the folder of runs,
    outside of any suite.

    Returns:
        The rate in Gbit/s, at two significant digits.

    Raises:
        CniperfError: a run failed.
    """
    found: dict[str, float] = {}
    for scheme in schemes:
        asked = {**base.model_dump(exclude_none=True), "scheme": scheme, "rounds": 1}
        (folder,) = run(Experiment.of(**{**asked, "data_dir": data_dir}), lambda moment: None)
        figures = load_runs(folder)
        if not is_userspace(figures).any():  # another thing, which would limit all others
            found[scheme] = float(figures["gbps"].iloc[0])
    slowest = min(found, key=lambda name: found[name])
    rate = float(f"{SHARE * found[slowest]:.2g}")
    tell(f"{slowest} is the slowest with {found[slowest]:.2f} Gbit/s: each scheme is offered "
         f"{rate:g} Gbit/s")  # fmt: skip
    return rate
