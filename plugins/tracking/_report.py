"""A sweep in words, numbers and pictures: the Markdown of its note, and an HTML report in one file."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from workbench.experiment.report import spread
from workbench.plugins.figures import _sweep

if TYPE_CHECKING:
    from workbench.experiment.sweep import Sweep

COLUMNS = (
    *("val/accuracy", "val/loss", "train/loss", "gradients/first_layer", "gradients/last_layer"),
    *("cluster/n_clusters", "cluster/inertia", "cluster/silhouette", "cluster/adjusted_rand", "time/fit_seconds"),
)
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
img { max-width: 100%; max-height: 28rem } pre { white-space: pre-wrap }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums }
td, th { padding: .2rem .6rem; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap }
"""


def markdown(sweep: Sweep) -> str:
    """Finding and table of results."""
    head, *rows = _table(sweep)
    table = [head, ["---"] * len(head), *rows]
    lines = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in table)
    return f"**{_finding(sweep)}**\n\n{_counts(sweep)}\n\n{lines}"


def html(sweep: Sweep) -> str:
    """The same with the sweep's figures in it and the errors of jobs that failed."""
    head, *rows = _table(sweep)
    cells = [f"<tr>{''.join(f'<th>{escape(cell)}</th>' for cell in head)}</tr>"]
    cells += [f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows]
    pictures = (
        f'<p><img alt="{escape(name)}" src="data:image/{path.suffix[1:]};base64,{data}"></p>'
        for name, path in sweep.figures.items()
        for data in [base64.b64encode(path.read_bytes()).decode()]
    )
    failed = (
        f"<h2>{escape(run.name)}: {run.status}</h2><pre>{escape(run.error or '')}</pre>"
        for run in sweep.runs
        if run.status != "FINISHED"
    )
    return "\n".join(
        [
            "<!doctype html>",
            f'<html lang="en"><head><meta charset="utf-8"><title>{escape(sweep.name)}</title>',
            f"<style>{STYLE}</style></head><body>",
            f"<h1>{escape(sweep.name)}</h1>",
            f"<p><strong>{escape(_finding(sweep))}</strong></p>",
            *pictures,
            f"<p>{_counts(sweep)}</p>",
            f"<table>{''.join(cells)}</table>",
            *failed,
            f"<p><small>{escape(sweep.experiment)}, {escape(sweep.id)}</small></p>",
            "</body></html>",
        ]
    )


def _finding(sweep: Sweep) -> str:
    ended = sweep.status in ("FINISHED", "FAILED")
    return sweep.finding or ("No figure of this sweep states a finding." if ended else "The sweep was interrupted.")


def _counts(sweep: Sweep) -> str:
    finished = sum(run.status == "FINISHED" for run in sweep.runs)
    stopped = any(run.best_epoch is not None for run in sweep.runs)
    epoch = "the epoch that early stopping went back to, or the last" if stopped else "the last epoch"
    return f"{finished} of {sweep.jobs} jobs finished. Values after {epoch}, mean ± standard deviation over seeds."


def _table(sweep: Sweep) -> Iterator[list[str]]:
    """The heading, then one row per group of runs that differ by seed alone."""
    keys = _sweep.compared(sweep)
    columns = [metric for metric in COLUMNS if any(metric in run.metrics for run in sweep.runs)]
    yield [*map(_sweep.short, keys), "runs", *columns]
    for values, runs in _sweep.groups(sweep, keys).items():
        measured = [[x for run in runs if (x := _sweep.last(run, metric)) is not None] for metric in columns]
        yield [*map(str, values), str(len(runs)), *(spread(each, ".4g", ".2g") for each in measured)]
