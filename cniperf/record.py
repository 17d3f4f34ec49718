"""The contents of ``run.json``, as a model: a run's keys, their types and ranges.

An unknown key is allowed: a newer cniperf may have written it.
"""

import math
import re
from datetime import UTC, datetime
from itertools import pairwise
from statistics import fmean, pstdev
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from cniperf import modes
from cniperf.errors import shown
from cniperf.foreign import (
    Amount,
    Finite,
    Foreign,
    Line,
    Name,
    Positive,
    Said,
    Share,
    Word,
)

FORMAT = 1

BedName = Literal["lab", "ssh", "vm", "counted", "k8s"]
Nic = Literal["virtio", "offload", "plain", "big-128k", "big-192k", "own"]
Gro = Literal["default", "on", "off"]
ModeName = Literal["stream", "rr", "crr", "udp"]
Direction = Literal["forward", "reverse", "both"]
Design = Literal["separate", "interleaved"]

# Figures that stay empty where turns are taken, or instructions counted.
UNTOLD = (
    "gbps", "gbps_sent", "per_second", "lost", "sender_cpu", "receiver_cpu", "cpu_a", "cpu_b",
    "cpu_per_gb_a", "cpu_per_gb_b", "cpu_each_a", "cpu_each_b", "stolen", "others", "trend",
    "trend_low", "trend_high", "insn_per_byte_a", "insn_per_byte_b",
)  # fmt: skip

Versions = dict[Line, Line | None]
Cpus = dict[Line, list[Annotated[int, Field(ge=0, le=65535)]]]
Whole = Annotated[int, Field(ge=0, le=10**9)]
Many = Annotated[int, Field(ge=1, le=10**6)]


def _moment(text: object) -> object:
    """Return a time of day and date, as UTC; what is none is left to be refused."""
    if not isinstance(text, str) or not re.match(r"(19[7-9]|20|21)\d+-", text):
        raise ValueError("a date and time from 1970 to 2199, as 2026-01-02T03:04:05+00:00")
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


# Natural logarithm of a ratio: 10¹⁰ times as much, or as little, is none that was measured.
FURTHEST = 23.0
Ratio = Annotated[float, Field(ge=-FURTHEST, le=FURTHEST)]
ROUNDED = 1e-6  # of such a logarithm: how well a mean of blocks comes out again
NEAR = 0.7  # how far an estimate without its blocks may be from the logarithm of the two means

PERCENTILES = ("p50", "p90", "p99", "p999")

LARGEST_CONFIG = 2**16  # characters of a CNI network's configuration


class Params(Foreign):
    """The requested parameters. Their defaults are for older runs without the parameter."""

    scheme: Name
    bed: BedName
    nic: Nic
    ip: Literal[4, 6] = 4
    mtu: Annotated[int, Field(ge=68, le=65535)]
    duration: Annotated[int, Field(ge=1, le=10**6)]
    omit: Annotated[int, Field(ge=0, le=10**6)]
    streams: Many
    window: Word
    congestion: Name
    gro: Gro = "default"
    udpcsum: bool = False
    length: Whole = 0
    direction: Direction = "forward"
    rate: Amount = 0.0
    mode: ModeName = "stream"
    generator: Name = "iperf3"
    pairs: Annotated[int, Field(ge=1, le=4096)] = 1
    max_loss: Annotated[float, Field(ge=0, le=100)] = 0.1
    between: Annotated[str, Field(pattern=r"^([A-Za-z0-9._-]+,[A-Za-z0-9._-]+)?\z")] = ""
    grace: Whole = 30
    allow_shared_nic: bool = False
    erms: bool = False
    design: Design = "separate"
    slice: Amount = 0.0
    nodes: Annotated[str, Field(pattern=r"^([A-Za-z0-9._-]+,[A-Za-z0-9._-]+)?\z")] = ""
    unlike_nodes: bool = False
    context: Line = ""
    image: Line = ""
    network: Line = ""
    config: Annotated[str, Field(max_length=LARGEST_CONFIG)] = ""
    cni_bin_dir: Line = ""
    namespace_prefix: Word = "cniperf"
    rounds: Many = 1
    label: Word = ""
    suite: Word = ""


