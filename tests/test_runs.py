import gzip
import json
import warnings

import pytest
from iperf3_said import STREAM, part, said

from cniperf.draft import Draft
from cniperf.errors import BadRun, NotAble
from cniperf.runs import COLUMNS, BrokenRunWarning, load_raw, load_runs
from cniperf.timeline import load_intervals


def test_runs_become_one_row_each_oldest_first(shelf):
    shelf.add("hostnetwork", 20.0)
    shelf.add("calico", 15.0)
    runs = load_runs(shelf.folder)
    assert list(runs["scheme"]) == ["hostnetwork", "calico"]
    assert list(runs.columns) == list(COLUMNS)
    assert runs["gbps"].tolist() == [20.0, 15.0]
    assert str(runs["started"].dtype).endswith("UTC]")


def test_a_failed_run_has_a_reason_and_no_figure(shelf):
    shelf.add("canal")
    (row,) = load_runs(shelf.folder).to_dict("records")
    assert row["status"] == "failed" and "`ip link add` failed" in row["error"]
    assert row["gbps"] != row["gbps"]


@pytest.mark.parametrize(
    ("handover", "cache"),
    [([1.5, 1.6], "shared"), ([4.7, 4.6], "apart"), ([1.5, 4.7], "moved"), ([None, None], ""),
     (None, "")],
)  # fmt: skip
def test_a_run_tells_whether_its_cpus_share_a_cache(shelf, handover, cache):
    shelf.add("calico", 1.0, handover=handover)
    assert load_runs(shelf.folder)["cache"].tolist() == [cache]


def test_a_run_of_before_was_clocked_on_no_guest(shelf):
    run = shelf.add("calico", 1.0)
    record = json.loads((run / "run.json").read_text())
    for name in ("meter", "accelerator", "seed"):
        del record["bed"][name]
    del record["params"]["erms"]
    (run / "run.json").write_text(json.dumps(record))
    (row,) = load_runs(shelf.folder).to_dict("records")
    assert (row["meter"], row["accelerator"], row["erms"]) == ("clock", "", False)
    assert row["figure"] == 1.0 and row["seed"] != row["seed"]


def test_the_meter_says_what_the_figure_is(shelf):
    shelf.count("calico", 1.5, seed=4)
    shelf.add("calico", 2.0, bed="vm", meter="instructions", accelerator="tcg", insn_per_byte=1.2)
    counted, guests = load_runs(shelf.folder).to_dict("records")
    assert (counted["figure"], counted["seed"]) == (1.5, 4) and counted["gbps"] != counted["gbps"]
    assert (guests["figure"], guests["gbps"]) == (1.2, 2.0)


def test_a_suite_can_be_picked(shelf):
    shelf.add("calico", 1.0, suite="mine")
    shelf.add("calico", 2.0)
    assert len(load_runs(shelf.folder, suite="mine")) == 1


@pytest.mark.parametrize(
    "text",
    [None, "", "{", "[]", "{}", '{"format": 99}', '{"format": 1}', "\x00\xff", '{"format": 1, "status": "ok"}'],
)  # fmt: skip
def test_a_broken_run_is_named_and_the_good_ones_are_read(shelf, text):
    shelf.add("calico", 15.0)
    broken = shelf.folder / "20260102T030499Z-broken-0000"
    broken.mkdir()
    if text is not None:
        (broken / "run.json").write_bytes(text.encode("latin-1"))
    with pytest.warns(BrokenRunWarning, match="broken-0000"):
        runs = load_runs(shelf.folder)
    assert len(runs) == 1
    assert [folder for folder, _ in runs.attrs["broken"]] == [broken.name]


def test_an_ok_run_without_a_figure_is_broken(shelf):
    run = shelf.add("calico", 15.0)
    record = json.loads((run / "run.json").read_text())
    record["summary"]["gbps"] = None
    (run / "run.json").write_text(json.dumps(record))
    with pytest.warns(BrokenRunWarning, match="no figure"):
        assert load_runs(shelf.folder).empty


def test_what_is_not_a_run_is_passed_over_in_silence(shelf):
    shelf.add("calico", 15.0)
    (shelf.folder / "reference").mkdir()
    (shelf.folder / ".partial-20260102T030499Z-x").mkdir()
    (shelf.folder / "README.md").write_text("words")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(load_runs(shelf.folder)) == 1


def test_a_run_folder_itself_can_be_loaded(shelf):
    assert len(load_runs(shelf.add("calico", 15.0))) == 1


