"""The options of the verbs that measure are the parameters of an experiment."""

import inspect

import pytest

from cniperf.cli import measure
from cniperf.cli.options import PARAMETERS
from cniperf.params import Experiment

# What a verb has in a form of its own, or a suite sets itself.
ELSEWHERE = {"scheme", "rounds", "suite", "first_round"}


def test_every_parameter_is_an_option_and_the_other_way_round():
    assert set(PARAMETERS) - {"settings"} == set(Experiment.model_fields) - ELSEWHERE


@pytest.mark.parametrize("verb", ["run", "suite", "sweep"])
def test_each_verb_that_measures_takes_them_all(verb):
    assert set(PARAMETERS) <= set(inspect.signature(getattr(measure, verb)).parameters)
