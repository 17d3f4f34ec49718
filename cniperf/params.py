"""The parameters of an experiment: one frozen, validated object for notebook, CLI and YAML."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from cniperf import spellings
from cniperf.beds import all_beds
from cniperf.beds import find as find_bed
from cniperf.conflist import Conflist
from cniperf.encapsulation import LARGEST
from cniperf.errors import ParameterError, one_line, shown, unknown
from cniperf.generators import Traffic, all_generators
from cniperf.generators import find as find_generator
from cniperf.ip import SMALLEST_MTU, Version, udp_headers
from cniperf.modes import MODES
from cniperf.nics import NICS
from cniperf.record import BedName, Direction, Gro, ModeName, Nic, Params
from cniperf.schemes import find
from cniperf.words import read_words

Design = Literal["", "interleaved", "separate"]
Place = Annotated[Path | None, AfterValidator(spellings.path)]

# Parameters that do not affect a figure, and may name folders of this machine.
UNTOLD = {"data_dir", "first_round", "hosts", "kubeconfig"}

# The generator of each mode, where none is given.
USUAL: Mapping[ModeName, str] = {
    "stream": "iperf3", "rr": "sockperf", "crr": "curl", "udp": "iperf3",
}  # fmt: skip

# The load where hostnetwork and the scheme take turns, where none is given. Labs differ from each
# other, so many short ones give more precision than few long ones. The same is true of turns, see
# docs/method.md.
TURNS = {"duration": 3, "omit": 0, "slice": 0.02}

# Parameters that name something, and how that is found.
KNOWN: Mapping[str, Callable[[str], object]] = {
    "scheme": find, "generator": find_generator, "bed": find_bed,
}  # fmt: skip

# Parameters that not every generator obeys.
LOADS = ("streams", "window", "congestion", "length", "direction", "rate")

# What a notebook takes besides: how it is read, not what is measured.
READING = ("lang",)


DATAGRAM_IN_IPV6 = 1360  # bytes of payload: those of IPv4, less both headers' 20 more


def _scheme(name: str) -> str:
    return find(name).name


def _generator(name: str) -> str:
    return find_generator(name).name if name else name


def _generators() -> str:
    """Return every generator with its modes, for people."""
    return ", ".join(f"{name} ({', '.join(each.modes)})" for name, each in all_generators().items())


class Experiment(BaseModel):
    """What is measured, and how. The same fields are options of ``cniperf run``.

    Make one with :meth:`of`, whose errors are one line each.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    scheme: Annotated[str, AfterValidator(_scheme)] = Field(
        "hostnetwork", description="the scheme to wire; `cniperf plan --help` lists them"
    )
    bed: BedName = Field("lab", description="where the two hosts come from")
    nic: Nic = Field(
        "virtio",
        description="what the hosts' NICs can do: virtio (no tunnel segmentation), "
        "offload (everything), plain (no TSO, GSO, GRO), big-128k and big-192k (everything, and "
        "TCP segments of 128 and 192 KiB, with ip=6), own (bed ssh: as they are)",
    )
    hosts: Place = Field(None, description="file of the hosts that are reached by SSH")
    between: Annotated[str, AfterValidator(spellings.two)] = Field(
        "", description="which two of them, as alpha,beta; the file's first pair if not given"
    )
    allow_shared_nic: bool = Field(
        False,
        description="measure even if the data interface also carries SSH",
    )
    grace: int = Field(
        30, ge=5, le=3600,
        description="seconds without contact before a host undoes its changes",
    )  # fmt: skip
    nodes: Annotated[str, AfterValidator(spellings.two)] = Field(
        "", description="two nodes of the cluster, as node-a,node-b; two that fit if not given"
    )
    unlike_nodes: bool = Field(
        False, description="measure even if the two nodes have different kernels"
    )
    kubeconfig: Place = Field(
        None, description="file with the login to the cluster; default: kubectl's",
    )  # fmt: skip
    context: Annotated[str, AfterValidator(spellings.line)] = Field(
        "", max_length=300, description="which context of it; the current one if not given"
    )
    image: Annotated[str, AfterValidator(spellings.line)] = Field(
        "", max_length=500, description="image of the load; `cniperf k8s image` writes it down"
    )
    network: Annotated[str, AfterValidator(spellings.network)] = Field(
        "", description="second network of the pods, as Multus has it: NAMESPACE/NAME"
    )
    config: Annotated[str, AfterValidator(spellings.config)] = Field(
        "", description="the network of scheme cni: a CNI configuration (conflist), file or JSON"
    )
    cni_bin_dir: Annotated[str, AfterValidator(spellings.line)] = Field(
        "", max_length=300,
        description="folder of the CNI plugins of scheme cni; /usr/lib/cni if not given",
    )  # fmt: skip
    namespace_prefix: Annotated[str, AfterValidator(spellings.label)] = Field(
        "cniperf", description="what the names of the run's namespaces begin with"
    )
    ip: Annotated[Version, BeforeValidator(spellings.ip_version)] = Field(
        4, description="version of IP that the hosts and their pods speak: 4 or 6 (beds lab, "
        "counted)",
    )  # fmt: skip
    mtu: int = Field(1500, ge=576, le=9000, description="MTU of the underlay, in bytes")
    design: Design = Field(
        "",
        description="how a scheme is compared with hostnetwork: loaded in turns with it, in one "
        "lab (interleaved), or in runs of its own (separate); empty: interleaved where possible",
    )
    slice: float = Field(
        0.0, ge=0, le=2,
        description="seconds of each turn that count (design interleaved); 0 for the bed's own",
    )  # fmt: skip
    duration: int = Field(
        10, ge=1, le=3600,
        description="seconds of load that count; of all turns together (design interleaved)",
    )  # fmt: skip
    omit: int = Field(1, ge=0, le=60, description="seconds of load before that, not counted")
    rounds: int = Field(1, ge=1, le=1000, description="runs, each on a freshly built lab")
    streams: int = Field(1, ge=1, le=128, description="parallel TCP connections")
    window: Annotated[str, AfterValidator(spellings.window)] = Field(
        "", description="TCP window, as 512K; empty for the kernel's autotuning"
    )
    mode: ModeName = Field(
        "stream",
        description="the load: TCP streams (stream), a request and its response at a time over "
        "one TCP connection (rr), or over a new one each (crr), datagrams at the highest rate "
        "that loses no more than max_loss (udp)",
    )
    generator: Annotated[str, AfterValidator(_generator)] = Field(
        "", description=f"the program that makes the load, one of {_generators()}; "
        "empty for the mode's own",
    )  # fmt: skip
    pairs: int = Field(1, ge=1, le=64, description="pairs of pods that are loaded at once")
    length: int = Field(
        0, ge=0, le=1024 * 1024,
        description="bytes of a write (stream), a message (rr), a response (crr), a datagram's "
        "payload (udp); 0 for 128 KiB, 64, 64, 1400",
    )  # fmt: skip
    max_loss: float = Field(
        0.1, ge=0, le=50, description="% of the datagrams that may get lost (udp)"
    )
    direction: Direction = Field(
        "forward", description="the sender: host a (forward), host b (reverse), both at once (both)"
    )
    rate: float = Field(0.0, ge=0, le=1000, description="load offered, in Gbit/s; 0: no limit")
    congestion: Annotated[str, AfterValidator(spellings.name)] = Field(
        "cubic", min_length=1, description="TCP congestion control of the sender"
    )
    gro: Gro = Field(
        "default",
        description="generic receive offload of the hosts' NICs: on, off, or as the lab's veth "
        "has it (default)",
    )
    erms: bool = Field(
        False,
        description="bed counted: the CPU claims fast byte copies (ERMS), and the kernel then "
        "copies a byte an instruction in place of eight",
    )
    udpcsum: bool = Field(False, description="checksum in VXLAN's outer UDP header")
    data_dir: Place = Field(
        None, description="folder that runs are left in; the project's data/ if not given"
    )
    label: Annotated[str, AfterValidator(spellings.word)] = Field(
        "", max_length=40,
        description="what is measured, as cluster-a: runs of two labels stand side by side",
    )  # fmt: skip
    suite: Annotated[str, AfterValidator(spellings.name)] = Field(
        "", description="name of the suite that the run belongs to"
    )
    first_round: int = Field(1, ge=1, le=10**8, description="number of the first round")

    @field_validator("*", mode="before")
    @classmethod
    def _no_guess(cls, value: object, field: ValidationInfo) -> object:
        """Reject true and false where a number or a word belongs: others' YAML guesses them."""
        annotation = cls.model_fields[str(field.field_name)].annotation
        if isinstance(value, bool) and annotation is not bool:
            raise ValueError("true and false are neither a number nor a word: quote on, off, yes "
                             "and no")  # fmt: skip
        return value

    @classmethod
    def of(cls, /, **values: object) -> Self:
        """Validate parameters by name; those not given have their defaults.

        Raises:
            ParameterError: an unknown name or a value that is not allowed (UnknownScheme for a
                scheme), in one line that names what is allowed.
        """
        for name in values:
            if name not in cls.model_fields:
                raise ParameterError(unknown("parameter", name, cls.model_fields))
        given = {name: value for name, value in values.items() if value is not None}
        for name, known in KNOWN.items():
            if isinstance(value := given.get(name), str) and value:
                known(value)
        try:
            made = cls.model_validate(given)
        except ValidationError as problem:
            raise ParameterError(_explain(problem)) from None
        made = made.model_copy(update={"generator": made.generator or USUAL[made.mode]})
        made = made._with_unless(given, {**made._of_ip(), **find_bed(made.bed).defaults()})
        if not made.design:
            made = made.model_copy(
                update={"design": "separate" if made._no_turns() else "interleaved"}
            )
        if made.design == "interleaved":
            usual = {**TURNS, **find_bed(made.bed).turns}
            made = made._with_unless(given, usual)
            made = made.model_copy(update={"slice": made.slice or usual["slice"]})
        made._hold_together(given)
        made.told()
        return made

    def told(self) -> dict[str, Any]:
        """Return the parameters as a run's record has them.

        Raises:
            ParameterError: no record may have them; such a run would be left out when it is read.
        """
        found = self.model_dump(mode="json", exclude=UNTOLD)
        try:
            Params.of(found)
        except ValueError as problem:
            raise ParameterError(f"no run can have these parameters: {problem}") from None
        return found

    def _with_unless(self, given: Mapping[str, object], usual: Mapping[str, object]) -> Self:
        """Return it with other defaults for what is not given."""
        update = {name: value for name, value in usual.items() if name not in given}
        return self.model_copy(update=update)

    def _of_ip(self) -> dict[str, object]:
        """Return the parameters that have another default with this version of IP.

        A tunnel's outer UDP checksum is optional in IPv4 only (RFC 8200, section 8.1), and flannel
        and Calico leave it on in IPv6.
        """
        if self.ip == 4:
            return {}
        largest = {"length": DATAGRAM_IN_IPV6} if self.mode == "udp" else {}
        return {"udpcsum": True, **largest}

    def _no_turns(self) -> str:
        """Return why hostnetwork and the scheme cannot take turns; empty where they can."""
        if self.mode != "stream":
            return f"mode={self.mode!r}"
        if not find_generator(self.generator).turns:
            return f"generator={self.generator!r}"
        if self.direction == "both":
            return "direction='both'"
        if self.rate:
            return f"rate={self.rate:g}"
        return find_bed(self.bed).no_turns(self)

    def alone(self, scheme: str, pairs: Sequence[str] = ()) -> str:
        """Return why a scheme cannot take turns with hostnetwork here; empty where it can.

        Args:
            scheme: its name.
            pairs: of hosts; none for those of ``between``.
        """
        asked = (
            self.model_copy(update={"scheme": scheme, "between": pair})
            for pair in pairs or [self.between]
        )
        return next(filter(None, (each._no_turns() for each in asked)), "")

    def _hold_together(self, given: Mapping[str, object]) -> None:
        """Reject parameters that do not go with each other."""
        self._hold_bed_together()
        self._hold_design_together()
        if self.nic in NICS and NICS[self.nic].segment and self.ip != 6:
            raise ParameterError(f"nic={self.nic!r} goes with ip=6 only: give ip=6")
        if self.nic == "plain" and self.gro == "on":
            raise ParameterError("gro='on' does not go with nic='plain', a NIC without it")
        generator = find_generator(self.generator)
        if self.mode not in generator.modes:
            fit = [name for name, each in all_generators().items() if self.mode in each.modes]
            raise ParameterError(
                f"generator={self.generator!r} does not go with mode={self.mode!r}: "
                f"{' or '.join(fit)} does"
            )
        for name in LOADS:
            usual = type(self).model_fields[name].default
            if name not in generator.obeys and getattr(self, name) != usual:
                raise ParameterError(
                    f"{name}={getattr(self, name)!r} does not go with mode={self.mode!r} and "
                    f"generator={self.generator!r}: leave it out"
                )
        if self.mode == "udp":
            self._hold_datagrams_together()
        elif "max_loss" in given and self.max_loss != type(self).model_fields["max_loss"].default:
            raise ParameterError("max_loss goes with mode='udp' only: leave it out")

    def _hold_bed_together(self) -> None:
        if (only := find(self.scheme).bed) not in ("", self.bed):
            raise ParameterError(f"scheme={self.scheme!r} goes with bed={only!r} only")
        for name, what in find(self.scheme).asks.items():
            if not getattr(self, name):
                raise ParameterError(f"scheme={self.scheme!r} needs {name}: {what}")
        if reason := find_bed(self.bed).refusal(self):
            raise ParameterError(reason)
        self._hold_ip_together()
        kind = find_bed(self.bed)
        for other in all_beds().values():
            for name in other.own:
                usual = type(self).model_fields[name].default
                if name not in kind.own and getattr(self, name) != usual:
                    raise ParameterError(f"{name} goes with bed={other.name!r} only: leave it out")
        if self.nic not in kind.nics:
            fit = [name for name, each in all_beds().items() if self.nic in each.nics]
            raise ParameterError(f"nic={self.nic!r} goes with bed={' or '.join(map(repr, fit))} "
                                 f"only: here it is {' or '.join(kind.nics)}")  # fmt: skip

    def _hold_ip_together(self) -> None:
        if self.ip not in find_bed(self.bed).ips:
            fit = [name for name, each in all_beds().items() if self.ip in each.ips]
            raise ParameterError(
                f"ip={self.ip} goes with bed={' or '.join(map(repr, fit))} only: leave it out"
            )
        if self.ip not in find(self.scheme).ips:
            raise ParameterError(f"scheme={self.scheme!r} goes with ip=4 only: leave ip out")
        if self.ip not in find_generator(self.generator).ips:
            raise ParameterError(f"generator={self.generator!r} goes with ip=4 only: leave ip out")
        if self.ip == 6 and self.mtu < (least := SMALLEST_MTU + LARGEST.over(6)):
            raise ParameterError(
                f"mtu={self.mtu} is not allowed with ip=6: {least} at least, so that every tunnel "
                f"leaves pods the {SMALLEST_MTU} bytes that IPv6 needs"
            )

    def _hold_design_together(self) -> None:
        if self.design == "separate" and self.slice:
            raise ParameterError("slice goes with design='interleaved' only: leave it out")
        if self.design == "interleaved" and (reason := self._no_turns()):
            raise ParameterError(f"design='interleaved' does not go with {reason}: leave design "
                                 "out, or give separate")  # fmt: skip

    def _hold_datagrams_together(self) -> None:
        if self.rate or self.streams > 1 or self.direction != "forward" or self.pairs > 1:
            raise ParameterError(
                "mode='udp' searches the rate from host a to host b between one pair: leave rate, "
                "streams, direction and pairs out"
            )
        largest = self.mtu - udp_headers(self.ip) - LARGEST.over(self.ip)
        if self.size > largest:
            raise ParameterError(
                f"length={self.size} is not allowed with mode='udp' and mtu={self.mtu}: "
                f"{largest} at most, so that no datagram is cut in two by any scheme"
            )

    @property
    def traffic(self) -> Traffic:
        """What the generator gets."""
        return Traffic(**{each.name: getattr(self, each.name) for each in fields(Traffic)})

    @property
    def cni(self) -> Conflist | None:
        """The network of scheme ``cni``, if there is one."""
        folder = {"folder": self.cni_bin_dir} if self.cni_bin_dir else {}
        return Conflist(self.config, **folder) if self.config else None

    @property
    def size(self) -> int:
        """Bytes of a message, a response or a datagram's payload."""
        return self.length or MODES[self.mode].size

    @classmethod
    def from_namespace(cls, names: Mapping[str, Any]) -> Self:
        """Validate the parameters among a notebook's variables (``globals()``).

        papermill injects parameters that the notebook lacks and only warns. Here they are an
        error: a typo must fail, and must not measure something else.
        """
        cells = names.get("In", [])
        injected = cells[-2] if len(cells) > 1 else ""
        if injected.startswith("# Parameters"):
            for name in re.findall(r"^(\w+) =", injected, re.MULTILINE):
                if name not in (*cls.model_fields, *READING):
                    raise ParameterError(unknown("parameter", name, cls.model_fields))
        said = re.findall(r"^(\w+) =", injected, re.MULTILINE)
        usual = find_bed(str(names.get("bed") or "lab")).defaults()
        own = {
            name: names[name] for name, field in cls.model_fields.items()
            # The notebook's own defaults are no request.
            if name in names and (
                name in said or (names[name] != field.default and name not in usual)
            )
        }  # fmt: skip
        return cls.of(**{name: None if value == "" else value for name, value in own.items()})

    @property
    def numbers(self) -> range:
        """The numbers of its rounds."""
        return range(self.first_round, self.first_round + self.rounds)

    @property
    def needs_ovs(self) -> bool:
        """Whether Open vSwitch is part of the scheme's path."""
        return find(self.scheme).ovs


def read_settings(path: Path) -> dict[str, Any]:
    """Read parameters from a YAML file: a mapping of names to values, each as it stands there.

    A name without a value has None: it must be that of a parameter, too.

    Raises:
        ParameterError: the file is missing, or no such mapping.
    """
    settings = read_words(path, "settings") or {}
    if not isinstance(settings, dict):
        raise ParameterError(f"{path} has no `name: value` lines")
    return settings


def _explain(problem: ValidationError) -> str:
    lines = []
    for error in problem.errors():
        name = str(error["loc"][0])
        field = Experiment.model_fields[name]
        message = error["msg"].removeprefix("Value error, ")
        lines.append(
            f"{name}={shown(error['input'])} is not allowed: {message[0].lower()}{message[1:]}"
            f" ({name}: {field.description})"
        )
    return one_line("; ".join(lines))
