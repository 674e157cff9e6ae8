"""What a finished sweep looks like in MLflow: colours, a note with the finding, a chart view, and the link to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from workbench.experiment.store import HOST, PORT
from workbench.plugins.figures import _sweep
from workbench.plugins.tracking import _report, _view

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from workbench.experiment.sweep import Sweep

ADDRESS = f"http://{HOST}:{PORT}"
NOTE = 8000  # characters in a tag
LATEST = "workbench.sweep"


def run_page(experiment_id: str, run_id: str) -> str:
    return f"{ADDRESS}/#/experiments/{experiment_id}/runs/{run_id}?workflowType=machine_learning"


def present(
    client: MlflowClient,
    sweep: Sweep,
    experiment_id: str,
    parent_run_id: str,
    children: Mapping[str, str],
    started_ms: int,
) -> str:
    """Dress up the parent run, its ``children`` (``Run.id`` -> MLflow's run id) and the experiment; gives the link."""
    keys = _sweep.compared(sweep) or list(sweep.varied)
    colours = _sweep.colours(sweep, keys)
    for values, runs in _sweep.groups(sweep, keys).items():
        for run in runs:
            client.set_tag(children[run.id], "mlflow.runColor", colours[values])
    page = _view.link(experiment_id, sweep.id, ADDRESS)
    note = _report.markdown(sweep)[: NOTE - 300]
    client.set_tag(parent_run_id, "mlflow.note.content", note)
    view = _view.value(
        name=sweep.name,
        parent_run_id=parent_run_id,
        metrics={metric for run in sweep.runs for metric in run.metrics},
        params=sweep.varied,
        runs=len(sweep.runs),
        time_ms=started_ms,
    )
    client.set_experiment_tag(experiment_id, _view.tag(sweep.id), view)
    if sweep.id >= client.get_experiment(experiment_id).tags.get(LATEST, ""):  # a replay may be of an older sweep
        whole = f"## {sweep.name}\n\n{note}\n\n[Its charts]({page})"
        client.set_experiment_tag(experiment_id, "mlflow.note.content", whole)
        client.set_experiment_tag(experiment_id, LATEST, sweep.id)
    return page
