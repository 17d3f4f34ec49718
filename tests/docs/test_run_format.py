"""Every key, column and file of a run is explained in the book."""

import json
import re
from dataclasses import fields

from book import chapter, spans
from conftest import ROOT

from cniperf.archive import shelf
from cniperf.runs import COLUMNS
from cniperf.suites import Suite

# Objects whose keys are names of devices, hosts or tools.
BY_NAME = ("bed.cpus", "bed.offloads", "bed.bridge_netfilter", "environment.versions",
           "environment.sysctl", "macs", "pods")  # fmt: skip
SOME_RUNS = {"error", *(f"summary.{name}" for name in
             ("p50", "p90", "p99", "p999", "pair_figures", "jain", "search"))}  # fmt: skip

# Keys that runs in guests add; the made-up runs of tests/conftest.py have them.
BY_GUESTS = {"params.erms", "bed.meter", "bed.accelerator", "bed.seed", "summary.insn_per_byte",
             "summary.insn_per_byte_a", "summary.insn_per_byte_b"}  # fmt: skip

# Keys that came after data/reference was measured; tests/beds/test_quota.py sees that they are there.
SINCE = {
    "params.ip",
    "params.label",
    "params.config",
    "params.cni_bin_dir",
    "bed.one_core",
    "bed.quota",
    "bed.rootless",
    "bed.steered",
    "summary.throttled",
    "summary.throttled_periods",
}

# Keys of the interleaved design; tests/measure/test_turns.py sees that they are there.
IN_TURNS = {"bed.bare_nic", "bed.idle_restart", "params.design", "params.slice", "summary.base",
            "summary.log_ratio", "summary.blocks", "summary.base_cpu_per_gb_a",
            "summary.base_cpu_per_gb_b"}  # fmt: skip

# Keys that bed ssh adds; tests/beds/ssh/test_bed.py sees that they are there.
BY_SSH = {"bed.machines", "bed.nics", "bed.grace", "environment.hosts", "params.between",
          "params.allow_shared_nic", "params.grace"}  # fmt: skip


# Keys that bed k8s adds; tests/cluster/test_bed.py sees that they are there.
BY_K8S = {
    *(f"params.{name}" for name in
      ("nodes", "unlike_nodes", "context", "image", "network", "namespace_prefix")),
    *(f"bed.{name}" for name in
      ("cluster", "nodes", "image", "same_node", "without_base")),
}  # fmt: skip


def keys(record, before=""):
    for key, value in record.items():
        yield before + key
        inner = value[0] if isinstance(value, list) and value else value
        if isinstance(inner, dict) and before + key not in BY_NAME:
            yield from keys(inner, f"{before}{key}.")


def real(name):
    return {
        key
        for file in shelf(ROOT / "data/reference").glob(f"*/{name}")
        for key in keys(json.loads(file.read_text()))
    }


def test_every_key_of_a_run_is_explained_and_no_other():
    told = spans(chapter("run-format.md", "run.json"))
    found = real("run.json")
    assert found - told == set()
    dotted = {
        word for word in told if re.fullmatch(r"(params|scheme|bed|environment|summary)\.\w+", word)
    }
    assert dotted - found <= SOME_RUNS | SINCE | IN_TURNS | BY_SSH | BY_GUESTS | BY_K8S


def test_every_key_of_the_evidence_is_explained():
    assert real("evidence.json") - spans(chapter("run-format.md", "evidence.json")) == set()


def test_every_key_of_a_suite_is_explained():
    told = spans(chapter("run-format.md", "suites/NAME.json"))
    assert {"format", *(each.name for each in fields(Suite))} - told == set()


def test_every_column_is_explained():
    assert set(COLUMNS) - spans(chapter("run-format.md", "The table")) == set()


def test_every_file_of_a_run_is_explained():
    told = spans(chapter("run-format.md", "Files"))
    names = {file.name for file in shelf(ROOT / "data/reference").glob("2*/*")}
    assert {name.removesuffix(".gz") for name in names} <= told
