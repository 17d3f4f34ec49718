"""The options of the verbs that measure are the parameters of an experiment."""

import inspect
import re
from typing import Literal, get_args, get_origin

import pytest
from typer.main import get_command

from cniperf.cli import measure
from cniperf.cli.options import PANELS, PARAMETERS, _option
from cniperf.cli.verbs import app
from cniperf.params import Experiment

# What a verb has in a form of its own, or a suite sets itself.
ELSEWHERE = {"scheme", "rounds", "suite", "first_round"}


def test_every_parameter_is_an_option_and_the_other_way_round():
    assert set(PARAMETERS) - {"settings"} == set(Experiment.model_fields) - ELSEWHERE


@pytest.mark.parametrize("verb", ["run", "suite", "sweep"])
def test_each_verb_that_measures_takes_them_all(verb):
    assert set(PARAMETERS) <= set(inspect.signature(getattr(measure, verb)).parameters)


def option(name):
    """An option's type and what its help says."""
    kind, info = get_args(_option(PARAMETERS[name]))
    return kind, info


def words(annotation):
    """The words that an annotation allows; none where it allows others, too."""
    if get_origin(annotation) is Literal:
        return {str(each) for each in get_args(annotation)} - {""}
    return {word for each in get_args(annotation) for word in words(each)}


def test_an_option_has_the_choices_of_its_parameter():
    checked = {name for name, field in Experiment.model_fields.items() if words(field.annotation)}
    assert {"bed", "nic", "mode", "direction", "gro", "design"} <= checked
    for name in checked:
        assert words(option(name)[0]) == words(Experiment.model_fields[name].annotation), name


@pytest.mark.parametrize("name", sorted(set(PARAMETERS) - {"settings"}))
def test_an_option_shows_the_default_of_its_parameter(name):
    help_text = option(name)[1].help
    found = re.search(r"\((?:default: (.+)|no default)\)$", help_text)
    assert found, help_text
    default = Experiment.model_fields[name].default
    if isinstance(default, bool):
        assert found[1] == ("yes" if default else "no")
    elif default not in (None, "", 0) and name not in (
        "duration",
        "omit",
    ):  # these differ by design
        assert re.match(rf"{re.escape(str(default))}\b", found[1])


@pytest.mark.parametrize("verb", ["run", "suite", "sweep"])
def test_options_stand_in_panels_and_a_panel_in_one_place(verb):
    panels = [each.rich_help_panel for each in get_command(app).commands[verb].params]
    order = [
        panel for panel, after in zip(panels, [*panels[1:], ""], strict=True) if panel != after
    ]
    assert order == [None, *PANELS]
    assert panels.count(None) <= 5


def test_what_stands_below_the_first_paragraph_of_a_help_is_not_broken_at_80_columns():
    def commands(group):
        for each in group.commands.values():
            yield from commands(each) if hasattr(each, "commands") else [each]

    for command in commands(get_command(app)):
        for line in inspect.cleandoc(command.help).split("\n\n", 1)[-1].splitlines():
            assert len(line) <= 78 or "\n\n" not in command.help, (command.name, line)
