from cniperf.analysis.overview import overview_table
from cniperf.runs import load_runs


def test_a_row_for_each_suite_and_condition(shelf):
    shelf.add_rounds(hostnetwork=[20.0, 20.0], calico=[15.0, 15.0])
    shelf.add("canal", nic="plain")
    table = overview_table(load_runs(shelf.folder))
    assert table[["suite", "nic", "schemes", "rounds", "runs", "failed"]].to_numpy().tolist() == [
        ["s", "virtio", 2, 2, 4, 0],
        ["", "plain", 1, 1, 1, 1],
    ]


def test_no_runs_are_no_rows(shelf):
    shelf.folder.mkdir()
    assert overview_table(load_runs(shelf.folder)).empty