def _within(value: float, values: list[float]) -> bool:
    return min(values) - ROUNDED <= value <= max(values) + ROUNDED


class SchemeFacts(Foreign):
    """What was wired."""

    name: Name
    order: Whole
    summary: Line = ""
    path: Line = ""


class ClusterFacts(Foreign):
    """The network of a Kubernetes cluster, and what runs it."""

    context: Line = ""
    server: Line = ""
    plugin: Line = "unknown"
    version: Line = ""
    mode: Annotated[dict[Line, Line], Field(max_length=100)] = Field(default_factory=dict)
    tunnels: Annotated[dict[Line, Line], Field(max_length=1000)] = Field(default_factory=dict)
    kube_proxy: Line = ""
    why: Said = ""


class NodeFacts(Foreign):
    """A node of a Kubernetes cluster."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,253}\z")]
    runtime: Line = ""
    kubelet: Line = ""


class BedFacts(Foreign):
    """The two hosts."""

    bed: BedName | None = None
    nic: Nic | None = None
    meter: Literal["clock", "instructions"] = "clock"
    accelerator: Literal["", "tcg", "kvm"] | None = None
    seed: Annotated[int, Field(ge=0, le=2**53)] | None = None
    cpus: Cpus | None = None
    ovs_datapath: Literal["system", "netdev"] | None = None
    bare_nic: Line | None = None
    one_core: bool = False
    steered: bool = True
    awake: bool = False
    idle_restart: bool | None = None
    rootless: bool = False
    quota: Amount | None = None
    cluster: ClusterFacts | None = None
    nodes: Annotated[dict[Line, NodeFacts], Field(max_length=2)] | None = None
    without_base: Said = ""

    @property
    def between(self) -> str:
        """The names of the two nodes, as ``a,b``; empty where the hosts are no nodes."""
        return ",".join(node.name for node in (self.nodes or {}).values())


class Environment(Foreign):
    """The machine and the versions."""

    kernel: Line
    cpu: Line
    cpus: Whole | None
    versions: Versions
    os: Line | None = None
    arch: Line | None = None
    memory: Amount | None = None
    python: Line | None = None
    sysctl: Versions = Field(default_factory=dict)
    hosts: "dict[Line, Environment]" = Field(default_factory=dict)


class Summary(Foreign):
    """What came out. A figure that schemes are compared by is more than nothing."""

    gbps: Positive | None = None
    per_second: Positive | None = None
    insn_per_byte: Positive | None = None
    insn_per_byte_a: Positive | None = None
    insn_per_byte_b: Positive | None = None
    base: Positive | None = None
    base_cpu_per_gb_a: Amount | None = None
    base_cpu_per_gb_b: Amount | None = None
    log_ratio: Ratio | None = None
    blocks: Annotated[list[Ratio], Field(min_length=1)] | None = None
    gbps_sent: Amount | None = None
    lost: Share | None = None
    retransmits: Amount | None = None
    mss: Amount | None = None
    pod_mtu: Amount | None = None
    sender_cpu: Amount | None = None
    receiver_cpu: Amount | None = None
    cpu_a: Amount | None = None
    cpu_b: Amount | None = None
    cpu_per_gb_a: Amount | None = None
    cpu_per_gb_b: Amount | None = None
    cpu_each_a: Amount | None = None
    cpu_each_b: Amount | None = None
    stolen: Finite | None = None
    throttled: Amount | None = None
    throttled_periods: list[Whole] | None = None
    others: Finite | None = None
    trend: Finite | None = None
    trend_low: Finite | None = None
    trend_high: Finite | None = None
    handover: Annotated[list[Positive | None], Field(min_length=2, max_length=2)] | None = None
    p50: Positive | None = None
    p90: Positive | None = None
    p99: Positive | None = None
    p999: Positive | None = None
    jain: Share | None = None
    pair_figures: list[Amount | None] | None = None

    @model_validator(mode="after")
    def _percentiles_rise(self) -> Self:
        told = [(name, found) for name in PERCENTILES
                if (found := getattr(self, name)) is not None]  # fmt: skip
        for (lower, less), (upper, more) in pairwise(told):
            if less > more:
                raise ValueError(f"{lower} is {shown(less)}, more than {upper}, {shown(more)}")
        return self

    @model_validator(mode="after")
    def _ratio_is_that_of_its_figures(self) -> Self:
        """Refuse a log_ratio that gbps, base and the blocks of turns contradict."""
        if self.log_ratio is None or self.gbps is None or self.base is None:
            return self
        told, blocks = math.log(self.gbps / self.base), self.blocks or [self.log_ratio]
        if self.blocks and abs(fmean(blocks) - told) > ROUNDED:
            raise ValueError(f"blocks has the mean {fmean(blocks):.6g}, but gbps / base says "
                             f"{told:.6g}")  # fmt: skip
        # The median of all means of two values is no further from their mean than they scatter.
        reach = pstdev(blocks) + ROUNDED if self.blocks else NEAR
        if abs(self.log_ratio - told) > reach or not _within(self.log_ratio, blocks):
            raise ValueError(f"log_ratio is {shown(self.log_ratio)}, but gbps / base says "
                             f"{told:.6g} and the blocks no such thing")  # fmt: skip
        return self

    def cost(self, mode: modes.Mode, whose: str = "") -> float | None:
        """Return the CPU time of both hosts for a unit of a mode's load; None if not known."""
        if not mode.cost:
            return None
        a, b = (getattr(self, f"{whose}{mode.cost}_{host}", None) for host in "ab")
        return None if a is None or b is None else float(a + b)


