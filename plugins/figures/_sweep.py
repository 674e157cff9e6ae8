"""What a sweep compares: runs that differ by seed alone form a group, with a name and a colour of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.experiment.run import Run
    from workbench.experiment.sweep import Sweep

ACTIVATION = "learner.activation"
DEPTH = "learner.depth"

# Okabe and Ito (2008), safe for the colour-blind; without their yellow, which white paper swallows.
PALETTE = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


def compared(sweep: Sweep, apart_from: str = "") -> list[str]:
    """The varied keys that are more than a repetition: all but the seeds; the activation leads."""
    keys = [key for key in sweep.varied if short(key) != "seed" and key != apart_from]
    return sorted(keys, key=lambda key: key != ACTIVATION)


def groups(sweep: Sweep, keys: Sequence[str]) -> dict[tuple, list[Run]]:
    """The finished runs by their values of ``keys``: numbers ascending, words in the order of the sweep."""
    found: dict[tuple, list[Run]] = {}
    for run in sweep.runs:
        if run.status == "FINISHED":
            found.setdefault(tuple(run.params.get(key) for key in keys), []).append(run)
    ranks = [_ranks([values[i] for values in found]) for i in range(len(keys))]
    order = sorted(found, key=lambda values: [rank[value] for rank, value in zip(ranks, values, strict=True)])
    return {values: found[values] for values in order}


def label(keys: Sequence[str], values: Sequence[Any]) -> str:
    """``"sigmoid, width=64"``: a word speaks for itself, a number needs its key."""
    pairs = zip(keys, values, strict=True)
    return ", ".join(value if isinstance(value, str) else f"{short(key)}={value}" for key, value in pairs)


def short(key: str) -> str:
    """The last part of a dotted key."""
    return key.rpartition(".")[2]


def last(run: Run, metric: str) -> float | None:
    """A metric's value at its highest step, or None."""
    return max(run.metrics[metric])[1] if run.metrics.get(metric) else None


def seeds(n: int) -> str:
    """``"3 seeds"``."""
    return f"{n} seed{'s' if n > 1 else ''}"


def colours(sweep: Sweep, keys: Sequence[str]) -> dict[tuple, str]:
    """``#rrggbb`` of each group: its hue is the first key's value, its lightness tells the other keys apart."""
    lead = [values[0] for values in groups(sweep, keys[:1])] if keys else []
    rest = list(groups(sweep, keys[1:]))
    found = {}
    for values in groups(sweep, keys):
        hue = PALETTE[lead.index(values[0]) % len(PALETTE)] if keys else PALETTE[0]
        found[values] = _lighter(hue, 0.6 * (1 - (rest.index(values[1:]) + 1) / len(rest)))
    return found


def _ranks(values: Sequence[Any]) -> dict[Any, int]:
    unique = list(dict.fromkeys(values))
    if all(isinstance(value, (int, float)) for value in unique):
        unique.sort()
    return {value: rank for rank, value in enumerate(unique)}


def _lighter(colour: str, whiteness: float) -> str:
    channels = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(c + (255 - c) * whiteness):02x}" for c in channels)
