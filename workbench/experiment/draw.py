"""Figures of a run or a sweep, and what they show in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from workbench.experiment.record import Record
from workbench.experiment.run import Run
from workbench.registry import registry


def draw(record: Record, of: Literal["run", "sweep"], names: Sequence[str] | None) -> str:
    """Save the named figures, or all, that apply to ``record``; their findings, joined.

    A figure that fails is noted in ``record.problems``: the results are there, and it can be drawn again. So is one of
    ``names`` that does not apply.
    """
    findings = []
    alone = isinstance(record, Run) and record.sweep is None
    for name in registry().names("figure") if names is None else names:
        spec = registry().get("figure", name)
        if spec.of != of:
            if names is not None and alone:
                record.note(f"figure {name!r} draws a sweep, not a single run.")
            continue
        failed = "could not be drawn"
        try:
            figure = spec.function(record)
            if figure is None:
                if names is not None:
                    record.note(f"figure {name!r} does not apply to this {of}. What it draws: {spec.description}.")
                continue
            record.log_figure(name, figure)
            failed = "was drawn, but its finding could not be stated"
            if spec.finding is not None:
                findings.append(spec.finding(record))
        except (Exception, SystemExit) as error:  # a stranger's figure may do anything
            record.note(f"figure {name!r} {failed}: {type(error).__name__}: {error}")
    return " ".join(filter(None, findings))
