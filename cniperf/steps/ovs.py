"""Open vSwitch: ``ovs-vsctl`` and ``ovs-ofctl``."""

from dataclasses import dataclass
from typing import Literal

from cniperf.steps.step import Step


@dataclass(frozen=True)
class AddOvsBridge(Step):
    """Make an Open vSwitch bridge that forwards only what its flows allow (fail_mode)."""

    name: str
    datapath: str = "system"

    def argv(self) -> list[str]:
        userspace = [] if self.datapath == "system" else [f"datapath_type={self.datapath}"]
        return ["ovs-vsctl", "add-br", self.name,
                "--", "set", "Bridge", self.name, "fail_mode=secure", *userspace]  # fmt: skip

    def undo(self) -> Step:
        return DelOvsBridge(self.name)


@dataclass(frozen=True)
class DelOvsBridge(Step):
    """Remove an Open vSwitch bridge and give its ports back to the host."""

    name: str

    def argv(self) -> list[str]:
        return ["ovs-vsctl", "--if-exists", "del-br", self.name]


@dataclass(frozen=True)
class AddOvsPort(Step):
    """Plug a device into an Open vSwitch bridge as a port of a chosen number."""

    bridge: str
    device: str
    ofport: int

    def argv(self) -> list[str]:
        return ["ovs-vsctl", "--may-exist", "add-port", self.bridge, self.device,
                "--", "set", "Interface", self.device, f"ofport_request={self.ofport}"]  # fmt: skip


@dataclass(frozen=True)
class AddOvsTunnel(Step):
    """Plug a tunnel to another host into an Open vSwitch bridge as a port of a chosen number.

    Only of the kernel's datapath: it makes a device for all tunnels of a kind, and hands the outer
    packets to the host's own stack.
    """

    bridge: str
    name: str
    kind: Literal["vxlan", "geneve"]
    local: str
    remote: str
    key: int
    ofport: int
    udpcsum: bool = False

    @property
    def device(self) -> str:
        """The device that the datapath makes for it."""
        return {"vxlan": "vxlan_sys_4789", "geneve": "genev_sys_6081"}[self.kind]

    def argv(self) -> list[str]:
        return ["ovs-vsctl", "--may-exist", "add-port", self.bridge, self.name,
                "--", "set", "Interface", self.name, f"type={self.kind}",
                f"options:local_ip={self.local}", f"options:remote_ip={self.remote}",
                f"options:key={self.key}", f"options:csum={str(self.udpcsum).lower()}",
                f"ofport_request={self.ofport}"]  # fmt: skip


@dataclass(frozen=True)
class AddOvsFlow(Step):
    """Add a flow to an Open vSwitch bridge."""

    bridge: str
    flow: str

    def argv(self) -> list[str]:
        return ["ovs-ofctl", "add-flow", self.bridge, self.flow]
