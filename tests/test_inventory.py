"""Hosts files: what is read, and one clear line for what is not allowed."""

import pytest

from cniperf.errors import ParameterError
from cniperf.inventory import read_inventory

GOOD = """
hosts:
  alpha: {ssh: 10.1.1.1, user: root, nic: eth1, address: 192.168.20.42/24, cpus: "0-2,5"}
  beta: {ssh: beta.example, port: 2222, jump: me@bastion, nic: eth1, address: 192.168.20.43/24}
  gamma: {ssh: gamma, nic: eth1, address: 192.168.20.44/24}
"""


def write(tmp_path, text):
    file = tmp_path / "hosts.yaml"
    file.write_text(text)
    return file


def test_every_two_hosts_are_a_pair_unless_pairs_are_given(tmp_path):
    file = write(tmp_path, GOOD)
    assert read_inventory(file).all_pairs() == ["alpha,beta", "alpha,gamma", "beta,gamma"]
    file.write_text(GOOD + "pairs: [[beta, alpha]]\n")
    assert read_inventory(file).all_pairs() == ["beta,alpha"]
    assert [machine.name for machine in read_inventory(file).pair()] == ["beta", "alpha"]


def test_a_machine_says_how_it_is_reached(tmp_path):
    alpha, beta = read_inventory(write(tmp_path, GOOD)).pair()
    assert alpha.cpu_list() == (0, 1, 2, 5)
    assert (alpha.target(), beta.target()) == ("root@10.1.1.1", "beta.example:2222")
    assert beta.accept() == (
        "ssh -o StrictHostKeyChecking=accept-new -J me@bastion -p 2222 beta.example true"
    )


def test_a_key_without_a_value_is_not_given(tmp_path):
    file = write(tmp_path, GOOD.replace("user: root", "user: , port: ~") + "pairs:\n")
    alpha = read_inventory(file).pair()[0]
    assert (alpha.user, alpha.port) == ("", 0)


