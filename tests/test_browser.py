"""The shipped sweep, from the command to its store and to the page that the printed link opens in a real browser."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import synthetic
from store import check_plotted_numbers, metrics, mlflow_run, read, tags

from workbench.experiment.store import HOST, PORT
from workbench.experiment.sweep import Sweep
from workbench.plugins.tracking._present import run_page
from workbench.plugins.tracking._recorder import REMEMBERED
from workbench.ui import server

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
CHROMEDRIVER = shutil.which("chromedriver")
ARTIFACTS = Path(os.environ.get("CI_ARTIFACTS", "runs/test-artifacts"))
SWITCHES = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--window-size=1800,1900"),
    # Nothing but the page we ask for: no updates, no first-run pages, no look-ups of the browser's maker.
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"),
)
# MLflow opens its assistant on a browser's first visit, over a quarter of the page.
CLOSE_ASSISTANT = """
    localStorage.setItem("mlflow.assistant.fab.autoOpenedOnFirstLoad_v1", "true");
    localStorage.setItem("mlflow.assistant.panelOpen_v1", "false");
"""

pytestmark = pytest.mark.slow
in_a_browser = pytest.mark.skipif(
    not (CHROMIUM and CHROMEDRIVER), reason="no Chromium with chromedriver here: MLflow's page was not looked at"
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("project") / "runs"


@pytest.fixture(scope="module")
def output(root: Path, request: pytest.FixtureRequest) -> str:
    """What ``workbench run experiment=vanishing_gradient`` prints in a project that has another sweep of that name."""
    synthetic.sweep(root, depths=(2,), seeds=(0,), notify=True)
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("WORKBENCH_", "MLFLOW_", "HYDRA_"))}
    cache = os.environ.get("WORKBENCH_CACHE_DIR") or str(request.config.cache.mkdir("workbench-kernels"))
    done = subprocess.run(
        [sys.executable, "-m", "workbench", "run", "experiment=vanishing_gradient"],
        cwd=root.parent, env=inherited | {"WORKBENCH_CACHE_DIR": cache}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture(scope="module")
def sweep(root: Path, output: str) -> Sweep:
    return Sweep.replay(max(root.glob("*_vanishing_gradient")))


@pytest.fixture(scope="module")
def link(output: str) -> str:
    (found,) = re.findall(r"^http://\S+$", output, re.MULTILINE)
    return found


@pytest.fixture(scope="module")
def address(root: Path, output: str) -> Iterator[str]:
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


def test_the_store_holds_one_parent_and_36_finished_children(root: Path, sweep: Sweep) -> None:
    runs = read(root, "select run_uuid, status from runs").merge(tags(root), on="run_uuid").set_index("run_uuid")
    children = runs[runs["mlflow.parentRunId"] == mlflow_run(sweep)]
    assert runs.loc[mlflow_run(sweep), ["status", "workbench.kind"]].to_list() == ["FINISHED", "sweep"]
    assert len(children) == 36
    assert set(children["status"]) == {"FINISHED"}
    assert set(children["workbench.kind"]) == {"run"}
    for run in sweep.runs:
        logged = metrics(root, run).groupby("key")["step"].agg(["min", "max"])
        layers = (1, run.params["learner.depth"] + 1)
        for key in ("gradients/norm_by_layer", "gradients/norm_by_layer_final"):
            assert tuple(logged.loc[key]) == layers
        for key in ("train/loss", "val/loss", "val/accuracy", "gradients/first_layer", "gradients/last_layer"):
            assert tuple(logged.loc[key]) == (1, run.params["learner.epochs"])
    check_plotted_numbers(root, sweep)


def test_the_finding_and_the_figures_are_printed_and_kept(root: Path, output: str, sweep: Sweep) -> None:
    assert sweep.finding is not None
    assert sweep.finding in output
    assert "vanishes in sigmoid at depth 16" in sweep.finding
    assert set(sweep.figures) == {"gradient_by_layer", "accuracy_over_depth"}
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    for path in sweep.figures.values():
        shutil.copy(path, ARTIFACTS)


@in_a_browser
def test_the_printed_link_opens_charts_of_all_runs(browser, address: str, link: str, sweep: Sweep) -> None:
    legend = [f"{run.name} (gradients/norm_by_layer)" for run in sweep.runs]
    text = visit(browser, address, link, ["36 matching runs", *legend], "sweep.png")
    assert {run.name for run in sweep.runs} <= set(text.splitlines())
    for chart in ("gradients/norm_by_layer", "gradients/norm_by_layer_final", "train/loss", "val/accuracy"):
        assert chart in text.splitlines()
    assert "Parallel Coordinates" in text


@in_a_browser
def test_the_parents_page_shows_the_finding(browser, address: str, sweep: Sweep) -> None:
    page = run_page(**json.loads((sweep.directory / REMEMBERED).read_text()))
    visit(browser, address, page, [str(sweep.finding)[:60], "Child runs"], "parent.png")
