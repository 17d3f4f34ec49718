"""Damage done to real runs, suites, settings and hosts files, for tests of what reads them."""

import json
import os
import shutil
from pathlib import Path

from conftest import ROOT

from cniperf.archive import shelf

REFERENCE = shelf(ROOT / "data/reference")
DEEP = "[" * 3000 + "]" * 3000
LONG = "x" * 20_000
VALUES = [
    None, True, False, 0, -1, 1, 2**40, 10**400, 0.0, -0.0, 1e-320, 1e308, -5.5, float("nan"),
    float("inf"), "", "0", "nan", "ok", "failed", LONG, "a\nb", "a\u2028b", "\x1b[31m", "\ud800",
    "../../x", "<b>&", "2026-02-31", "9999-12-31T23:59:59+00:00", "0001-01-01", [], [[]], [1, "a"],
    ["x"], [None], [1.0, 2.0], {}, {"a": None}, {"a": {"b": []}}, "DEEP", 3.5, "macvlan", "iperf3",
]  # fmt: skip
FOREIGN = ("data_dir", "suite", "rounds", "first_round", "scheme", "params", "of_tomorrow", "")
LIES = ("gbps", "base", "log_ratio", "p50", "p99")
WORDS = ["off", "no", "~", "", "0", "-1", "1.5", "1e400", "true", "[1, 2]", "{a: b}", "!!int x",
         "2026-01-01", "1:30", "!!python/object/apply:os.system [ls]", "&a [*a]", '"a\\nb"', LONG,
         "[" * 3000, "'", "0-99999999999", "5-3", "*x", "\x1b", "!!binary x", "? [a]"]  # fmt: skip


def shelf_of_reference(folder: Path) -> Path:
    """Copy a round of a suite, and one of transactions, with their suites' files."""
    suites = sorted(file.stem for file in (REFERENCE / "suites").glob("*.json"))
    (folder / "suites").mkdir(parents=True)
    for name in (suites[0], suites[3]):
        shutil.copy(REFERENCE / f"suites/{name}.json", folder / "suites")
    taken = {
        (scheme, mode): 2 if scheme == "hostnetwork" else 1
        for scheme in ("hostnetwork", "calico", "flannel-vxlan")
        for mode in ("stream", "rr")
    }
    for run in sorted(REFERENCE.glob("2*")):
        record = json.loads((run / "run.json").read_text())
        what = record["scheme"]["name"], record["params"]["mode"]
        if record["suite"] in (suites[0], suites[3]) and taken.get(what):
            taken[what] -= 1
            shutil.copytree(run, folder / run.name)
    return folder


def places(value, path=()):
    """Every place in a piece of JSON."""
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, each in inner:
        yield (*path, key)
        yield from places(each, (*path, key))


def damaged_json(text, dice):
    """A JSON file with one thing wrong in it, as bytes."""
    kind = dice.randrange(10)
    if kind == 0:
        return text.encode()[: dice.randrange(len(text))]
    if kind == 1:
        raw = bytearray(text.encode())
        raw[dice.randrange(len(raw))] = dice.randrange(256)
        return bytes(raw)
    whole = json.loads(text)
    where = dice.choice(list(places(whole)))
    if kind == 2:
        key = json.dumps(where[0])
        return text.replace(
            f"{key}:", f"{key}: {json.dumps(dice.choice(VALUES))}, {key}:", 1
        ).encode()
    inner = whole
    for key in where[:-1]:
        inner = inner[key]
    if kind == 3:
        del inner[where[-1]]
    elif kind == 4:
        lie(whole, dice)
    elif kind == 5 and isinstance(inner, dict):
        inner[dice.choice(FOREIGN)] = dice.choice(VALUES)
    else:
        inner[where[-1]] = dice.choice(VALUES)
    return json.dumps(whole).replace('"DEEP"', DEEP).encode()


def lie(record, dice):
    """Make a figure of a record another plausible one; a file without figures stays as it is."""
    summary = record.get("summary") if isinstance(record, dict) else None
    told = [name for name, value in (summary or {}).items() if name in LIES and value]
    if told:
        summary[dice.choice(told)] *= dice.choice([-1, 0.3, 3, 1e-9, 1e12])


def damaged_lines(text, dice):
    """A file of lines with one thing wrong in it, as bytes."""
    lines = text.splitlines()
    at = dice.randrange(len(lines))
    lines[at] = dice.choice([
        lambda: lines[at].partition(":")[0] + ": " + dice.choice(WORDS),
        lambda: dice.choice(WORDS), lambda: lines[at] + "\n" + lines[at], lambda: "",
        lambda: lines[at][: dice.randrange(len(lines[at]) + 1)],
        lambda: lines[at].replace(",", f",{dice.choice(WORDS)}", 1),
        lambda: dice.choice(["cls: 1", "self: 1", "? [a]\n: b", "<<: 5", "null: 5", "- a"]),
    ])()  # fmt: skip
    whole = "\n".join(lines).encode()
    return whole + dice.choice([b"", b"", b"", b"\xff", b"\x00"])


def ssh_config(home: Path, content: bytes) -> None:
    """Leave a ~/.ssh/config in a home."""
    (home / ".ssh").mkdir(mode=0o700, exist_ok=True)
    (home / ".ssh/config").write_bytes(content)


def not_a_file(file: Path, dice) -> None:
    """Put something in the place of a file that is none."""
    file.unlink(missing_ok=True)
    dice.choice([
        lambda: os.mkfifo(file), lambda: file.mkdir(), lambda: file.symlink_to(file.name),
        lambda: file.symlink_to("/dev/zero"), lambda: file.symlink_to("nowhere"),
        lambda: file.write_bytes(b""), lambda: file.symlink_to("/dev/full"),
    ])()  # fmt: skip


def restored(file: Path, content: bytes) -> None:
    """Put a file back."""
    if file.is_dir() and not file.is_symlink():
        file.rmdir()
    else:
        file.unlink(missing_ok=True)
    file.write_bytes(content)
