import pytest

from cniperf.errors import ParameterError
from cniperf.params import Experiment, read_settings


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("scheme", "calcio", "did you mean 'calico'"),
        ("mtu", 100, "greater than or equal to 576"),
        ("mtu", 9001, "less than or equal to 9000"),
        ("duration", 0, "greater than or equal to 1"),
        ("duration", "abc", "valid integer"),
        ("nic", "fast", "'virtio', 'offload' or 'plain'"),
        ("bed", "cloud", "'lab'"),
        ("rounds", 0, "greater than or equal to 1"),
        ("streams", 0, "greater than or equal to 1"),
        ("window", "12parsecs", "as 512K"),
        ("window", "0", "as 512K"),
        ("congestion", "cubic; reboot", "letters, digits"),
        ("suite", "../x", "letters, digits"),
        ("duraton", 5, "did you mean 'duration'"),
    ],
)
def test_a_wrong_parameter_ends_in_one_line_that_says_what_is_allowed(name, value, says):
    with pytest.raises(ParameterError) as problem:
        Experiment.of(**{name: value})
    assert says in str(problem.value)
    assert name in str(problem.value)
    assert "\n" not in str(problem.value)


def test_what_is_not_given_has_its_default():
    assert Experiment.of(scheme="canal", mtu=None) == Experiment.of(scheme="canal")


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


def test_a_settings_file_gives_parameters_by_name(tmp_path):
    file = tmp_path / "settings.yaml"
    file.write_text("duration: 30\nnic: plain\n")
    assert read_settings(file) == {"duration": 30, "nic": "plain"}
