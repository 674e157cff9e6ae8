"""What an MLflow store holds, read with pandas straight from its tables."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

import workbench as wb
from workbench.experiment.run import Run
from workbench.experiment.store import STORE
from workbench.experiment.sweep import Sweep
from workbench.plugins.tracking._recorder import REMEMBERED


def read(root: Path, query: str) -> pd.DataFrame:
    with closing(sqlite3.connect(root / STORE)) as connection:
        return pd.read_sql_query(query, connection)


def tags(root: Path) -> pd.DataFrame:
    """One row per run, one column per tag."""
    return read(root, "select * from tags").pivot(index="run_uuid", columns="key", values="value")


def params(root: Path) -> pd.DataFrame:
    return read(root, "select * from params").pivot(index="run_uuid", columns="key", values="value")


def mlflow_run(run: Run | Sweep) -> str:
    return json.loads((run.directory / REMEMBERED).read_text())["run_id"]


def metrics(root: Path, run: Run) -> pd.DataFrame:
    return read(root, f"select key, step, value, timestamp from metrics where run_uuid = '{mlflow_run(run)}'")


def check_plotted_numbers(root: Path, sweep: Sweep) -> None:
    """Every point of a sweep's figures is a mean over seeds of metrics in the store."""
    children = params(root).loc[[mlflow_run(run) for run in sweep.runs]]
    stored = read(root, "select run_uuid, key, step, value from metrics").merge(children, on="run_uuid")
    over_seeds = ["learner.depth", "learner.activation", "step"]
    norms = stored[stored["key"] == "gradients/norm_by_layer"].groupby(over_seeds)["value"].mean()
    figure = wb.get("figure", "gradient_by_layer").function(sweep)
    for ax in figure.axes:
        for line, text in zip(ax.lines, figure.legends[0].get_texts(), strict=True):
            expected = norms[ax.get_title().removeprefix("depth "), text.get_text()]
            assert list(line.get_xdata()) == list(expected.index)
            assert list(line.get_ydata()) == pytest.approx(list(expected), rel=1e-15)  # rounding of a mean
    accuracies = stored[stored["key"] == "val/accuracy"].sort_values("step").groupby("run_uuid").last()
    final = accuracies.groupby(["learner.activation", "learner.depth"])["value"].mean()
    (ax,) = wb.get("figure", "accuracy_over_depth").function(sweep).axes
    for line in ax.lines:
        expected = [final[line.get_label(), str(depth)] for depth in line.get_xdata()]
        assert list(line.get_ydata()) == pytest.approx(expected, rel=1e-15)
