"""Kernel parameters and offloads: ``sysctl`` and ``ethtool``."""

from dataclasses import dataclass

from cniperf.steps.step import Applier, NetlinkStep, Step

KEEP_WINDOW = "net.ipv4.tcp_slow_start_after_idle"  # 0: TCP keeps its window over a rest


@dataclass(frozen=True)
class SetSysctl(NetlinkStep):
    """Set a kernel parameter of a device or namespace that the plan itself made.

    The file is written directly: netlink does not support all of them.
    """

    key: str
    value: str

    def apply(self, host: Applier) -> None:
        host.set_sysctl(self.key, self.value, self.netns)

    def argv(self) -> list[str]:
        return self._inside("sysctl", "-q", "-w", f"{self.key}={self.value}")


@dataclass(frozen=True)
class SetFeatures(Step):
    """Switch a device's offloads, by ethtool's words: ``SetFeatures("veth-c", ("tx",), False)``."""

    device: str
    features: tuple[str, ...]
    on: bool

    def argv(self) -> list[str]:
        state = "on" if self.on else "off"
        words = [word for feature in self.features for word in (feature, state)]
        return self._inside("ethtool", "-K", self.device, *words)
