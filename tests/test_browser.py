"""The link a sweep prints, opened in a real browser: all runs are there, and the chart of gradients by layer."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import synthetic

from workbench.experiment.sweep import Sweep
from workbench.plugins.tracking._present import run_page
from workbench.plugins.tracking._recorder import REMEMBERED
from workbench.ui import HOST, PORT, server

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
CHROMEDRIVER = shutil.which("chromedriver")
ARTIFACTS = Path(os.environ.get("CI_ARTIFACTS", "runs/test-artifacts"))
SWITCHES = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--window-size=1800,1500"),
    # Nothing but the page we ask for: no updates, no first-run pages, no look-ups of the browser's maker.
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"),
)
# MLflow opens its assistant on a browser's first visit, over a quarter of the page.
CLOSE_ASSISTANT = """
    localStorage.setItem("mlflow.assistant.fab.autoOpenedOnFirstLoad_v1", "true");
    localStorage.setItem("mlflow.assistant.panelOpen_v1", "false");
"""

pytestmark = [
    pytest.mark.skipif(
        not (CHROMIUM and CHROMEDRIVER), reason="no Chromium with chromedriver here: MLflow's page was not looked at"
    ),
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("project") / "runs"


@pytest.fixture(scope="module")
def sweep(root: Path) -> Sweep:
    """36 jobs, and another sweep of the same experiment that must not show among them."""
    synthetic.sweep(root, depths=(2,), seeds=(0,), notify=True)
    return synthetic.sweep(root, depths=(2, 4, 8, 16), seeds=(0, 1, 2), notify=True)


@pytest.fixture(scope="module")
def address(root: Path, sweep: Sweep) -> Iterator[str]:
    with server(PORT, root) as mlflow:
        yield mlflow.url


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory):
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for switch in (*SWITCHES, f"--user-data-dir={tmp_path_factory.mktemp('browser')}"):
        options.add_argument(switch)
    with webdriver.Chrome(options=options, service=Service(CHROMEDRIVER)) as driver:
        yield driver


def visit(browser, address: str, link: str, expected: list[str], screenshot: str) -> str:
    """Open ``link``, wait until its page shows all of ``expected``, keep a picture; returns the page's text."""
    from selenium.webdriver.support.ui import WebDriverWait

    browser.get(address)
    browser.execute_script(CLOSE_ASSISTANT)
    browser.get("about:blank")  # so that the next address is a page, not a place on this one
    browser.get(link.replace(f"http://{HOST}:{PORT}", address))
    try:
        WebDriverWait(browser, 60).until(lambda _: all(text in _text(browser) for text in expected))
    finally:
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        browser.save_screenshot(str(ARTIFACTS / screenshot))
    return _text(browser)


def _text(browser) -> str:
    return browser.execute_script("return document.body.innerText")


def test_the_printed_link_opens_charts_of_all_runs(browser, address: str, sweep: Sweep) -> None:
    legend = [f"{run.name} (gradients/norm_by_layer)" for run in sweep.runs]
    text = visit(browser, address, sweep.links[-1], ["36 matching runs", *legend], "sweep.png")
    assert {run.name for run in sweep.runs} <= set(text.splitlines())
    titles = [line for line in text.splitlines() if line.startswith(("gradients/", "train/", "val/"))]
    for chart in ("gradients/norm_by_layer", "gradients/norm_by_layer_final", "train/loss", "val/accuracy"):
        assert chart in titles


def test_the_parents_page_shows_the_finding(browser, address: str, sweep: Sweep) -> None:
    link = run_page(**json.loads((sweep.directory / REMEMBERED).read_text()))
    visit(browser, address, link, [str(sweep.finding)[:60], "Child runs"], "parent.png")
