"""The options that stand for parameters: one table, for every verb that measures.

An option that is not given is None: then the settings file speaks, then the default.
"""

import inspect
import math
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cniperf import stop
from cniperf.beds import all_beds
from cniperf.errors import ParameterError, shown
from cniperf.generators import all_generators
from cniperf.language import known
from cniperf.schemes import scheme_names, schemes_of

if TYPE_CHECKING:
    from cniperf.params import Experiment

Scheme = Annotated[
    str,
    typer.Argument(
        help=f"One of: {', '.join(scheme_names())}; "
        + "; ".join(
            f"of bed {bed}: {', '.join(own)}" for bed in all_beds() if (own := schemes_of(bed))
        )
        + "."
    ),
]
Nic = Annotated[
    str | None,
    typer.Option(help="The hosts' NICs: virtio (no tunnel segmentation), offload (everything), "
                 "plain (no TSO, GSO, GRO). (default: virtio)"),
]  # fmt: skip
Mtu = Annotated[int | None, typer.Option(help="MTU of the underlay, bytes. (default: 1500)")]
DataDir = Annotated[
    Path | None, typer.Option(help="Folder of runs. (default: the project's data/)")
]
Settings = Annotated[Path | None, typer.Option(help="YAML file of these options, as duration: 5.")]

Kubeconfig = Annotated[
    Path | None, typer.Option(help="How the cluster is reached. (default: as kubectl finds it)")
]
Context = Annotated[str, typer.Option(help="Which context of it. (default: the current one)")]

Lang = Annotated[str, typer.Option(help="The report's language: en or zh.", callback=known)]

# Type and help of each parameter; pydantic, which holds the bounds, would make --help slow.
PARAMETERS: dict[str, Any] = {
    "nic": Nic,
    "mtu": Mtu,
    "design": (str, "interleaved (hostnetwork and the scheme take turns in one lab), separate "
               "(each has runs of its own). (default: interleaved where that goes)"),
    "slice": (float, "Seconds of each turn that count, design interleaved. "
                     "(default: lab 0.01, ssh 0.02, k8s 0.03)"),
    "duration": (int, "Seconds of load that count. (default: 3 in turns; alone 10, in a suite 1)"),
    "omit": (int, "Seconds before that, not counted. (default: 0 in turns, else 1)"),
    "mode": (str, "The load: stream (TCP), rr (request/response), crr (connect/request/response), "
             "udp (highest rate within --max-loss). (default: stream)"),
    "generator": (str, f"One of: {', '.join(all_generators())}. (default: the mode's own)"),
    "pairs": (int, "Pairs of pods loaded at once. (default: 1)"),
    "streams": (int, "Parallel TCP connections. (default: 1)"),
    "window": (str, "TCP window, as 512K. (default: autotuned)"),
    "congestion": (str, "TCP congestion control. (default: cubic)"),
    "length": (int, "Bytes of a write, message, response or datagram. (default: the mode's own)"),
    "direction": (str, "Who sends: forward (a), reverse (b), both. (default: forward)"),
    "rate": (float, "Load offered, Gbit/s; 0: as much as goes. (default: 0)"),
    "max_loss": (float, "% of the datagrams that may get lost, mode udp. (default: 0.1)"),
    "gro": (str, "GRO of the hosts' NICs: on, off, default. (default: default)"),
    "udpcsum": Annotated[
        bool | None,
        typer.Option("--udpcsum/--no-udpcsum", help="Checksum in VXLAN's outer UDP. (default: no)"),
    ],
    "erms": Annotated[
        bool | None,
        typer.Option("--erms/--no-erms", help="The guest's CPU claims fast byte copies, bed "
                     "counted. (default: no)"),
    ],
    "bed": (str, ", ".join(f"{name} ({kind.summary})" for name, kind in all_beds().items())
            + ". (default: lab)"),
    "hosts": (Path, "File of the hosts that are reached by SSH."),
    "between": (str, "Which two of them, as alpha,beta. (default: the file's first pair)"),
    "allow_shared_nic": Annotated[
        bool | None,
        typer.Option("--allow-shared-nic", help="Go on where the data interface carries the SSH "
                     "connection or the default route, too."),
    ],
    "grace": (int, "Seconds after which a host that hears nothing takes itself back. "
              "(default: 30)"),
    "nodes": (str, "Two nodes of the cluster, as node-a,node-b. (default: two that fit)"),
    "unlike_nodes": Annotated[
        bool | None,
        typer.Option("--unlike-nodes", help="Go on where the two nodes have other kernels."),
    ],
    "kubeconfig": (Path, "How the cluster is reached. (default: as kubectl finds it)"),
    "context": (str, "Which context of it. (default: the current one)"),
    "image": (str, "Image of the load; see `cniperf k8s image`."),
    "network": (str, "Second network of the pods, by Multus, scheme secondary-network."),
    "namespace_prefix": (str, "What the run's namespaces begin with. (default: cniperf)"),
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
    command.__signature__ = signature.replace(parameters=[*own, *more])  # type: ignore[attr-defined]
    command.__annotations__ |= {each.name: each.annotation for each in more}
    command.__annotations__.pop("parameters", None)
    return command


def _option(known: Any) -> Any:  # noqa: ANN401
    if not isinstance(known, tuple):
        return known
    kind, text = known
    return Annotated[kind | None, typer.Option(help=text)]


def merged(
    settings: Path | None, defaults: dict[str, Any], options: dict[str, Any]
) -> dict[str, Any]:
    """Merge defaults, the settings file and the options given; the later win."""
    from cniperf.params import read_settings

    given = {name: value for name, value in options.items() if value is not None}
    return {**defaults, **(read_settings(settings) if settings else {}), **given}


def experiment_of(values: dict[str, Any]) -> "Experiment":
    """Return the experiment with these parameters."""
    from cniperf.params import Experiment

    stop.look()
    return Experiment.of(**values)


def number(name: str, value: object, low: float, high: float) -> float:
    """Return a number that lies within bounds; a settings file has it as a word."""
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
    """Return whether something is wanted."""
    known = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    if (word := str(value).lower()) in known:
        return known[word]
    raise ParameterError(f"{name}={shown(value)} is not allowed: true or false")


def listed(name: str, value: object) -> list[str]:
    """Return the words of a list, or of a text with commas between."""
    found = words(value) if isinstance(value, str) else value
    if isinstance(found, list | tuple) and all(isinstance(word, str) for word in found):
        return list(found)
    raise ParameterError(f"{name}={shown(value)} is not allowed: words with commas between")


def words(text: str) -> list[str]:
    """Return the words of a list with commas between."""
    return [word.strip() for word in text.split(",")]


def seconds(text: str) -> float:
    """Return the seconds of a time such as 10m or 1h30m; 0 is no limit."""
    found = re.fullmatch(r"(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?", text)
    if text == "0":
        return 0.0
    if not found or not text:
        raise ParameterError(
            f"budget={shown(text)} is not allowed: as 90s, 10m or 1h30m; 0 for none"
        )
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return 3600.0 * hours + 60 * minutes + seconds
