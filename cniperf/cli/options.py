"""The options that stand for parameters: one table, for every verb that measures.

An option that is not given is None: then the settings file gives its value, then the default.
"""

import inspect
import math
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cniperf import stop
from cniperf.beds import all_beds
from cniperf.errors import ParameterError, shown
from cniperf.generators import all_generators
from cniperf.language import known, languages
from cniperf.schemes import scheme_names, schemes_of

if TYPE_CHECKING:
    from cniperf.params import Experiment

# The panels of the help, in the order in which a verb's options are listed.
WHAT = "What is measured"
WHEN = "How long, and when to stop"
WHERE = "Where"
KERNEL = "Where: the hosts' kernel"
SSH = "Where: hosts reached by SSH (bed ssh)"
CLUSTER = "Where: a Kubernetes cluster (bed k8s)"
OUTPUT = "Output"
PANELS = (WHAT, WHEN, WHERE, KERNEL, SSH, CLUSTER, OUTPUT)


def _choice(names: Iterable[str]) -> Any:  # noqa: ANN401
    """Return the type of a value that is one of some names: help and completion list them."""
    return Literal.__getitem__(tuple(names))


def complete_scheme(incomplete: str) -> list[str]:
    """Return the schemes that begin with what was typed so far."""
    names = [*scheme_names(), *(name for bed in all_beds() for name in schemes_of(bed))]
    return [name for name in names if name.startswith(incomplete)]


def _schemes() -> str:
    own = {bed: ", ".join(schemes_of(bed)) for bed in all_beds() if schemes_of(bed)}
    lines = [f"With bed {bed}: {names}." for bed, names in own.items()]
    return " ".join([f"One of: {', '.join(scheme_names())}.", *lines])


Scheme = Annotated[str, typer.Argument(help=_schemes(), autocompletion=complete_scheme)]
Schemes = Annotated[
    list[str] | None,
    typer.Argument(
        help="The schemes. `cniperf plan --help` lists them. (default: the article's eight; with "
        "bed k8s its own)",
        autocompletion=complete_scheme,
    ),
]
Nic = Annotated[
    Literal["virtio", "offload", "plain", "big-128k", "big-192k", "own"] | None,
    typer.Option(help="Offloads of the hosts' NICs. virtio: all but tunnel segmentation. offload: "
                 "all. plain: no TSO, GSO, GRO. big-128k, big-192k: all, and TCP segments of 128 "
                 "and 192 KiB (BIG TCP, --ip 6). own: unchanged, beds ssh and k8s. "
                 "(default: virtio; in beds ssh and k8s own)", rich_help_panel=WHERE),
]  # fmt: skip
Mtu = Annotated[
    int | None,
    typer.Option(help="MTU of the underlay, in bytes. (default: 1500)", rich_help_panel=KERNEL),
]
Ip = Annotated[
    Literal["4", "6"] | None,
    typer.Option(help="Version of IP that hosts and pods speak: 4 or 6, beds lab and counted. "
                 "(default: 4)", rich_help_panel=WHERE),
]  # fmt: skip
Config = Annotated[
    str | None,
    typer.Option(help="Scheme cni: the CNI configuration (conflist) of your network. (no default)",
                 rich_help_panel=WHAT),
]  # fmt: skip
CniBinDir = Annotated[
    str | None,
    typer.Option(help="Scheme cni: the folder of its plugins. (default: /usr/lib/cni)",
                 rich_help_panel=WHAT),
]  # fmt: skip
DataDir = Annotated[
    Path | None,
    typer.Option(help="Folder of the runs. (default: the project's data/)", rich_help_panel=OUTPUT),
]
Settings = Annotated[
    Path | None,
    typer.Option(help="YAML file with options, one a line, for example duration: 5. An option on "
                 "the command line overrides it. (default: no file)"),
]  # fmt: skip

Kubeconfig = Annotated[
    Path | None,
    typer.Option(help="File with the login to the cluster. (default: kubectl's)",
                 rich_help_panel=CLUSTER),
]  # fmt: skip
CONTEXT = "Context of the kubeconfig. (default: the current one)"
Context = Annotated[str, typer.Option(help=CONTEXT, show_default=False, rich_help_panel=CLUSTER)]

Lang = Annotated[
    str,
    typer.Option(help="Language of the report. (default: en)", metavar=f"<{'|'.join(languages())}>",
                 callback=known, autocompletion=languages, show_default=False,
                 rich_help_panel=OUTPUT),
]  # fmt: skip

