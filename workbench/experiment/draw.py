"""Figures of a run or a sweep, and what they show in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from workbench.experiment.record import Record
from workbench.registry import registry


def draw(record: Record, of: Literal["run", "sweep"], names: Sequence[str] | None) -> str:
    """Save the named figures, or all, that apply to ``record``; their findings, joined.

    A figure that fails is noted in ``record.problems``: the results are there, and it can be drawn again.
    """
    findings = []
    for name in registry().names("figure") if names is None else names:
        spec = registry().get("figure", name)
        if spec.of != of:
            continue
        try:
            figure = spec.function(record)
            if figure is None:
                continue
            record.log_figure(name, figure)
            if spec.finding is not None:
                findings.append(spec.finding(record))
        except Exception as error:  # a stranger's figure may raise anything
            record.note(f"figure {name!r} could not be drawn: {type(error).__name__}: {error}")
    return " ".join(filter(None, findings))
