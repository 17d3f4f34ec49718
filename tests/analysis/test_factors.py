import pytest

from cniperf.analysis.factors import cells_table, effects_table, factorial_cells
from cniperf.runs import load_runs

HOST = 20.0


def goodput(cell):
    """A made-up world: what each setting takes is known."""
    lost = 0.0
    if cell["scheme"] == "hostnetwork":
        return HOST * (1 if cell["nic"] == "virtio" else 1.5)
    lost += 0.1
    if cell["scheme"] == "flannel-vxlan":
        lost += 0.2 + 0.4 * (cell["nic"] == "virtio") + 0.1 * cell["udpcsum"]
    lost += 0.05 * (cell["gro"] == "off")
    return HOST * (1 if cell["nic"] == "virtio" else 1.5) * (1 - lost)


@pytest.fixture
def world(shelf):
    for number in range(1, 7):
        for cell in factorial_cells():
            facts = {k: v for k, v in cell.items() if k != "scheme"}
            shelf.add(cell["scheme"], goodput(cell), suite="s", round=number, **facts)
    return shelf


def test_every_combination_is_measured_once_and_hostnetwork_on_every_nic():
    cells = [tuple(sorted(cell.items())) for cell in factorial_cells()]
    assert len(cells) == len(set(cells)) == 16
    count = {name: sum(("scheme", name) in cell for cell in cells)
             for name in ("hostnetwork", "flannel-hostgw", "flannel-vxlan")}  # fmt: skip
    assert count == {"hostnetwork": 4, "flannel-hostgw": 4, "flannel-vxlan": 8}


def test_effects_are_what_the_world_was_made_of(world):
    table = effects_table(load_runs(world.folder)).set_index("factor")["effect"]
    assert table["nic"] == pytest.approx(0.4)
    assert table["udpcsum"] == pytest.approx(0.1)
    assert table["gro"] == pytest.approx(0.05)
    assert table["scheme"] == pytest.approx(0.2 + 0.4 / 2)
    assert effects_table(load_runs(world.folder))["factor"][0] in ("nic", "scheme")


def test_each_combination_loses_against_the_host_with_its_own_nic(world):
    table = cells_table(load_runs(world.folder))
    assert len(table) == 12
    assert table["loss"].iloc[0] == pytest.approx(0.1)
    assert table["loss"].iloc[-1] == pytest.approx(0.85)


def test_no_complete_round_gives_nothing(shelf):
    shelf.add_rounds(hostnetwork=[20.0] * 6, flannel_vxlan=[4.0] * 6)
    runs = load_runs(shelf.folder)
    assert effects_table(runs).empty and cells_table(runs).empty