# Panel, type and help of each parameter; pydantic, which has the bounds, would slow down --help.
PARAMETERS: dict[str, Any] = {
    "mode": (WHAT, Literal["stream", "rr", "crr", "udp"],
        "The load. stream: TCP. rr: a request and its response. crr: the same on a new "
        "connection each. udp: the highest rate within --max-loss. (default: stream)"),
    "generator": Annotated[
        _choice(all_generators()) | None,
        typer.Option(metavar="<name>", rich_help_panel=WHAT, help="The program that makes the "
            f"load: {', '.join(all_generators())}. (default: iperf3 for stream and udp, sockperf "
            "for rr, curl for crr)"),
    ],
    "direction": (WHAT, Literal["forward", "reverse", "both"],
        "The sender. forward: host a. reverse: host b. (default: forward)"),
    "pairs": (WHAT, int, "Pairs of pods loaded at once. (default: 1)"),
    "streams": (WHAT, int, "Parallel TCP connections. (default: 1)"),
    "length": (WHAT, int, "Bytes of a write, message, response or datagram. (default: 0: 128 KiB "
        "for stream, 64 for rr and crr, 1400 for udp)"),
    "rate": (WHAT, float, "Offered load in Gbit/s. (default: 0: no limit)"),
    "max_loss": (WHAT, float, "Mode udp: % of the datagrams that may be lost. (default: 0.1)"),
    "design": (WHAT, Literal["interleaved", "separate"],
        "interleaved: hostnetwork and the scheme take turns in one lab. separate: each has its own "
        "runs. (default: interleaved where the load and the bed allow it)"),
    "slice": (WHEN, float, "Design interleaved: seconds of each turn that count. (default: "
        "0.01 in bed lab, 0.02 in ssh, 0.03 in k8s)"),
    "duration": (WHEN, int, "Seconds of load that count. (default: interleaved 3; separate 10, "
        "in a suite or sweep 1)"),
    "omit": (WHEN, int, "Seconds of load before them, not counted. (default: interleaved 0; "
        "separate 1)"),
    "label": (WHAT, str, "What is measured, for example cluster-a: a report draws runs of two "
        "labels side by side. (no default)"),
    "config": Config,
    "cni_bin_dir": CniBinDir,
    "bed": (WHERE, _choice(all_beds()),
        "Where the two hosts are. "
        + " ".join(f"{name}: {kind.summary}." for name, kind in all_beds().items())
        + " (default: lab)"),
    "nic": Nic,
    "ip": Ip,
    "mtu": Mtu,
    "gro": (KERNEL, Literal["default", "on", "off"], "GRO of the hosts' NICs. (default: default)"),
    "congestion": (KERNEL, str, "TCP congestion control of the sender. (default: cubic)"),
    "window": (KERNEL, str, "TCP window, for example 512K. (default: autotuned)"),
    "udpcsum": Annotated[
        bool | None,
        typer.Option("--udpcsum/--no-udpcsum", rich_help_panel=KERNEL,
            help="Checksum in VXLAN's outer UDP header. (default: no)"),
    ],
    "erms": Annotated[
        bool | None,
        typer.Option("--erms/--no-erms", rich_help_panel=KERNEL,
            help="Bed counted: the guest's CPU has fast byte copies. (default: no)"),
    ],
    "hosts": (SSH, Path, "The hosts file. (no default)"),
    "between": (SSH, str, "Two of its hosts, for example alpha,beta. (default: its first pair)"),
    "allow_shared_nic": Annotated[
        bool | None,
        typer.Option("--allow-shared-nic", rich_help_panel=SSH, help="Measure even where the data "
            "interface carries the SSH connection or the default route. (default: no)"),
    ],
    "grace": (SSH, int, "Seconds without a message after which a host undoes the wiring. "
        "(default: 30)"),
    "nodes": (CLUSTER, str,
        "Two nodes, for example node-a,node-b. (default: the first two that are alike)"),
    "unlike_nodes": Annotated[
        bool | None,
        typer.Option("--unlike-nodes", rich_help_panel=CLUSTER,
            help="Measure even where the two nodes have different kernels. (default: no)"),
    ],
    "kubeconfig": Kubeconfig,
    "context": (CLUSTER, str, CONTEXT),
    "image": (CLUSTER, str, "Image of the load. `cniperf k8s image` prints its Containerfile. "
        "(default: localhost/cniperf-load:1)"),
    "network": (CLUSTER, str, "Second network of the pods (Multus), NAMESPACE/NAME, for scheme "
        "secondary-network. (no default)"),
    "namespace_prefix": (CLUSTER, str, "First part of the namespaces' names. (default: cniperf)"),
    "data_dir": DataDir,
    "settings": Settings,
}  # fmt: skip


