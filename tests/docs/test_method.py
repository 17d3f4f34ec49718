"""What docs/method.md says was found is what data/design/labs.csv gives."""

import re

import pandas as pd
from conftest import ROOT

from cniperf.bench import design

FOUND = r"(−?[\d.]+) \((−?[\d.]+) to (−?[\d.]+)\)"


def figures(line):
    for found in re.findall(FOUND, line):
        yield tuple(float(text.replace("−", "-")) for text in found)


def test_the_design_found_what_the_page_says():
    table = design.summary(pd.read_csv(ROOT / "data/design/labs.csv"))
    lines = (ROOT / "docs/method.md").read_text(encoding="utf-8").splitlines()
    told = [found for line in lines if line.startswith("| ") for found in figures(line)]
    for row in table.itertuples():
        places = 2 if "itself" in row.trial or "stopped" in row.trial or "wire" in row.trial else 1
        found = tuple(round(value, places) + 0.0 for value in (row.loss, row.low, row.high))
        assert any(
            all(abs(a - b) < 0.51 * 10**-places for a, b in zip(found, each, strict=True))
            for each in told
        ), (row.trial, found)
    known = table[
        table["expected"].notna() & table["within"].notna() & ~table["trial"].str.contains("slices")
    ]
    assert ((known["loss"] - known["expected"]).abs() <= known["within"]).all()
