"""A saved chart view of MLflow's run page: what a sweep's charts show at first sight.

MLflow keeps it as JSON in the experiment's tag ``mlflow.sharedViewState.<key>``, in the form in which its page keeps
its own state. The form is not documented: a browser test tells when a new MLflow reads it differently.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

SCALES = {
    "gradients/norm_by_layer": "log",  # its steps are layers, so this chart shows a gradient on its way back
    "gradients/norm_by_layer_final": "log",
    "train/loss": "linear",
    "val/loss": "linear",
    "val/accuracy": "linear",
    "cluster/inertia": "linear",  # its steps are half-steps
}
RISING = ("val/accuracy", "cluster/adjusted_rand", "cluster/silhouette")  # the more the better
RESULTS = (*RISING, "cluster/inertia", "val/loss", "train/loss")


def tag(key: str) -> str:
    """The experiment tag that holds the view ``key``."""
    return f"mlflow.sharedViewState.{key}"


def link(experiment_id: str, key: str, address: str) -> str:
    """The page that opens the view ``key``."""
    query = f"workflowType=machine_learning&viewStateShareKey={key}&compareRunsMode=CHART"
    return f"{address}/#/experiments/{experiment_id}/runs?{query}"


def value(
    name: str, parent_run_id: str, metrics: Collection[str], params: Sequence[str], runs: int, time_ms: int
) -> str:
    """The tag's value: charts of those of ``metrics`` that matter, for the children of one parent run only."""
    result = next((metric for metric in RESULTS if metric in metrics), None)
    section = "workbench"
    charts = [_line(metric, scale) for metric, scale in SCALES.items() if metric in metrics]
    if result and params:
        charts.append(_parallel(params, result))
    for chart in charts:
        chart |= {"metricSectionId": section, "deleted": False, "isGenerated": False, "runsCountToCompare": runs}
    state = {
        "searchFilter": f"tags.`mlflow.parentRunId` = '{parent_run_id}'",
        "orderByKey": f"metrics.`{result}`" if result else "attributes.`start_time`",
        "orderByAsc": result not in RISING,
        "selectedColumns": [*(f"params.`{p}`" for p in params), *(f"metrics.`{m}`" for m in RESULTS if m in metrics)],
        "compareRunCharts": charts,
        "compareRunSections": [
            {
                "uuid": section,
                "name": name,
                "display": True,
                "isReordered": True,
                "deleted": False,
                "isGenerated": False,
                "columns": 2,
                "cardHeight": 400,
            }
        ],
        "isAccordionReordered": True,
        "runsHiddenMode": "SHOW_ALL",
        "hideEmptyCharts": True,
        "groupBy": None,
        "globalLineChartConfig": {"xAxisKey": "step", "lineSmoothness": 0, "selectedXAxisMetricKey": ""},
    }
    return json.dumps({"name": name, "createdAt": time_ms, "updatedAt": time_ms, "state": json.dumps(state)})


def _line(metric: str, scale: str) -> dict[str, Any]:
    return {
        "uuid": metric,
        "type": "LINE",
        "metricKey": metric,
        "scaleType": scale,
        "xAxisKey": "step",
        "xAxisScaleType": "linear",
        "selectedXAxisMetricKey": "",
        "yAxisKey": "metric",
        "yAxisExpressions": [],
        "range": {},
        "lineSmoothness": 0,
        "ignoreOutliers": False,
        "useGlobalXaxisKey": True,
        "useGlobalLineSmoothing": True,
    }


def _parallel(params: Sequence[str], metric: str) -> dict[str, Any]:
    return {
        "uuid": "parallel",
        "type": "PARALLEL",
        "selectedParams": list(params),
        "selectedMetrics": [metric],
        "showAllRuns": False,
    }
