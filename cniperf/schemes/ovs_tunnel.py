"""ovs-vxlan, ovs-geneve: as ovs, but a tunnel to the other host in the place of the NIC."""

from dataclasses import replace
from typing import Literal

from cniperf.encapsulation import GENEVE, VXLAN, Encapsulation
from cniperf.errors import NotAble
from cniperf.hops import Device, Hop, Inside
from cniperf.hosts import Endpoint, Host, Pod
from cniperf.schemes import ovs
from cniperf.schemes.scheme import Scheme
from cniperf.steps import AddOvsBridge, AddOvsFlow, AddOvsTunnel, Step

KEY = 1  # VNI
TUNNEL_PORT = ovs.NIC_PORT


def tunnel(kind: Literal["vxlan", "geneve"], here: Host, there: Host) -> AddOvsTunnel:
    """The tunnel as a port of br-int."""
    return AddOvsTunnel("br-int", "tun0", kind, local=here.address, remote=there.address,
                        key=KEY, ofport=TUNNEL_PORT, udpcsum=here.udpcsum)  # fmt: skip


def scheme(kind: Literal["vxlan", "geneve"], form: Encapsulation, order: int) -> Scheme:
    """Return the scheme with tunnels of a kind."""

    def within(here: Host) -> Host:
        """The host as its pods see it."""
        return replace(here, mtu=here.mtu_in(form))

    def wire(here: Host, there: Host) -> list[Step]:
        """A veth from each pod into br-int, the tunnel beside them."""
        if here.ovs_datapath != "system":
            raise NotAble(f"ovs-{kind} needs Open vSwitch's kernel datapath: the userspace one "
                          "sends tunnels through its own ports only")  # fmt: skip
        return [
            AddOvsBridge("br-int", here.ovs_datapath),
            tunnel(kind, here, there),
            AddOvsFlow("br-int", f"table=0, priority=99, actions=output:{TUNNEL_PORT}"),
            *(step for pod in here.pods for step in ovs.attach(within(here), pod)),
        ]

    def endpoint(here: Host, pod: Pod) -> Endpoint:
        """The pod behind br-int."""
        return ovs.endpoint(within(here), pod)

    def hops(here: Host) -> list[Hop]:
        """From port to port of br-int, by its flows, and into the tunnel."""
        return [
            Inside("veth-c"), Device("veth-ovs"), ovs.br_int_flows(here, ovs.POD),
            Device(tunnel(kind, here, here).device), Device(here.nic, form),
        ]  # fmt: skip

    return Scheme(
        name=f"ovs-{kind}",
        order=order,
        summary=f"pod and a {form.name} tunnel are ports of one Open vSwitch bridge",
        wire=wire,
        endpoint=endpoint,
        hops=hops,
        devices=("veth", "openvswitch", kind),
        ovs=True,
    )


SCHEMES = (scheme("vxlan", VXLAN, 160), scheme("geneve", GENEVE, 170))
