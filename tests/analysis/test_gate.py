import pandas as pd
import pytest
from conftest import Shelf

from cniperf.analysis.compare import compare, pair_up
from cniperf.analysis.gate import sentence, versions
from cniperf.errors import Unlike
from cniperf.runs import load_runs


def made(folder, calico=1.4, seeds=(1,), **changes):
    shelf = Shelf(folder)
    for seed in seeds:
        shelf.count("hostnetwork", 1.0 + 0.01 * seed, seed, **changes)
        shelf.count("calico", calico * (1 + 0.01 * seed), seed, **changes)
    return load_runs(folder)


@pytest.mark.parametrize(
    ("more", "verdict"),
    [(0.0, "same"), (0.029, "same"), (0.031, "worse"), (-0.029, "same"), (-0.031, "better")],
)
def test_a_count_is_the_same_within_3_percent_and_one_seed_is_enough(tmp_path, more, verdict):
    before, after = made(tmp_path / "a"), made(tmp_path / "b", calico=1.4 * (1 + more))
    table = compare(before, after)
    assert table["verdict"].to_dict() == {"hostnetwork": "same", "calico": verdict}
    assert table.loc["calico", "change"] == pytest.approx(more)
    assert sentence(table.loc["calico"]).startswith(f"{verdict}: 1.414 → ")
    assert "instructions/B" in sentence(table.loc["calico"])


def test_how_much_is_the_same_can_be_said(tmp_path):
    before, after = made(tmp_path / "a"), made(tmp_path / "b", calico=1.414)
    table = compare(before, after, within=0.005)
    assert table.loc["calico", "verdict"] == "worse"
    assert sentence(table.loc["calico"]).endswith("(+1.0 %; up to 0.5 % is the same)")


def test_medians_of_the_seeds_are_compared_whichever_seeds_they_are(tmp_path):
    before, after = made(tmp_path / "a", seeds=(1, 2, 9)), made(tmp_path / "b", seeds=(3,))
    row = compare(before, after).loc["hostnetwork"]
    assert (row["before"], row["after"], row["verdict"]) == (1.02, 1.03, "same")


def test_one_seed_that_went_astray_gives_no_alarm(tmp_path):
    astray = made(tmp_path / "astray", seeds=(2,), calico=2.0)
    before = pd.concat([made(tmp_path / "a", seeds=(1, 3)), astray], ignore_index=True)
    after = made(tmp_path / "b", seeds=(1,))
    assert compare(before, after).loc["calico", "verdict"] == "same"


def test_several_seeds_tell_how_far_any_lies_from_any(tmp_path):
    before = made(tmp_path / "a", seeds=(1, 2, 3))
    after = made(tmp_path / "b", seeds=(1, 2, 3), calico=1.5)
    assert "(+7.1 %, seeds +5.1 % to +9.3 %; up to 3 % is the same)" in sentence(
        compare(before, after).loc["calico"]
    )


def test_a_scheme_of_one_set_only_is_missing(tmp_path):
    before, after = made(tmp_path / "a"), made(tmp_path / "b")
    table = compare(before, after[after["scheme"].ne("calico")])
    assert table["verdict"].to_dict() == {"hostnetwork": "same", "calico": "missing"}
    assert sentence(table.loc["calico"]) == "missing: it is not in both sets"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"kernel": "6.1.1"}, "kernel 6.1.0 and 6.1.1"),
        ({"qemu": "8.0"}, "qemu 7.2 and 8.0"),
        ({"iperf3": "3.16"}, "iperf3 3.12 and 3.16"),
        ({"openvswitch": "3.3"}, "openvswitch 3.1 and 3.3"),
        ({"kernel": "6.1.1", "qemu": "8.0"}, "kernel 6.1.0 and 6.1.1; qemu 7.2 and 8.0"),
    ],
)
def test_other_versions_are_refused_by_name_with_what_to_do(tmp_path, changes, says):
    before, after = made(tmp_path / "a"), made(tmp_path / "b", **changes)
    with pytest.raises(Unlike) as caught:
        pair_up(before, after)
    assert f"differ in {says}, and" in str(caught.value)
    assert "measure the baseline again, or compare with --anyway" in str(caught.value)
    ((_, one, other),) = pair_up(before, after, anyway=True)
    assert set(compare(one, other)["verdict"]) == {"same"}


def test_a_set_of_two_versions_is_told_with_both(tmp_path):
    made(tmp_path / "a")
    for folder in (tmp_path / "a").iterdir():
        folder.rename(folder.with_name(f"{folder.name}-old"))
    mixed = made(tmp_path / "a", qemu="8.0")
    assert versions(mixed)["qemu"] == "7.2, 8.0"


def test_other_knobs_are_other_conditions(tmp_path):
    with pytest.raises(Unlike, match="erms False and True"):
        pair_up(made(tmp_path / "a"), made(tmp_path / "b", erms=True))
