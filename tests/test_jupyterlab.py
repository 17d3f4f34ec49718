"""JupyterLab as a reader has it: a real server, a real kernel, a real browser."""

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from browser import SCREENSHOTS, browser
from conftest import ROOT

pytestmark = [pytest.mark.notebook, pytest.mark.timeout(240)]

# All cells are kept in the page, so that the browser finds what is not on the screen.
WHOLE = ("@jupyterlab/notebook-extension/tracker.jupyterlab-settings", '{"windowingMode": "none"}')


@contextmanager
def jupyterlab(folder):
    """Serve a folder on loopback, at a free port; yield the address with its token."""
    runtime = folder.parent / "runtime"
    settings = runtime / "s" / WHOLE[0]
    settings.parent.mkdir(parents=True)
    settings.write_text(WHOLE[1])
    command = [Path(sys.executable).with_name("jupyter"), "lab", "--no-browser", "--ServerApp.port=0",
               "--LabApp.extension_manager=readonly", *(["--allow-root"] if os.geteuid() == 0 else [])]  # fmt: skip
    server = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=os.environ | {"JUPYTER_RUNTIME_DIR": str(runtime), "JUPYTERLAB_WORKSPACES_DIR": str(runtime / "w"),
                          "JUPYTERLAB_SETTINGS_DIR": str(runtime / "s")},
    )  # fmt: skip
    try:
        yield _address(runtime, server)
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _address(runtime, server):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        for file in runtime.glob(f"jpserver-{server.pid}.json"):
            found = json.loads(file.read_text() or "{}")
            if found.get("port"):
                return f"http://127.0.0.1:{found['port']}/lab/tree/explore.ipynb?token={found['token']}"
        time.sleep(0.1)
    raise AssertionError("JupyterLab did not start")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """explore.ipynb in JupyterLab, every cell run; `page.failed` lists what the browser missed."""
    home = tmp_path_factory.mktemp("lab")
    shutil.copytree(ROOT / "notebooks", home / "notebooks", ignore=shutil.ignore_patterns(".*"))
    (home / "data").mkdir()
    (home / "data/reference").symlink_to(ROOT / "data/reference")
    with jupyterlab(home / "notebooks") as address, browser() as chromium:
        page = chromium.new_page(viewport={"width": 1300, "height": 1000})
        page.failed, page.file = [], home / "notebooks/explore.ipynb"
        page.on("requestfailed", lambda asked: page.failed.append(f"{asked.url}: {asked.failure}"))
        page.on(
            "response",
            lambda answer: answer.ok or page.failed.append(f"{answer.url}: {answer.status}"),
        )
        page.on("pageerror", lambda problem: page.failed.append(str(problem)))
        page.goto(address)
        page.wait_for_selector("text=Python 3 (ipykernel) | Idle", timeout=60_000)
        menu(page, "Run", "Run All Cells")
        page.wait_for_function(ALL_DONE, timeout=120_000)
        yield page


ALL_DONE = """() => {
    const prompts = [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')];
    return prompts.length > 5 && prompts.every(each => /\\[\\d+\\]/.test(each.textContent));
}"""


def menu(page, *words):
    """Choose from the menus."""
    page.click(f".lm-MenuBar-itemLabel:text-is('{words[0]}')")
    for word in words[1:]:
        page.click(f".lm-Menu-itemLabel:text-is('{word}')")


def output(page, code):
    """Return what the cell with this code shows."""
    return page.locator(".jp-CodeCell", has_text=code).locator(".jp-Cell-outputWrapper")


def shot(page, name, code):
    """Keep a picture of a cell."""
    cell = output(page, code)
    cell.scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    cell.screenshot(path=SCREENSHOTS / f"{name}.png")


SHOTS = {
    "overview": "overview_table(runs)", "picker": "widgets.Picker(runs)", "loss": "charts.loss",
    "noise": "sections.noise", "trade-off": "charts.trade_off", "choice": "sections.choice",
    "run": "charts.timeline", "sweep": "charts.sweep", "comparison": "charts.comparison",
}  # fmt: skip


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_all_cells_run_and_show_something_in_each_theme(page, theme):
    menu(page, "Settings", "Theme", theme)
    page.wait_for_function(f"document.body.dataset.jpThemeName === '{theme}'")
    page.screenshot(path=SCREENSHOTS / f"{theme.split()[-1].lower()}.png")
    for name, code in SHOTS.items():
        shot(page, f"{theme.split()[-1].lower()}-{name}", code)
        assert output(page, code).locator("img, svg, table, input, code").count(), name
    assert not page.locator(
        ".jp-RenderedText[data-mime-type*=error], .jp-RenderedText[data-mime-type*=stderr]"
    ).count()


def test_the_saved_notebook_has_every_cell_run_without_an_error(page):
    page.keyboard.press("Control+s")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        cells = [c for c in json.loads(page.file.read_text())["cells"] if c["cell_type"] == "code"]
        if all(cell["execution_count"] for cell in cells):
            break
        time.sleep(0.2)
    assert all(cell["execution_count"] for cell in cells)
    kinds = {out["output_type"] for cell in cells for out in cell["outputs"]}
    assert kinds <= {"display_data", "execute_result"}


def test_what_follows_a_box_changes_with_it(page):
    shown = output(page, "picker.live(sections.answer")
    assert "macvlan" in shown.inner_text()
    box = output(page, "picker = widgets.Picker(runs)").get_by_label("macvlan", exact=True)
    box.uncheck()
    page.wait_for_function(
        "code => document.body.innerText.includes(code)", arg="scheme not in ['macvlan']"
    )
    shown.get_by_text("macvlan loses").wait_for(state="detached")
    assert "macvlan" not in shown.inner_text() and "calico" in shown.inner_text()
    box.check()
    shown.get_by_text("macvlan").first.wait_for()


def test_another_need_is_another_choice(page):
    shown = output(page, "sections.choice")
    assert "canal" in shown.locator("p b").inner_text()
    output(page, "allows = ipywidgets.Dropdown").get_by_label("allows").select_option("pods' MACs")
    output(page, "allows = ipywidgets.Dropdown").get_by_label("policy on the host").uncheck()
    shown.locator("p b", has_text="macvlan").wait_for()


@pytest.mark.lab
def test_the_button_measures_and_shows_what_came_out(page):
    cell = output(page, "Starter(")
    cell.get_by_label("rounds", exact=True).fill("1")
    page.keyboard.press("Tab")
    cell.get_by_text("rounds=1").wait_for()
    cell.get_by_role("button", name="Measure").click()
    cell.locator(".progress-bar-success").wait_for(timeout=60_000)
    cell.locator("table").first.wait_for()
    assert "Gbit/s" in cell.inner_text()
    for theme in ("Light", "Dark"):
        menu(page, "Settings", "Theme", f"JupyterLab {theme}")
        shot(page, f"{theme.lower()}-starter", "Starter(")
    (run,) = (page.file.parent.parent / "data").glob("2*-macvlan-*")
    assert (run / "run.json").exists()


def test_nothing_was_missed_and_no_news_pops_up(page):
    assert page.failed == []
    assert page.locator(".Toastify__toast, .jp-Dialog").count() == 0