@pytest.mark.parametrize("jump", ["bastion", "me@bastion", "10.1.1.2:2222", "me@b-1.example:22"])
def test_a_host_is_jumped_over_as_ssh_names_it(tmp_path, jump):
    beta = read_inventory(write(tmp_path, GOOD.replace("me@bastion", f'"{jump}"'))).pair()[1]
    assert beta.jump == jump and beta.gateway().host in jump


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("nic: eth1", "nik: eth1", "did you mean"),
        ("192.168.20.42/24", "192.168.20.42", "with its prefix length"),
        ("192.168.20.42/24", "192.168.20.43/24", "same address"),
        ("192.168.20.42/24", "fe80::1/64", "IPv4 address"),
        ("nic: eth1", 'nic: "eth0; touch /tmp/x"', "name of a network device"),
        ("ssh: 10.1.1.1", 'ssh: "$(touch /tmp/x)"', "letters, digits"),
        ("ssh: 10.1.1.1", "ssh: -oProxyCommand=x", "letters, digits"),
        ("user: root", 'user: "root\\n"', "letters, digits"),
        ("alpha:", '"al pha":', "letters, digits"),
        ("port: 2222", "port: 99999", "65535"),
        ("me@bastion", '"me@bastion:xx"', "as user@host:port"),
        ("me@bastion", '"me@bastion:65536"', "as user@host:port"),
        ("me@bastion", '"@bastion"', "as user@host:port"),
        ("me@bastion", '"me@"', "as user@host:port"),
        ("me@bastion", '"one,two"', "one host to jump over"),
        ("me@bastion", "-oProxyCommand=x", "one host to jump over"),
        ('cpus: "0-2,5"', "cpus: all", "CPUs as"),
        ('cpus: "0-2,5"', 'cpus: "3-0"', "each span upwards"),
        ('cpus: "0-2,5"', 'cpus: "0-99999999999"', "below 8192"),
        ("hosts:", "host:", "no `hosts:`"),
        ("ssh: 10.1.1.1", "ssh: a..b", "parts between dots have 1 to 63 characters"),
        ("ssh: 10.1.1.1", f"ssh: {'x' * 80}", "parts between dots have 1 to 63 characters"),
        ("me@bastion", '"me@a..b"', "parts between dots have 1 to 63 characters"),
        ("ssh: 10.1.1.1", """ssh: x, proxy_command: 'sh -c "x'""", "No closing quotation"),
        ("ssh: 10.1.1.1", 'ssh: x, proxy_command: "a\\0b"', "without control characters"),
        ("ssh: 10.1.1.1", 'ssh: x, proxy_command: " "', "a command, or nothing"),
        ("ssh: 10.1.1.1", 'ssh: x, known_hosts: "a\\0b"', "without control characters"),
        ("ssh: 10.1.1.1", 'ssh: x, key: "a\\ud800b"', "a path of UTF-8"),
        ("ssh: 10.1.1.1", "ssh: x, prot: ", "did you mean 'port'"),
        ("ssh: 10.1.1.1", "ssh: x, name: y", "leave it out"),
        ("\nhosts:", "\npiars:\nhosts:", "did you mean 'pairs'"),
        ("192.168.20.42/24", "0.0.0.0/0", "a length from 1 to 32"),
        ("192.168.20.42/24", "192.168.20.42/0.0.0.255", "a length from 1 to 32"),
        ("192.168.20.42/24", "192.168.20.42/255.255.255.0", "a length from 1 to 32"),
        ("192.168.20.42/24", "0.0.0.0/24", "no host has 0.0.0.0"),
        ("192.168.20.42/24", "224.0.0.1/24", "no host has 224.0.0.1"),
    ],
)  # fmt: skip
def test_what_is_not_allowed_is_one_line_that_says_what_is(tmp_path, old, new, says):
    with pytest.raises(ParameterError, match=says.replace("(", r"\(")) as told:
        read_inventory(write(tmp_path, GOOD.replace(old, new, 1)))
    assert "\n" not in str(told.value)


def test_words_are_taken_as_meant(tmp_path):
    text = GOOD.replace("alpha:", "no:").replace('cpus: "0-2,5"', "cpus: 0, key: ")
    alpha, beta = read_inventory(write(tmp_path, text)).pair()
    assert (alpha.name, alpha.cpu_list(), alpha.key) == ("no", (0,), None)
    assert beta.port == 2222


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [('"0-2,5"', "0-99999999999", "CPUs as"), ('"0-2,5"', "5-3", "CPUs as"),
     ('"0-2,5"', "0-9000", "below 8192"), ("beta:", "alpha:", "'alpha' stands twice"),
     ("2222", "true", "valid integer"), ("user: root", f"user: {'x' * 9000}", "letters"),
     ("hosts:", "cls: 1\nhosts:", "unknown key 'cls'"), ("gamma:", "gamma: x\n  d:", "key: value")],
)  # fmt: skip
def test_what_would_be_taken_wrongly_is_refused(tmp_path, old, new, says):
    with pytest.raises(ParameterError, match=says) as told:
        read_inventory(write(tmp_path, GOOD.replace(old, new, 1)))
    assert len(str(told.value)) < 600


def test_a_pair_of_a_host_that_is_not_there_is_refused(tmp_path):
    file = write(tmp_path, GOOD + "pairs: [[alpha, betta]]\n")
    with pytest.raises(ParameterError, match="did you mean 'beta'"):
        read_inventory(file)
    file.write_text(GOOD)
    with pytest.raises(ParameterError, match="two hosts"):
        read_inventory(file).pair("alpha,alpha")


def test_a_file_that_is_not_there_and_one_that_is_no_yaml(tmp_path):
    with pytest.raises(ParameterError, match="cannot read"):
        read_inventory(tmp_path / "none.yaml")
    with pytest.raises(ParameterError, match="no YAML"):
        read_inventory(write(tmp_path, "hosts: [}"))
