"""A real browser for the tests: Chromium, without errands of its own."""

import shutil
from contextlib import contextmanager

from conftest import ROOT, cannot_here

SCREENSHOTS = ROOT / "reports/screenshots"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# A browser's own errands would leave the machine.
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync"]  # fmt: skip


@contextmanager
def browser():
    """Yield a browser; where there is none the test cannot run."""
    if CHROMIUM is None:
        cannot_here("there is no chromium: apt install chromium")
    from playwright.sync_api import sync_playwright

    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as play:
        found = play.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield found
        found.close()
