"""Kernel parameters and offloads: ``sysctl`` and ``ethtool``."""

from dataclasses import dataclass

from cniperf.steps.step import Step


@dataclass(frozen=True)
class SetSysctl(Step):
    """Set a kernel parameter of a device or namespace that the plan itself made."""

    key: str
    value: str

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
