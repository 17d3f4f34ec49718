"""CPUs that do not fall asleep between a message and its answer.

A CPU that sleeps takes its time to wake up. Where each message waits for an answer, that hides the
network: hostnetwork between the project's two virtual CPUs answered 8,000 times a second with a
spread of 12 % from run to run, and 33,000 times with 5 % where the CPUs were kept awake.

A stream keeps its CPUs busy, and there the request does harm: a virtual CPU that never sleeps looks
busy to a hypervisor, which moves two of them apart; see docs/method.md. So cniperf asks for it in
the modes alone that wait, and records in all of them whether any process does, as tuned's profiles.
"""

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

# Written, it takes the longest wake-up that is wanted, in µs, as long as the file is open; read, it
# reports the shortest of all processes' requests. Documentation/power/pm_qos_interface.rst
DEVICE = Path("/dev/cpu_dma_latency")
NO_WISH = 2_000_000_000  # PM_QOS_LATENCY_ANY less its sign, include/linux/pm_qos.h


def awake() -> bool:
    """Return whether any process keeps CPUs awake; root alone can see it."""
    try:
        with DEVICE.open("rb", buffering=0) as file:
            return asks(file.read(4))
    except OSError:
        return False


def asks(wish: bytes) -> bool:
    """Return whether the device reports a request, and not the kernel's default."""
    return len(wish) == 4 and struct.unpack("i", wish)[0] < NO_WISH


def possible() -> bool:
    """Return whether this process may ask for it."""
    return os.access(DEVICE, os.W_OK)


@contextmanager
def kept_awake(wanted: bool = True) -> Iterator[None]:
    """Ask for wake-ups within 0 µs, where that can be asked; it ends with the block or process."""
    try:
        file = DEVICE.open("wb", buffering=0) if wanted else None
    except OSError:
        file = None
    with file or nullcontext():
        if file:
            file.write(struct.pack("i", 0))
        yield
