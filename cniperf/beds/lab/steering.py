"""Steering: a host's CPUs do the receive processing of its NIC, and of its port of the wire (RPS).

What follows inside the host (veth, bridge, VTEP) stays on the CPU that began it. Kernels from 6.3
on take the CPUs of a device that is about to be made, also from a user namespace's root
(Documentation/admin-guide/sysctl/net.rst). On older ones only root may write them into a device's
own file.
"""

from collections.abc import Mapping
from pathlib import Path

from cniperf.beds import cpus
from cniperf.beds.command import run
from cniperf.beds.privilege import is_root, is_rootless

DEFAULT_MASK = "net.core.rps_default_mask"
FILE = Path("/proc/sys", *DEFAULT_MASK.split("."))


def steered() -> bool:
    """Return whether each host's own CPUs receive its packets in a lab of this process."""
    return FILE.exists() or (is_root() and not is_rootless())


def masks(owned: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
    """Return by host what :data:`DEFAULT_MASK` takes; nothing where the kernel has no such key.

    Args:
        owned: by host the numbers of its CPUs.
    """
    return {host: cpus.mask(own) for host, own in owned.items()} if FILE.exists() else {}


def steer(devices: Mapping[str, str], own: tuple[int, ...]) -> None:
    """Steer devices that are there, where that can be done and they are not steered yet.

    Args:
        devices: by namespace the name of a device in it.
        own: numbers of the CPUs that are to receive.
    """
    if FILE.exists() or not steered():
        return
    for namespace, device in devices.items():
        file = f"/sys/class/net/{device}/queues/rx-0/rps_cpus"
        # `ip netns exec` shows the namespace's own devices under /sys.
        run(["ip", "netns", "exec", namespace, "tee", file], text=cpus.mask(own))
