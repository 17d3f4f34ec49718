"""Two guests for all tests of a file."""

from collections.abc import Iterator
from contextlib import contextmanager

from conftest import cannot_here, machine_state, settled

from cniperf.beds.bottle import qemu
from cniperf.beds.vm.bed import VmBed


def require_guests() -> None:
    """Skip where no guest can be made."""
    if gone := qemu.missing():
        cannot_here(f"no guests without {', '.join(gone)}")


@contextmanager
def two_guests() -> Iterator[VmBed]:
    """Yield two guests, and see that they leave this machine as it was.

    What a test wires there it unwires again. A file that has them has a ``_nothing_left`` of its
    own, as they stay from test to test.
    """
    require_guests()
    before = machine_state()
    with VmBed(ovs=True) as bed:
        yield bed
    assert settled(before) == before
