"""What beds have in common whose hosts are guests on this machine."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from cniperf.beds.kind import Kind

if TYPE_CHECKING:
    from cniperf.params import Experiment


class GuestKind(Kind):
    """A bed of guests: it needs QEMU, and an image that is made once."""

    namespaces = True

    def check(self, asked: "Experiment") -> None:
        """Look for the right to make namespaces, and for QEMU."""
        from cniperf.beds.bottle.qemu import require
        from cniperf.beds.privilege import require_namespaces

        require_namespaces()
        require()

    def prepare(self, tell: Callable[[str], None]) -> None:
        """Make the image that guests start from."""
        from cniperf.beds.bottle.image import prepare

        prepare(tell)
