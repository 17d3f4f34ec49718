"""Made-up runs of three beds, of losses as they might be: fixtures, no findings."""

from conftest import COUNTED, Shelf

WOBBLE = [1.0, 1.01, 0.99, 1.0, 1.005, 0.995, 1.0, 1.0]
PODS = ("macvlan", "ovs", "ovs-bridge", "calico", "flannel-hostgw", "flannel-vxlan", "canal")

# Losses in %, in the order of PODS, after hostnetwork's figure: Gbit/s, or instructions per byte.
LAB = {"virtio": (22.4, [2.0, 95.0, 96.0, 22.0, 26.5, 81.0, 79.5]),
       "offload": (22.4, [2.0, 95.0, 96.0, 22.0, 26.5, 41.0, 39.0])}  # fmt: skip
COUNTS = {
    ("offload", False): (0.989, [4.4, 18.5, 28.1, 29.0, 33.1, 52.7, 50.8]),
    ("virtio", False): (3.375, [-1.5, 6.6, 10.8, 9.1, 11.9, 35.7, 34.5]),
    ("plain", False): (4.92, [11.0, 35.0, 45.0, 39.0, 51.0, 29.0, 28.0]),
    ("offload", True): (3.63, [1.4, 6.5, 11.2, 11.0, 12.8, 21.2, 19.5]),
    ("virtio", True): (6.78, [-0.4, 4.1, 6.5, 4.9, 6.8, 22.7, 20.8]),
}  # fmt: skip
GUESTS = (1.10, [2.5, 9.0, 15.0, 15.0, 18.0, 86.0, 86.0])


def add_lab(shelf: Shelf) -> None:
    """Eight rounds a NIC, Open vSwitch in userspace."""
    for nic, (base, losses) in LAB.items():
        for number, wobble in enumerate(WOBBLE, 1):
            here = {"suite": f"lab-{nic}", "round": number, "nic": nic}
            for own in (WOBBLE[-number], wobble):
                shelf.add("hostnetwork", base * own, **here)
            for scheme, loss in zip(PODS, losses, strict=True):
                datapath = {"ovs_datapath": "netdev"} if scheme.startswith("ovs") else {}
                shelf.add(scheme, base * (1 - loss / 100) * wobble, **here, **datapath)


def add_counted(shelf: Shelf) -> None:
    """Three seeds a NIC and copy model, which move each count by 0.2 % at most."""
    for (nic, erms), (base, losses) in COUNTS.items():
        here = {"nic": nic, "erms": erms, "suite": f"counted-{nic}-{erms}"}
        for seed in (1, 2, 3):
            shelf.count("hostnetwork", base, seed, **here)
            for place, (scheme, loss) in enumerate(zip(PODS, losses, strict=True)):
                moved = 1 + 0.001 * ((seed + place) % 3 - 1)
                shelf.count(scheme, moved * base / (1 - loss / 100), seed, **here)


def add_guests(shelf: Shelf) -> None:
    """Eight rounds in two guests of which a plugin counted the instructions."""
    base, losses = GUESTS
    for number, wobble in enumerate(WOBBLE, 1):
        here = {**COUNTED, "bed": "vm", "suite": "vm", "round": number, "seed": None}
        for scheme, loss in (("hostnetwork", 0.0), *zip(PODS, losses, strict=True)):
            for own in (wobble, WOBBLE[-number])[: 1 + (scheme == "hostnetwork")]:
                insn = own * base / (1 - loss / 100)
                shelf.add(scheme, 1.3 / insn, **here, insn_per_byte=insn,
                          insn_per_byte_a=0.6 * insn, insn_per_byte_b=0.4 * insn)  # fmt: skip


def add_emulated(shelf: Shelf) -> None:
    """Three rounds by the clock in two guests that software emulates."""
    for number, wobble in enumerate(WOBBLE[:3], 1):
        here = {"bed": "vm", "accelerator": "tcg", "suite": "slow", "round": number}
        shelf.add("hostnetwork", 1.64 * wobble, **here)
        shelf.add("calico", 1.60 * wobble, **here)


def add_three_beds(shelf: Shelf) -> Shelf:
    """All of them."""
    for add in (add_lab, add_guests, add_counted, add_emulated):
        add(shelf)
    return shelf
