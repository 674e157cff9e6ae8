"""What a sweep compares: runs that differ by seed alone form a group, with a name and a colour of its own."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from statistics import mean
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axis import Axis

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
    """``"sigmoid, width=64"``: a word speaks for itself, a number or a list needs its key."""
    words = (isinstance(value, str) and value.isidentifier() for value in values)
    return ", ".join(
        value if word else f"{short(key)}={value}" for key, value, word in zip(keys, values, words, strict=True)
    )


def short(key: str) -> str:
    """The last part of a dotted key."""
    return key.rpartition(".")[2]


def last(run: Run, metric: str) -> float | None:
    """A metric's value of the trained network, or None."""
    return run.result(metric)


def finite(runs: Sequence[Run], metric: str) -> list[float]:
    """``last`` of every run that has it; a network that diverged has none."""
    return [value for run in runs if (value := last(run, metric)) is not None and math.isfinite(value)]


def by_seed(sweep: Sweep, runs: Sequence[Run], metric: str) -> dict[tuple, float]:
    """``last`` of every run in which it is finite, by the values of the varied seeds."""
    return {seed_of(sweep, run): value for run in runs for value in finite([run], metric)}


def seed_of(sweep: Sweep, run: Run) -> tuple:
    """The values of the varied seeds: what tells the runs of a group apart."""
    return tuple(run.params.get(key) for key in sweep.varied if short(key) == "seed")


def effect(pairs: Iterable[tuple[Mapping[tuple, float], Mapping[tuple, float]]]) -> list[float]:
    """b - a for each seed that both have, in the mean over the pairs (a, b) of values by seed.

    Runs of one seed have their data, and what else it reaches, in common: they are compared with each other.
    """
    found: dict[tuple, list[float]] = {}
    for a, b in pairs:
        for seed in (seed for seed in a if seed in b):
            found.setdefault(seed, []).append(b[seed] - a[seed])
    return [mean(differences) for differences in found.values()]


def clear(effect: Sequence[float]) -> bool:
    """Whether an effect has the same sign with every seed: what is not clear is no finding."""
    return bool(effect) and (min(effect) > 0 or max(effect) < 0)


def caution(n: int) -> str:
    """What a finding from ``n`` seeds must add."""
    return "" if n > 1 else "With one seed, any difference may be chance."


def count(n: int, what: str) -> str:
    """``"3 seeds"``, ``"1 seed"``."""
    return f"{n} {what}{'' if n == 1 else 's'}"


def over(n: int, average: str = "mean") -> str:
    """``"mean of 3 seeds"``, ``"1 seed"``."""
    return f"{average} of {count(n, 'seed')}" if n > 1 else count(n, "seed")


def spread(values: Collection[float], form: str = ".1%", unit: str = "") -> str:
    """``"97.2% (mean of 3 seeds, 96.9% to 97.5%)"``, ``"97.2% (1 seed)"``."""
    ends = f", {between(values, form)}" if len(values) > 1 else ""
    return f"{mean(values):{form}}{unit} ({over(len(values))}{ends})"


def between(values: Collection[float], form: str = ".1%") -> str:
    """``"96.9% to 97.5%"``."""
    return f"{min(values):{form}} to {max(values):{form}}"


def fraction(share: float) -> str:
    """``"37%"``, ``"1/48"``, ``"nothing"``."""
    if share >= 0.1:
        return f"{share:.0%}"
    return f"1/{two_digits(1 / share)}" if share > 0 else "nothing"


def times(ratio: float) -> str:
    """``"2.5 times"``, ``"37% of"``, ``"1/48 of"``."""
    return f"{two_digits(ratio)} times" if ratio >= 1.1 else f"{fraction(ratio)} of"


def two_digits(value: float) -> str:
    """``"0.34"``, ``"5.3"``, ``"1,200"``."""
    rounded = float(f"{value:.2g}")
    return f"{rounded:,.0f}" if rounded >= 10 else f"{rounded:g}"


def tick_plainly(axis: Axis) -> None:
    """Plain numbers on a log axis that spans less than a decade: powers of ten are none, or one, there."""
    from matplotlib.ticker import MaxNLocator, NullLocator

    low, high = axis.get_view_interval()
    if high < 10 * low:
        axis.set_major_locator(MaxNLocator(5, steps=(1, 2, 5, 10)))
        axis.set_major_formatter("{x:,g}")
        axis.set_minor_locator(NullLocator())


def colours(sweep: Sweep, keys: Sequence[str]) -> dict[tuple, str]:
    """``#rrggbb`` of each group: its hue is the first key's value, its lightness tells the other keys apart."""
    lead = [values[0] for values in groups(sweep, keys[:1])] if keys else []
    rest = list(groups(sweep, keys[1:]))
    found = {}
    for values in groups(sweep, keys):
        hue = PALETTE[lead.index(values[0]) % len(PALETTE)] if keys else PALETTE[0]
        found[values] = lighter(hue, 0.6 * (1 - (rest.index(values[1:]) + 1) / len(rest)))
    return found


def _ranks(values: Sequence[Any]) -> dict[Any, int]:
    unique = list(dict.fromkeys(values))
    if all(isinstance(value, (int, float)) for value in unique):
        unique.sort()
    return {value: rank for rank, value in enumerate(unique)}


def lighter(colour: str, whiteness: float) -> str:
    channels = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(c + (255 - c) * whiteness):02x}" for c in channels)
