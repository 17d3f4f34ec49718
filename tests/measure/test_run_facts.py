"""What a run takes down of its bed is held to what its reader takes, before the load."""

import pytest
from conftest import RECORD

from cniperf.errors import NotAble
from cniperf.measure.run import _Round
from cniperf.params import Experiment


@pytest.mark.parametrize(
    ("facts", "said"),
    [({"environment": RECORD["environment"] | {"cpu": "a\x1b[31m"}}, "this environment: cpu is"),
     ({"environment": RECORD["environment"] | {"kernel": "6" * 2000}}, "this environment: kernel is"),
     ({"bed": {"bed": "lab", "cpus": {"a": [-1]}}}, "this bed: cpus.a.0 is -1")],
)  # fmt: skip
def test_facts_that_no_run_could_say_are_refused_before_the_load(tmp_path, facts, said):
    asked = _Round(Experiment.of(data_dir=tmp_path), 1, lambda moment: None)
    asked.note(environment=RECORD["environment"], bed=RECORD["bed"])
    with pytest.raises(NotAble, match=said) as told:
        asked.note(**facts)
    assert str(told.value).isprintable()
