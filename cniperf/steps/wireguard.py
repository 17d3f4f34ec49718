"""WireGuard: ``wg``."""

from dataclasses import dataclass

from cniperf.ip import with_port
from cniperf.steps.step import Step

# `wg` takes a private key from a file only; this one is a pipe. The text is fixed, and what is
# given to it are words. A bare system has no /dev/stdin, but what that leads to.
SET = 'echo "$0" | wg set "$@"'
STDIN = "/proc/self/fd/0"


@dataclass(frozen=True)
class SetWireguard(Step):
    """Give a WireGuard device its key, its UDP port and its only peer."""

    device: str
    private_key: str
    port: int
    peer: str
    endpoint: str
    allowed: tuple[str, ...]

    def argv(self) -> list[str]:
        return self._inside(
            "sh", "-c", SET, self.private_key, self.device,
            "listen-port", str(self.port), "private-key", STDIN,
            "peer", self.peer, "endpoint", with_port(self.endpoint, self.port),
            "allowed-ips", ",".join(self.allowed),
        )  # fmt: skip
