from types import SimpleNamespace

import pytest
from paramiko.ssh_exception import ProxyCommandFailure, SSHException

from cniperf.beds.ssh.process import Process
from cniperf.inventory import Machine


@pytest.mark.parametrize("problem", [
    OSError("Socket is closed"), EOFError(), SSHException("no session"),
    ProxyCommandFailure("nsenter … socat", "Broken pipe"),
])  # fmt: skip
def test_a_process_whose_connection_is_gone_has_been_asked_to_end(problem):
    def shutdown_write():
        raise problem

    channel = SimpleNamespace(shutdown_write=shutdown_write)
    promise = SimpleNamespace(runner=SimpleNamespace(channel=channel))
    machine = Machine(name="alpha", ssh="alpha", nic="eth0", address="192.168.20.42/24")
    host = SimpleNamespace(machine=machine)
    Process(host, promise, None, "/nowhere").terminate()
