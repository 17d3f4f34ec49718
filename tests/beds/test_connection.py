"""Who is let in to a host by SSH, and what is said where nobody is."""

import subprocess

import pytest
from rehearsed import refused

from cniperf.beds.connection import HostLost
from cniperf.beds.remote import Remote
from cniperf.errors import NotAble

pytestmark = pytest.mark.lab


def test_a_wrong_key(rehearsal, looks):
    other = rehearsal.folder / "other"
    other.unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True)
    refused(rehearsal, HostLost, "host beta lets nobody in as root@beta", key=str(other))


def test_a_key_of_the_host_that_nobody_has_accepted(rehearsal, looks, tmp_path):
    nobody = tmp_path / "known_hosts"
    nobody.write_text("")
    refused(rehearsal, HostLost, "is not known; if it is right, accept it: ssh -o Strict",
            known_hosts=str(nobody))  # fmt: skip


def test_a_key_of_the_host_that_has_changed(rehearsal, looks, tmp_path):
    wrong = tmp_path / "known_hosts"
    words = (rehearsal.folder / "known_hosts").read_text().splitlines()[0].split()
    wrong.write_text(f"beta {words[1]} {words[2]}\n")  # alpha's
    refused(rehearsal, HostLost, "its key is another than the known one", known_hosts=str(wrong))


def test_a_wrong_port_and_a_host_that_is_down(rehearsal, looks):
    refused(rehearsal, HostLost, r"host beta \(root@127.0.0.1:1\) cannot be reached",
            ssh="127.0.0.1", port=1, proxy_command="")  # fmt: skip
    refused(rehearsal, HostLost, "host beta .* cannot be reached", proxy_command="false")


def test_no_sudo(machines, looks):
    class Plain(Remote):
        """A host that says its user is not root, as ours has no other account."""

        def run(self, script, text=None):
            return "1000\n" if script == "id -u" and not self._prefix else super().run(script, text)

    plain = Plain(machines[0])
    with pytest.raises(NotAble, match="host alpha: root is not root and sudo wants more"):
        plain.open()
    plain.close()