class Record(Foreign):
    """A run, as ``run.json`` has it."""

    format: Literal[1]
    id: Name
    suite: Word
    round: Annotated[int, Field(ge=1, le=10**9)]
    started: Annotated[datetime, BeforeValidator(_moment)]
    status: Literal["ok", "failed"]
    error: Said | None = None
    params: Params
    scheme: SchemeFacts
    bed: BedFacts
    environment: Environment
    summary: Summary | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_this_format(cls, data: Any) -> Any:  # noqa: ANN401
        """Reject another format before its keys are: they may be others."""
        found = data.get("format", FORMAT) if isinstance(data, dict) else FORMAT
        if type(found) is not int or found != FORMAT:  # True is 1
            raise ValueError(f"format {shown(found)}, this cniperf reads {FORMAT}")
        return data

    @model_validator(mode="after")
    def _ok_has_figures(self) -> Self:
        if self.status != "ok":
            return self
        if self.figure is None:
            raise ValueError("its status is ok, but it has no figure")
        if self.error:
            raise ValueError(f"its status is ok, but it has the error {shown(self.error)}")
        needed = ("base", "log_ratio") if self.params.design == "interleaved" else ()
        for name in needed:
            if getattr(self.summary, name) is None:
                raise ValueError(f"summary.{name} is missing: an interleaved run has it")
        return self

    @model_validator(mode="after")
    def _measured_what_was_asked_for(self) -> Self:
        for name, found in (("scheme", self.scheme.name), ("bed", self.bed.bed)):
            if found not in (None, asked := getattr(self.params, name)):
                raise ValueError(f"{name} is {found}, but params.{name} is {asked}")
        return self

    @property
    def mode(self) -> modes.Mode:
        """The mode of its load and of its meter."""
        return modes.find(self.params.mode, self.bed.meter)

    @property
    def figure(self) -> float | None:
        """What it is compared by."""
        return getattr(self.summary, self.mode.figure, None)


# Defaults for older runs, made before a parameter existed.
BEFORE = {name: field.default for name, field in Params.model_fields.items()
          if not field.is_required()}  # fmt: skip
