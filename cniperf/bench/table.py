"""The table of what cniperf itself costs, line by line."""

import resource
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cniperf
from cniperf.beds.lock import machine_lock
from cniperf.bench.hosts import guests_ready, ssh_command, ssh_ratios
from cniperf.bench.loads import (
    generator_ratios,
    load_ratios,
    proof_ratios,
    search_ratios,
    tunnel_losses,
)
from cniperf.bench.program import MANY, many_runs, report_seconds, seconds, suite_overhead
from cniperf.bench.wiring import MANY_PAIRS, linearity, pairs_memory, wiring_ratios
from cniperf.environment import fingerprint
from cniperf.schemes import ARTICLE, find


@dataclass(frozen=True)
class Result:
    """One line of the table: what was measured, in which unit, and the bound it should keep."""

    what: str
    values: tuple[float, ...]
    bound: str

    @property
    def median(self) -> str:
        """The median, to three significant digits."""
        return f"{statistics.median(self.values):.3g}"

    @property
    def spread(self) -> str:
        """The lowest and the highest value, or a dash for a single one."""
        low, high = min(self.values), max(self.values)
        return f"{low:.3g} to {high:.3g}" if high > low else "–"


def bench() -> Iterator[Result]:
    """Measure one line after the other."""
    with machine_lock("cniperf bench"):
        _many_files()
        yield Result("goodput / iperf3 typed by hand", load_ratios(), "0.97 to 1.03")
        yield Result("goodput after the proof of path / without it", proof_ratios(), "0.99 to 1.01")
        yield Result("goodput with iperf / with iperf3, hostnetwork", generator_ratios(),
                     "0.9 to 1.1")  # fmt: skip
        yield Result("flannel-vxlan's loss, NIC virtio", tunnel_losses("virtio"), "0.75 to 0.9")
        yield Result("flannel-vxlan's loss, NIC offload", tunnel_losses("offload"), "0.25 to 0.6")
        yield Result("UDP search on hostnetwork / its median", search_ratios(), "0.9 to 1.1")
        for number in MANY_PAIRS:
            batch, _ = wiring_ratios("calico", repeats=3, pairs=number)
            yield Result(f"wire and unwire {number} pairs of calico / ip -batch", batch,
                         "at most 1.5")  # fmt: skip
        yield Result("wiring one pair of 256 / one of 16, calico", linearity(), "at most 1.5")
        for number in (1, *MANY_PAIRS):
            yield Result(f"memory with {number} pairs wired, MiB", (pairs_memory(number),), "")
        for scheme in map(find, ARTICLE):
            if scheme.devices:
                batch, forked = wiring_ratios(scheme.name)
                by_hand, bound = (("ip -batch and ovs-vsctl", "at most 1.3") if scheme.ovs
                                  else ("ip -batch", "at most 1.5"))  # fmt: skip
                yield Result(f"wire and unwire {scheme.name} / {by_hand}", batch, bound)
                each = "each step" if scheme.ovs else "ip"
                yield Result(f"wire and unwire {scheme.name} / {each}, forked", forked,
                             "less than 1")  # fmt: skip
        yield Result("a command over SSH, ms", ssh_command(), "less than 15")
        yield Result("two guests booted and reached by SSH, s", guests_ready(), "less than 10")
        yield Result("goodput by bed ssh / by bed lab, on the same hosts", ssh_ratios(),
                     "0.97 to 1.03")  # fmt: skip
    yield Result("suite at 10 + 1 s: time that is no load, %", suite_overhead(), "less than 15")
    yield Result("report, HTML and PDF of the reference runs, s", report_seconds(), "")
    took, memory = many_runs()
    yield Result(f"load and analyse {MANY:,} generated runs, s", (took,), "less than 10")
    yield Result("memory for that, GiB", (memory,), "less than 1")
    yield Result("import cniperf, s", seconds("-c", "import cniperf"), "less than 0.15")
    yield Result("cniperf --help, s", seconds("-m", "cniperf", "--help"), "less than 0.4")


def _many_files() -> None:
    """Allow this process as many open files as it may have: each namespace takes two."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def as_page(results: Sequence[Result]) -> str:
    """Return the results as a page of Markdown, with the machine's facts."""
    facts = fingerprint()
    rows = "\n".join(f"| {r.what} | {r.median} | {r.spread} | {r.bound} |" for r in results)
    return (
        "# What cniperf itself costs\n\n"
        "Written by `make bench`; it takes twenty minutes. Ratios are of pairs measured in the "
        "same minute, because machines change their speed. The generated runs are copies of a "
        "reference run with made-up throughput.\n\n"
        f"{facts['cpu']}, {facts['cpus']} CPUs, {facts['memory']} GiB, {facts['os']}, "
        f"Linux {facts['kernel']}, Python {facts['python']}, cniperf {cniperf.__version__}.\n\n"
        f"| what | median | lowest to highest | bound |\n|---|---|---|---|\n{rows}\n"
    )