def test_no_folder_is_an_error_and_an_empty_one_is_not(tmp_path):
    with pytest.raises(BadRun, match="there is no folder"):
        load_runs(tmp_path / "nowhere")
    assert load_runs(tmp_path).empty


def test_a_draft_becomes_a_run_only_when_finished(tmp_path):
    with Draft(tmp_path, "calico") as draft:
        draft.write("host-a.sh", "ip link")
        assert not draft.final.exists()
        folder = draft.finish({"status": "failed"})
    assert {file.name for file in folder.iterdir()} == {"host-a.sh", "run.json"}
    assert list(tmp_path.iterdir()) == [folder]


def test_two_runs_of_one_second_never_share_a_name(tmp_path, monkeypatch):
    suffixes = iter(["aaaa", "aaaa", "bbbb"])
    monkeypatch.setattr("cniperf.draft.secrets.token_hex", lambda _: next(suffixes))
    monkeypatch.setattr("cniperf.draft.time.strftime", lambda *_: "20260102T030405Z")
    for _ in range(2):
        with Draft(tmp_path, "calico") as draft:
            draft.finish({})
    assert sorted(folder.name[-4:] for folder in tmp_path.iterdir()) == ["aaaa", "bbbb"]


def test_a_draft_that_is_left_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), Draft(tmp_path, "calico") as draft:
        draft.write("host-a.sh", "ip link")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotAble, match="cannot write to"), Draft(tmp_path / "file", "calico"):
        pass


def test_intervals_say_which_seconds_do_not_count(tmp_path):
    test = {**STREAM["start"]["test_start"], "omit": 1}
    parts = [part(0, 1, 5, omitted=True, retransmits=2), part(0, 1, 7, retransmits=2)]
    made = said(test_start=test, intervals=[{"sum": each} for each in parts])
    (tmp_path / "iperf3-client.json").write_text(json.dumps(made))
    assert load_intervals(tmp_path).to_dict("list") == {
        "second": [1, 2], "seconds": [1, 1], "gbps": [5.0, 7.0], "retransmits": [2, 2],
        "omitted": [True, False],
    }  # fmt: skip


def test_bytes_are_taken_over_the_time_that_they_took(tmp_path):
    # iperf3 3.12: the last omitted interval is gone, the first one that counts has its seconds, too.
    test = {**STREAM["start"]["test_start"], "omit": 1}
    odd = {**part(0, 0.1, 8), "start": 0.101, "seconds": 0.2, "bits_per_second": 4e9}
    parts = [*(part(n / 10, (n + 1) / 10, 8, omitted=True) for n in range(9)), odd,
             *(part(n / 10, (n + 1) / 10, 8) for n in range(1, 10))]  # fmt: skip
    made = said(test_start=test, intervals=[{"sum": each} for each in parts])
    (tmp_path / "iperf3-client.json").write_text(json.dumps(made))
    table = load_intervals(tmp_path)
    assert table["gbps"].to_numpy() == pytest.approx(8) and table["seconds"].sum() == pytest.approx(
        1.9
    )
    assert table["second"].tolist() == [n / 10 for n in range(1, 21) if n != 10]


def test_before_3_12_intervals_of_both_ways_have_one_name(tmp_path):
    both = {"sum": part(0, 1, 5), "sum_bidir_reverse": part(0, 1, 2, sender=False)}
    text = json.dumps(said(version="iperf 3.9", intervals=[both])).replace("_bidir_reverse", "")
    (tmp_path / "iperf3-client.json").write_text(text)
    assert load_intervals(tmp_path)["gbps"].tolist() == [7]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"error": "no"}', json.dumps(STREAM)[:99]])
def test_intervals_of_a_load_that_failed_are_none(tmp_path, text):
    (tmp_path / "iperf3-client.json").write_text(text)
    with pytest.raises(BadRun, match="iperf3 client") as problem:
        load_intervals(tmp_path)
    assert "\n" not in str(problem.value)


def test_what_a_generator_said_may_be_gzipped(shelf):
    run = shelf.add("calico", 15.0)
    text = json.dumps(said(intervals=[{"sum": part(n, n + 1, 15)} for n in range(3)]))
    (run / "iperf3-client.json").write_text(text)
    plain = load_intervals(run)
    (run / "iperf3-client.json").unlink()
    (run / "iperf3-client.json.gz").write_bytes(gzip.compress(text.encode()))
    assert load_raw(run) == {"iperf3-client.json": text}
    assert load_intervals(run).equals(plain) and len(plain) == 3
