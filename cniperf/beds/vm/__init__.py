"""``vm``: two virtual machines on this one, wired by SSH as real hosts are."""

from typing import TYPE_CHECKING

from cniperf.beds.bottle.kind import GuestKind

if TYPE_CHECKING:
    from cniperf.beds.vm.bed import VmBed
    from cniperf.params import Experiment


class VmKind(GuestKind):
    """See :class:`cniperf.beds.vm.bed.VmBed`."""

    name = "vm"
    order = 3
    summary = "two guests here"
    building = "booting two guests"

    def refusal(self, asked: "Experiment") -> str:
        """The guests' NICs are QEMU's."""
        if asked.nic != "virtio" or asked.gro != "default":
            return "bed='vm' has virtio NICs as QEMU makes them: leave nic and gro out"
        return ""

    def open(self, asked: "Experiment") -> "VmBed":
        """Return the two guests, not yet booted."""
        from cniperf.beds.ssh import demands
        from cniperf.beds.vm.bed import VmBed

        return VmBed(**demands(asked))


BED = VmKind()