def takes_parameters(command: Callable[..., None]) -> Callable[..., None]:
    """Give a verb that ends in ``**parameters`` an option for each parameter of a load."""
    signature = inspect.signature(command)
    own = [each for each in signature.parameters.values() if each.kind is not each.VAR_KEYWORD]
    more = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None,
                          annotation=_option(known))
        for name, known in PARAMETERS.items() if name not in signature.parameters
    ]  # fmt: skip
    keywords = [each.replace(kind=each.KEYWORD_ONLY) for each in own]
    every = sorted([*keywords, *more], key=_place)
    command.__signature__ = signature.replace(parameters=every)  # type: ignore[attr-defined]
    command.__annotations__ |= {each.name: each.annotation for each in more}
    command.__annotations__.pop("parameters", None)
    return command


def _place(parameter: inspect.Parameter) -> int:
    """Return where the panel of an option stands; what has no panel comes first."""
    (info,) = parameter.annotation.__metadata__
    panel = info.rich_help_panel
    return PANELS.index(panel) if panel else -1


def _option(known: Any) -> Any:  # noqa: ANN401
    if not isinstance(known, tuple):
        return known
    panel, kind, text = known
    return Annotated[kind | None, typer.Option(help=text, rich_help_panel=panel)]


def merged(
    settings: Path | None, defaults: dict[str, Any], options: dict[str, Any]
) -> dict[str, Any]:
    """Merge defaults, the settings file and the given options. The later override.

    What the file gives no value is not given; a name that is unknown is left to be refused.
    """
    from cniperf.params import Experiment, read_settings

    given = {name: value for name, value in options.items() if value is not None}
    known = {*options, *Experiment.model_fields}
    found = (read_settings(settings) if settings else {}).items()
    own = {name: value for name, value in found if value is not None or name not in known}
    return {**defaults, **own, **given}


def experiment_of(values: dict[str, Any]) -> "Experiment":
    """Return the experiment with these parameters."""
    from cniperf.params import Experiment

    stop.look()
    return Experiment.of(**values)


def number(name: str, value: object, low: float, high: float) -> float:
    """Return a number that lies within bounds. A settings file gives it as a word."""
    with suppress(TypeError, ValueError):
        found = float(value) if isinstance(value, str | int | float) else math.nan
        if low <= found <= high and not isinstance(value, bool):
            return found
    raise ParameterError(f"{name}={shown(value)} is not allowed: a number from {low:g} to {high:g}")


def whole(name: str, value: object, low: int, high: int) -> int:
    """Return a whole number that lies within bounds."""
    with suppress(ValueError):
        if isinstance(value, str | int) and not isinstance(value, bool) and (
            low <= (found := int(value)) <= high
        ):  # fmt: skip
            return found
    raise ParameterError(
        f"{name}={shown(value)} is not allowed: a whole number from {low} to {high}"
    )


def flag(name: str, value: object) -> bool:
    """Return the truth value of a word such as yes or off."""
    known = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    if (word := str(value).lower()) in known:
        return known[word]
    raise ParameterError(f"{name}={shown(value)} is not allowed: true, false, yes, no, on or off")


def listed(name: str, value: object) -> list[str]:
    """Return the words of a list, or of a text that separates them by commas."""
    found = words(value) if isinstance(value, str) else value
    if isinstance(found, list | tuple) and all(isinstance(word, str) for word in found):
        return list(found)
    raise ParameterError(f"{name}={shown(value)} is not allowed: words separated by commas")


def words(text: str) -> list[str]:
    """Return the words of a text that separates them by commas."""
    return [word.strip() for word in text.split(",")]


def seconds(text: str) -> float:
    """Return the seconds of a time such as 10m or 1h30m; 0 is no limit."""
    found = re.fullmatch(r"(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?", text)
    if text == "0":
        return 0.0
    if not found or not text:
        raise ParameterError(
            f"budget={shown(text)} is not allowed: a time such as 90s, 10m or 1h30m; 0 for no limit"
        )
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return 3600.0 * hours + 60 * minutes + seconds
