"""The report in a browser: nothing on its console, no request that fails, tables that sort."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from made_outcomes import rich, shifted, study

from dann_tfbs.experiments.comparison.compared import compared
from dann_tfbs.experiments.comparison.page import html

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--enable-logging=stderr", "--v=0", "--virtual-time-budget=2000",
    "--dump-dom",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> str:
    for found in filter(None, map(shutil.which, BROWSERS)):
        # A distribution may put a script there that only says where to get the browser.
        if subprocess.run([found, "--version"], capture_output=True, check=False).returncode == 0:
            return found
    pytest.skip(f"no browser is installed: none of {', '.join(BROWSERS)} runs")


@pytest.fixture(scope="module")
def page() -> str:
    effects = {"up": [0.01, 0.02, 0.04], "down": [-0.01, -0.02, 0.0]}
    made = [rich(one, number) for number, one in enumerate(shifted(effects))]
    return html([compared(study(made))])


def loaded(browser: str, page: str, folder: Path) -> tuple[str, list[str]]:
    """Return the page as the browser has built it, and what it wrote on its console."""
    file = folder / "report.html"
    file.write_text(page, encoding="utf-8")
    command = [browser, *FLAGS, f"--user-data-dir={folder / 'profile'}", file.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def test_the_report_loads_without_a_word_on_the_console_and_sorts(
    browser: str, page: str, tmp_path: Path
):
    # The probe clicks on the first head and writes the new order of the rows into the page.
    probe = """<script>
    const table = document.querySelector("table.sortable");
    table.querySelector("th:nth-child(3) button").click();
    table.querySelector("th:nth-child(3) button").click();
    document.body.dataset.order = [...table.tBodies[0].rows].map(
      row => row.cells[0].textContent.trim()).join(";");
    document.body.dataset.wide = document.documentElement.scrollWidth > innerWidth;
    </script></body>"""
    built, console = loaded(browser, page.replace("</body>", probe), tmp_path)
    assert console == []
    assert 'data-order="down;plain (reference);up"' in built
    assert 'data-wide="false"' in built  # tables scroll by themselves, the page does not
    assert built.count("<figure") == page.count("<figure")


@pytest.mark.parametrize(
    ("planted", "complaint"),
    [
        ("<script>missing();</script>", "missing is not defined"),
        ('<img src="nowhere.png" alt="">', "Content Security Policy|Failed to load|ERR_"),
    ],
)
def test_a_planted_error_is_noticed(
    browser: str, page: str, tmp_path: Path, planted: str, complaint: str
):
    _, console = loaded(browser, page.replace("</body>", f"{planted}</body>"), tmp_path)
    assert any(re.search(complaint, line) for line in console), console
