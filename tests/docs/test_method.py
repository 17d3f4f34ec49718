"""What docs/method.md says was found is what the data of the project give."""

import re

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from scipy.special import stdtrit

from cniperf.analysis.blocks import laid_out
from cniperf.analysis.loss import sittings
from cniperf.bench import design
from cniperf.runs import load_runs

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


def test_the_precision_of_a_loss_is_that_of_the_reference():
    lines = (ROOT / "docs/method.md").read_text(encoding="utf-8").splitlines()
    start = lines.index("| labs | scatter | 4 | 8 | 20 | 40 | 80 |")
    rows = [line.strip("| ").split(" | ") for line in lines[start + 2 : start + 7]]
    labs = [int(cell) for cell in lines[start].strip("| ").split(" | ")[2:]]
    __, group = next(sittings(load_runs(ROOT / "data/reference")))
    blocks = laid_out(group)
    for scheme, *cells in rows:
        logs = max((each.ours for each in blocks.samples(scheme).values()), key=len)
        scatter = 100 * logs.std(ddof=1) * np.exp(logs.mean())
        widths = [stdtrit(count - 1, 0.975) * scatter / count**0.5 for count in labs]
        told = [float(cell.removeprefix("± ")) for cell in cells]
        assert told == pytest.approx([scatter, *widths], abs=0.051), scheme
