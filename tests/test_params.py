from typing import Annotated

import pytest
from pydantic import Field

from cniperf.cli.options import merged
from cniperf.errors import ParameterError
from cniperf.params import Experiment, read_settings
from cniperf.record import Params

NETWORK = '{"cniVersion":"1.0.0","name":"n","plugins":[{"type":"bridge","bridge":"%s"}]}'


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("scheme", "calcio", "did you mean 'calico'"),
        ("mtu", 100, "greater than or equal to 576"),
        ("mtu", 9001, "less than or equal to 9000"),
        ("duration", 0, "greater than or equal to 1"),
        ("duration", "abc", "valid integer"),
        ("nic", "fast", "'big-192k' or 'own'"),
        ("bed", "cloud", "lab, ssh"),
        ("rounds", 0, "greater than or equal to 1"),
        ("streams", 0, "greater than or equal to 1"),
        ("window", "12parsecs", "as 512K"),
        ("window", "0", "as 512K"),
        ("congestion", "cubic; reboot", "letters, digits"),
        ("suite", "../x", "letters, digits"),
        ("duraton", 5, "did you mean 'duration'"),
        # What a record could not hold: the run would be lost.
        ("suite", "x" * 201, "200 at most"),
        ("suite", "-x", "the first no dot or dash"),
        ("congestion", "-x", "the first no dot or dash"),
        ("congestion", ".x", "the first no dot or dash"),
        ("window", "9" * 201, "12 digits at most"),
        ("context", "a\x1bb", "without control characters"),
        ("image", "a\u2028b", "without control characters"),
        ("cni_bin_dir", "/a\nb", "without control characters"),
        ("config", NETWORK % ("x" * 70_000), "65,536 at most"),
        ("first_round", 10**10, "less than or equal to"),
        ("data_dir", "a\0b", "a path of UTF-8 without control characters"),
        ("data_dir", "a\ud800b", "a path of UTF-8 without control characters"),
        ("hosts", "a\nb", "a path of UTF-8 without control characters"),
        ("kubeconfig", "a\0b", "a path of UTF-8 without control characters"),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_a_wrong_parameter_ends_in_one_line_that_says_what_is_allowed(name, value, says):
    with pytest.raises(ParameterError) as problem:
        Experiment.of(**{name: value})
    assert says in str(problem.value)
    assert name in str(problem.value)
    assert "\n" not in str(problem.value)


def test_what_a_record_cannot_hold_is_refused_before_the_load(monkeypatch):
    """Whatever a record's door refuses next, no experiment has it."""
    assert Experiment.of(mtu=600).told()["mtu"] == 600

    class Stricter(Params):
        mtu: Annotated[int, Field(ge=1000)]

    monkeypatch.setattr("cniperf.params.Params", Stricter)
    with pytest.raises(ParameterError, match="no run can have these parameters: mtu is 600"):
        Experiment.of(mtu=600)


@pytest.mark.parametrize(("asked", "says"), [
    ({"ip": 5}, "input should be 4 or 6"),
    ({"ip": 6, "mtu": 1300}, "mtu=1300 is not allowed with ip=6: 1360 at least"),
    ({"nic": "big-128k"}, "nic='big-128k' goes with ip=6 only"),
    ({"ip": 6, "nic": "big-128k", "bed": "counted"}, "nic='big-128k' goes with bed='lab' only"),
    ({"ip": 6, "bed": "vm"}, "ip=6 goes with bed='lab' or 'counted' only"),
    ({"ip": 6, "scheme": "calico-ipip"}, "scheme='calico-ipip' goes with ip=4 only"),
    ({"ip": 6, "mode": "rr"}, "generator='sockperf' goes with ip=4 only"),
    ({"ip": 6, "mode": "udp", "length": 1400}, "1372 at most"),
])  # fmt: skip
def test_what_ipv6_does_not_go_with(asked, says):
    with pytest.raises(ParameterError) as problem:
        Experiment.of(**{"scheme": "calico", **asked})
    assert says in str(problem.value) and "\n" not in str(problem.value)


def test_a_tunnel_has_its_checksum_in_ipv6_unless_told_otherwise():
    assert Experiment.of(ip=6).udpcsum and not Experiment.of(ip=4).udpcsum
    assert not Experiment.of(ip="6", udpcsum=False).udpcsum
    assert Experiment.of(ip=6, mode="udp").size == 1360


def test_what_is_not_given_has_its_default():
    assert Experiment.of(scheme="canal", mtu=None) == Experiment.of(scheme="canal")


def test_settings_are_taken_as_meant(tmp_path):
    file = tmp_path / "settings.yaml"
    file.write_text("gro: off\nsuite: 2026-01-02\nudpcsum: yes\nwindow:\nrate: ~\n")
    found = Experiment.of(**read_settings(file))
    assert (found.gro, found.suite, found.udpcsum) == ("off", "2026-01-02", True)
    assert (found.window, found.rate) == ("", 0.0)


