"""Real outputs of three generations, whole and damaged: a figure that is right, or one line.

``said/`` has what the programs of Debian 11, 12 and 13 left of loads of a second over a loopback,
without what names the machine.
"""

import re
from pathlib import Path

import pytest

from cniperf.errors import MeasurementFailed
from cniperf.generators import Job, all_generators
from cniperf.params import Experiment

SAID = Path(__file__).parent / "said"
TIMES = 12  # each output is damaged so often in each way

# Goodput in Gbit/s and retransmits; of datagrams those that arrived a second, and the share lost.
RIGHT = {
    "iperf3-3.9-two": (12.0075, 2),  # 1,562,771,350 bytes in 1.041231 s
    "iperf3-3.9-reverse": (15.5332, 4),
    "iperf3-3.9-both": (14.9106, 0),  # 7.6518 there, 907,214,689 bytes in 0.999859 s back
    "iperf3-3.9-datagrams": (50749.5, 54964 / 108105),
    "iperf3-3.12-two": (11.7659, 0),
    "iperf3-3.12-reverse": (12.9800, 14),
    "iperf3-3.12-both": (9.9470, 25),
    "iperf3-3.12-datagrams": (21819.8, 21992 / 43811),
    "iperf3-3.18-two": (15.5675, 0),
    "iperf3-3.18-reverse": (10.5177, 0),
    "iperf3-3.18-both": (13.6964, 0),
    "iperf3-3.18-datagrams": (66702.1, 52640 / 119593),
    "iperf-2.0.14a-two": (49.1547, 0),
    "iperf-2.1.8-two": (10.7113, 25),  # 5 + 9 + 8 + 3; its [SUM] lines say the same again
    "iperf-2.2.1-two": (9.9822, 17),
}


@pytest.fixture
def read(tmp_path):
    """Read what two ends said as a name of ``RIGHT`` has it; return its pair of figures."""

    def pair(name, client, server):
        generator, _, shape = name.split("-")
        asked = Experiment.of(
            generator=generator,
            mode="udp" if shape == "datagrams" else "stream",
            direction={"both": "both", "reverse": "reverse"}.get(shape, "forward"),
            streams=2 if shape == "two" else 1,
        )
        seconds, omit = (2, 0) if generator == "iperf" else (1, 1)
        job = Job(
            traffic=asked.traffic, address="", port=1, folder=tmp_path, seconds=seconds, omit=omit
        )
        for end, text in (("client", client), ("server", server)):
            job.file(end).write_text(text, encoding="utf-8", errors="surrogateescape")
        found = all_generators()[generator].read(job)
        return (found.per_second, found.lost) if found.lost is not None else (found.gbps, found.retransmits)  # fmt: skip

    return pair


def said(name):
    files = [next(iter(SAID.glob(f"{name}-{end}.*")), None) for end in ("client", "server")]
    return [file.read_text() if file else "" for file in files]


@pytest.mark.parametrize("name", RIGHT)
def test_what_each_generation_left_is_read_right(read, name):
    assert read(name, *said(name)) == pytest.approx(RIGHT[name], rel=1e-4)


# ── damage ────────────────────────────────────────────────────────────────────────────────────


def cut(text, dice):
    return text[: dice.randrange(len(text))]


def hole(text, dice):
    begin, length = dice.randrange(len(text)), dice.choice([1, 3, 20, 300])
    return text[:begin] + text[begin + length :]


def twice(text, dice):
    lines = text.splitlines(keepends=True)
    place = dice.randrange(len(lines))
    return "".join([*lines[: place + 1], *lines[place:]])


def swapped(text, dice):
    lines = text.splitlines(keepends=True)
    one, other = dice.randrange(len(lines)), dice.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return "".join(lines)


def number(text, dice):
    found = dice.choice(list(re.finditer(r"-?\d+(\.\d+)?", text)))
    odd = ["NaN", "-nan", "inf", "-1", "0", "1e400", "9" * 400, "true", "null", '"7"', "",
           found[0] * 2, found[0][:-1], f"-{found[0]}", found[0].replace(".", ",")]  # fmt: skip
    return text[: found.start()] + dice.choice(odd) + text[found.end() :]


def scaled(text, dice):
    found = dice.choice(list(re.finditer(r"\d+(\.\d+)?", text)))
    value = float(found[0]) * dice.choice([0.5, 2, 10, 1000])
    return text[: found.start()] + f"{value:.10g}" + text[found.end() :]


def noise(text, dice):
    place = dice.randrange(len(text))
    odd = [
        "\0",
        "\udcff",
        "{",
        "}",
        "[",
        '"',
        ",",
        "\n",
        "{" * 3000,
        "[" * 60_000,
        "é",
        "warning: ",
    ]
    return text[:place] + dice.choice(odd) + text[place:]


def name_gone(text, dice):
    found = dice.choice(list(re.finditer(r'"\w+":|\[ *\d\]|,', text)))
    return text[: found.start()] + found[0].replace(found[0][1:3], "zz", 1) + text[found.end() :]


def commas(text, dice):
    return re.sub(r"(\d)\.(\d)", r"\1,\2", text)


def around(text, dice):
    words = ["warning: {odd}\n", "\n\n", "\ufeff", "iperf3: the server is busy {\n", "x"]
    return dice.choice(words) + text + dice.choice(words)


def mixed(text, dice):
    other = dice.choice([file.read_text() for file in sorted(SAID.iterdir())])
    return text[: dice.randrange(len(text))] + other[dice.randrange(len(other)) :]


def joined(text, dice):
    return text + dice.choice([file.read_text() for file in sorted(SAID.iterdir())])


DAMAGE = [
    cut,
    hole,
    twice,
    swapped,
    number,
    scaled,
    noise,
    name_gone,
    commas,
    around,
    mixed,
    joined,
]


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda each: each.__name__)
def test_what_is_damaged_gives_the_right_figure_or_one_line(read, damage, trials):
    dice = trials.dice(damage.__name__)
    refused = 0
    for name, right in RIGHT.items():
        whole = said(name)
        for time in trials.of(TIMES) if damage is not commas else [0]:
            ends = list(whole)
            end = time % 2 if whole[1] else 0
            ends[end] = damage(whole[end], dice)
            try:
                found = read(name, *ends)
            except MeasurementFailed as problem:
                refused += 1
                assert "\n" not in str(problem) and 10 < len(str(problem)) < 500
                continue
            # Of two that were mixed the other may be the one that is whole.
            alike = [
                RIGHT[other] for other in RIGHT if other.split("-")[::2] == name.split("-")[::2]
            ]
            assert any(is_right(found, each) for each in (alike if damage is mixed else [right])), (
                name, end, found, ends[end],
            )  # fmt: skip
    assert refused or damage is around


def is_right(found, right):
    """Within what two witnesses may differ by; of the second figure nothing may be made up."""
    (figure, other), (wanted, second) = found, right
    near = abs(figure / wanted - 1) <= 0.1
    if isinstance(second, float):
        return near and abs(other - second) <= 0.1
    return near and (other is None or other == second)
