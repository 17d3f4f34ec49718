"""The parameters of an experiment: one frozen, validated object for notebook, CLI and YAML."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from cniperf.errors import ParameterError, one_line, unknown
from cniperf.schemes import find

Nic = Literal["virtio", "offload", "plain"]
Gro = Literal["default", "on", "off"]
Direction = Literal["forward", "reverse", "both"]
BedName = Literal["lab"]


def _scheme(name: str) -> str:
    return find(name).name


def _window(text: str) -> str:
    if text and not re.fullmatch(r"[1-9][0-9]*[KM]?", text):
        raise ValueError("bytes, with K or M behind for KiB or MiB, as 512K; empty for autotuning")
    return text


def _word(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.-]*", text):
        raise ValueError("letters, digits, dots, dashes and underscores only")
    return text


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
        "offload (everything), plain (no TSO, GSO, GRO)",
    )
    mtu: int = Field(1500, ge=576, le=9000, description="MTU of the underlay, in bytes")
    duration: int = Field(10, ge=1, le=3600, description="seconds of load that count")
    omit: int = Field(1, ge=0, le=60, description="seconds of load before that, not counted")
    rounds: int = Field(1, ge=1, le=1000, description="runs, each on a freshly built lab")
    streams: int = Field(1, ge=1, le=128, description="parallel TCP connections")
    window: Annotated[str, AfterValidator(_window)] = Field(
        "", description="TCP window, as 512K; empty for the kernel's autotuning"
    )
    length: int = Field(
        0, ge=0, le=1024 * 1024,
        description="bytes that each write hands to the kernel; 0 for iperf3's own 128 KiB",
    )  # fmt: skip
    direction: Direction = Field(
        "forward", description="who sends: host a (forward), host b (reverse), both at once (both)"
    )
    rate: float = Field(
        0.0, ge=0, le=1000, description="load offered, in Gbit/s; 0 for as much as goes"
    )
    congestion: Annotated[str, AfterValidator(_word)] = Field(
        "cubic", min_length=1, description="TCP congestion control of the sender"
    )
    gro: Gro = Field(
        "default",
        description="generic receive offload of the hosts' NICs: on, off, or as the lab's veth "
        "has it (default)",
    )
    udpcsum: bool = Field(False, description="checksum in VXLAN's outer UDP header")
    data_dir: Path | None = Field(
        None, description="folder that runs are left in; the project's data/ if not given"
    )
    suite: Annotated[str, AfterValidator(_word)] = Field(
        "", description="name of the suite that the run belongs to"
    )
    first_round: int = Field(1, ge=1, description="number of the first round")

    @classmethod
    def of(cls, **values: object) -> Self:
        """Validate parameters by name; those not given have their defaults.

        Raises:
            ParameterError: an unknown name or a value that is not allowed (UnknownScheme for a
                scheme), in one line that says what is.
        """
        for name in values:
            if name not in cls.model_fields:
                raise ParameterError(unknown("parameter", name, cls.model_fields))
        given = {name: value for name, value in values.items() if value is not None}
        if isinstance(scheme := given.get("scheme"), str):
            find(scheme)
        try:
            made = cls.model_validate(given)
        except ValidationError as problem:
            raise ParameterError(_explain(problem)) from None
        if made.nic == "plain" and made.gro == "on":
            raise ParameterError("gro='on' does not go with nic='plain', a NIC without it")
        return made

    @classmethod
    def from_namespace(cls, names: Mapping[str, Any]) -> Self:
        """Validate the parameters among a notebook's variables (``globals()``).

        papermill injects parameters that the notebook does not know with a mere warning; here
        they are an error, for a mistyped name must not measure something else.
        """
        cells = names.get("In", [])
        injected = cells[-2] if len(cells) > 1 else ""
        if injected.startswith("# Parameters"):
            for name in re.findall(r"^(\w+) =", injected, re.MULTILINE):
                if name not in cls.model_fields:
                    raise ParameterError(unknown("parameter", name, cls.model_fields))
        own = {name: names[name] for name in cls.model_fields if name in names}
        return cls.of(**{name: None if value == "" else value for name, value in own.items()})

    @property
    def needs_ovs(self) -> bool:
        """Whether Open vSwitch is part of the scheme's path."""
        return find(self.scheme).ovs


def read_settings(path: Path) -> dict[str, Any]:
    """Read parameters from a YAML file: a mapping of names to values.

    Raises:
        ParameterError: the file is missing, or no such mapping.
    """
    import yaml

    try:
        settings = yaml.safe_load(path.read_text()) or {}
    except OSError as problem:
        raise ParameterError(f"cannot read settings from {path}: {problem.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        raise ParameterError(f"{path} is no YAML: {one_line(str(problem))}") from None
    if not isinstance(settings, dict):
        raise ParameterError(f"{path} holds no `name: value` lines")
    return {str(name): value for name, value in settings.items()}


def _explain(problem: ValidationError) -> str:
    lines = []
    for error in problem.errors():
        name = str(error["loc"][0])
        field = Experiment.model_fields[name]
        message = error["msg"].removeprefix("Value error, ")
        lines.append(
            f"{name}={error['input']!r} is not allowed: {message[0].lower()}{message[1:]}"
            f" ({name}: {field.description})"
        )
    return one_line("; ".join(lines))
