"""calico-wireguard: calico's routed veth to the pod, packets encrypted between the hosts."""

from functools import partial

from cniperf.encapsulation import WIREGUARD
from cniperf.hops import ROUTED, Device, Hop, Inside
from cniperf.hosts import Host
from cniperf.schemes.calico import SUBNET, endpoint, pods
from cniperf.schemes.parts import networks
from cniperf.schemes.scheme import Scheme
from cniperf.steps import AddAddress, AddRoute, AddWireguard, LinkUp, SetWireguard, Step

DEVICE, PORT = "wireguard.cali", 51820  # Calico's

# These keys are public, so they keep nothing secret: each is a sentence of 32 bytes that states
# so (base64 -d). The public ones follow from them (wg pubkey).
PRIVATE = {
    "a": "Y25pcGVyZjogcHVibGljIGxhYiBrZXksIGhvc3QgYS4=",
    "b": "Y25pcGVyZjogcHVibGljIGxhYiBrZXksIGhvc3QgYi4=",
}
PUBLIC = {
    "a": "pOvsYie1VXxXMrMkPk+orLmA5R/vlQh5Dt1LhocgtWI=",
    "b": "ptosMlkg+LInmWN3CLQ01niRzY5FFifWyigKtUs3pjw=",
}


def wire(here: Host, there: Host) -> list[Step]:
    """A routed veth to each pod, the peer's pods behind the encrypted tunnel."""
    mtu = here.mtu_in(WIREGUARD)
    behind = tuple(networks(there, SUBNET))
    return [
        *pods(here, mtu),
        AddWireguard(DEVICE, mtu),
        SetWireguard(DEVICE, PRIVATE[here.name], PORT, peer=PUBLIC[there.name],
                     endpoint=there.address, allowed=behind),
        AddAddress(here.form(f"{SUBNET[here.name]}.0/32"), DEVICE),
        LinkUp(DEVICE),
        *(AddRoute(subnet, dev=DEVICE) for subnet in behind),
    ]  # fmt: skip


def hops(here: Host) -> list[Hop]:
    """A veth that the host routes into the tunnel."""
    return [
        Inside("calico-c"), Device("calico-h"), ROUTED,
        Device(DEVICE), Device(here.nic, WIREGUARD),
    ]  # fmt: skip


SCHEME = Scheme(
    name="calico-wireguard",
    order=150,
    summary="routed veth, packets encrypted by WireGuard",
    wire=wire,
    endpoint=partial(endpoint, tunnel=WIREGUARD),
    hops=hops,
    devices=("veth", "wireguard"),
    tools={"wg": "wireguard-tools"},
)