@pytest.mark.parametrize(("name", "value"), [("gro", False), ("streams", True), ("mtu", True)])
def test_a_guess_of_anothers_yaml_is_to_be_quoted(name, value):
    with pytest.raises(ParameterError, match=f"{name}={value} is not allowed: .*quote on, off"):
        Experiment.of(**{name: value})


def test_papermill_gives_numbers_as_words_too():
    assert Experiment.of(duration="7").duration == 7


def test_an_experiment_is_frozen():
    with pytest.raises(ValueError, match="frozen"):
        Experiment.of().mtu = 9000


def test_a_notebooks_variables_become_parameters():
    names = {"scheme": "canal", "mtu": 9000, "window": "", "data_dir": "", "pd": object()}
    experiment = Experiment.from_namespace(names)
    assert (experiment.scheme, experiment.mtu, experiment.data_dir) == ("canal", 9000, None)


def test_a_mistyped_injected_parameter_is_not_passed_over():
    names = {"scheme": "canal", "duraton": 5, "In": ["", "…", "# Parameters\nduraton = 5\n", "…"]}
    with pytest.raises(ParameterError, match="did you mean 'duration'"):
        Experiment.from_namespace(names)


def test_an_error_shows_as_one_line_in_a_notebook():
    with pytest.raises(ParameterError) as problem:
        Experiment.of(mtu=1)
    assert problem.value._render_traceback_() == [f"ParameterError: {problem.value}"]


@pytest.mark.parametrize("text", ["- a\n- b\n", "a: [", "just words", "\xff"])
def test_a_settings_file_that_is_none_is_refused_in_one_line(tmp_path, text):
    file = tmp_path / "settings.yaml"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(ParameterError) as problem:
        read_settings(file)
    assert str(file) in str(problem.value) and "\n" not in str(problem.value)


@pytest.mark.parametrize(
    "text", ["duraton:\n", "duraton: ~\n", "!!set {duraton, b}\n", "duration: 5\nduraton: null\n"]
)
def test_a_name_without_a_value_must_be_that_of_a_parameter(tmp_path, text):
    file = tmp_path / "settings.yaml"
    file.write_text(text)
    with pytest.raises(
        ParameterError, match="unknown parameter 'duraton'; did you mean 'duration'"
    ):
        Experiment.of(**merged(file, {}, {"mtu": None}))


def test_a_parameter_without_a_value_is_not_given(tmp_path):
    file = tmp_path / "settings.yaml"
    file.write_text("duration:\nmtu: ~\ntarget:\nnic: plain\n")
    assert merged(file, {"mtu": 1400}, {"target": None}) == {"mtu": 1400, "nic": "plain"}


def test_a_settings_file_gives_parameters_by_name(tmp_path):
    file = tmp_path / "settings.yaml"
    file.write_text("duration: 30\nnic: plain\n")
    assert read_settings(file) == {"duration": "30", "nic": "plain"}
    assert Experiment.of(**read_settings(file)).duration == 30


@pytest.mark.parametrize(
    ("asked", "says"),
    [({"generator": "iperf4"}, "unknown generator 'iperf4'; did you mean 'iperf'? Known: curl, iperf"),
     ({"generator": "sockperf"}, "generator='sockperf' does not go with mode='stream': iperf"),
     ({"mode": "rr", "streams": 4}, "streams=4 does not go with mode='rr'"),
     ({"mode": "crr", "congestion": "reno"}, "congestion='reno' does not go"),
     ({"generator": "iperf", "direction": "both"}, "direction='both' does not go"),
     ({"mode": "udp", "pairs": 2}, "between one pair"),
     ({"mode": "udp", "rate": 1.0}, "searches the rate"),
     ({"mode": "udp", "length": 1413}, "1412 at most"),
     ({"mode": "udp", "mtu": 1400}, "length=1400 is not allowed"),
     ({"max_loss": 1.0}, "mode='udp' only"),
     ({"pairs": 65}, "pairs=65"),
     ({"mode": "ping"}, "mode='ping'")],
)  # fmt: skip
def test_a_load_that_cannot_be_made_is_refused_with_what_can(asked, says):
    with pytest.raises(ParameterError) as problem:
        Experiment.of(**asked)
    assert says in str(problem.value) and "\n" not in str(problem.value)


def test_each_mode_has_its_generator_and_size():
    found = {mode: Experiment.of(mode=mode) for mode in ("stream", "rr", "crr", "udp")}
    assert [each.generator for each in found.values()] == ["iperf3", "sockperf", "curl", "iperf3"]
    assert [each.size for each in found.values()] == [0, 64, 64, 1400]
    again = Experiment.of(**found["rr"].model_dump())  # as suites hand them on
    assert again == found["rr"]
