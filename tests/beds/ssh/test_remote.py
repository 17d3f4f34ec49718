"""The commands of a remote host: nothing hostile reaches a shell, nothing large is cut."""

import pytest

from cniperf.beds.command import CommandFailed
from cniperf.beds.ssh.remote import Remote

pytestmark = pytest.mark.lab


@pytest.mark.parametrize(
    "word",
    [
        "eth0; touch {}",
        "$(touch {})",
        "`touch {}`",
        "a\ntouch {}",
        "'; touch {}; '",
        '"; touch {} "',
    ],
)
def test_nothing_hostile_reaches_a_shell_of_the_host(word, machines, looks, tmp_path):
    bait = tmp_path / "bait"
    hostile = word.format(bait)
    remote = Remote(machines[0])
    remote.open()
    assert remote.command(["printf", "%s", hostile]) == hostile
    assert remote.command(["cat"], text=hostile) == hostile
    calls = [(["printf", "%s", hostile], None), (["cat"], hostile)]
    assert remote.commands(calls) == [hostile, hostile]
    process = remote.start(["printf", "%s", hostile], None, str(tmp_path), str(tmp_path / "out"))
    assert process.wait() == 0
    assert (tmp_path / "out").read_text() == hostile
    with pytest.raises(CommandFailed):
        remote.command(["ip", "link", "show", hostile])
    assert not bait.exists()
    remote.close()


def test_a_large_output_and_many_commands_come_back_whole(machines):
    remote = Remote(machines[0])
    remote.open()
    said = remote.command(["seq", "1", "400000"])
    assert said.split() == [str(n) for n in range(1, 400_001)]
    assert [remote.command(["echo", str(n)]) for n in range(20)] == [f"{n}\n" for n in range(20)]
    remote.close()
