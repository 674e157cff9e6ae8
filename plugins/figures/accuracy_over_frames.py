"""Does a network need to see motion? Accuracy over the number of frames it sees at once."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import mean
from typing import TYPE_CHECKING

from workbench import Figure, hookimpl
from workbench.plugins.figures import _sweep

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from workbench.experiment.run import Run
    from workbench.experiment.sweep import Sweep

FRAMES, ACCURACY = "dataset.frames", "val/accuracy"


def accuracy_over_frames(sweep: Sweep) -> Canvas | None:
    """Validation accuracy over the epochs, and after the last over the frames seen, beside always giving one answer."""
    from matplotlib.figure import Figure as Canvas
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    lines = _measured(sweep)
    if not lines:
        return None
    keys = [FRAMES, *_sweep.compared(sweep, apart_from=FRAMES)]
    colours = _sweep.colours(sweep, keys)
    canvas = Canvas(figsize=(10, 4.4), layout="constrained")
    left, right = canvas.subplots(1, 2, sharey=True)
    for others, by_frames in lines.items():
        right.plot(list(by_frames), [mean(seen.accuracies.values()) for seen in by_frames.values()], "-", color="0.6")
        for frames, seen in by_frames.items():
            colour = colours[frames, *others]
            by_epoch: dict[int, list[float]] = {}
            for epoch, accuracy in (point for run in seen.runs for point in run.metrics[ACCURACY]):
                by_epoch.setdefault(epoch, []).append(accuracy)
            epochs, found = list(by_epoch), list(by_epoch.values())
            name = _sweep.label(keys, (frames, *others))
            left.plot(epochs, [mean(f) for f in found], "o-", color=colour, markersize=3.5, label=name)
            left.fill_between(epochs, [min(f) for f in found], [max(f) for f in found], color=colour, alpha=0.2)
            right.plot([frames] * len(seen.accuracies), list(seen.accuracies.values()), "o", color=colour)
    chance = _chance(_last(lines))
    left.axhline(chance, color="black", linestyle=":", label="always the most\nfrequent class")
    right.axhline(chance, color="black", linestyle=":")
    left.set_xlabel("epoch")
    left.xaxis.set_major_locator(MaxNLocator(integer=True))
    left.set_ylabel("validation accuracy")
    left.yaxis.set_major_formatter(PercentFormatter(1))
    right.set_xlabel("frames seen at once, after the last epoch")
    right.set_xticks(sorted({frames for by_frames in lines.values() for frames in by_frames}))
    for ax in (left, right):
        ax.grid(alpha=0.3)
    canvas.legend(*left.get_legend_handles_labels(), loc="outside right center", frameon=False)
    most = max(len(seen.accuracies) for by_frames in lines.values() for seen in by_frames.values())
    spread = f"\n(lines: mean over {_sweep.count(most, 'seed')}, bands: their range, points: each)" if most > 1 else ""
    canvas.suptitle(f"{sweep.experiment}: accuracy over the number of frames seen{spread}", wrap=True)
    return canvas


def finding(sweep: Sweep) -> str:
    """What the network reaches with each number of frames, what fewer lose against the most, and how fast it trained.

    ``""`` where nothing was measured.
    """
    lines = _measured(sweep)
    if not lines:
        return ""
    keys = _sweep.compared(sweep, apart_from=FRAMES)
    said = [_compare(_sweep.label(keys, others), by_frames) for others, by_frames in lines.items()]
    last = _last(lines)
    said.append(f"Always giving the most frequent class would reach {_chance(last):.1%}.")
    if rate := _rate(last):
        said.append(f"Training took in {_sweep.two_digits(rate)} samples per second.")
    seeds = min(len(seen.accuracies) for by_frames in lines.values() for seen in by_frames.values())
    return " ".join(filter(None, [*said, _sweep.caution(seeds)]))


@dataclass
class Seen:
    """The runs that saw one number of frames, and the accuracies of those that have a finite one, by seed."""

    runs: list[Run]
    accuracies: dict[tuple, float]


def _measured(sweep: Sweep) -> dict[tuple, dict[int, Seen]]:
    """By what else varies, and the number of frames; none unless that varies."""
    keys = _sweep.compared(sweep, apart_from=FRAMES)
    found: dict[tuple, dict[int, Seen]] = {}
    if FRAMES in sweep.varied:
        for (*others, frames), runs in _sweep.groups(sweep, [*keys, FRAMES]).items():
            if accuracies := _sweep.by_seed(sweep, runs, ACCURACY):
                measured = [run for run in runs if _sweep.seed_of(sweep, run) in accuracies]
                found.setdefault(tuple(others), {})[frames] = Seen(measured, accuracies)
    return found


def _compare(name: str, by_frames: dict[int, Seen]) -> str:
    most = max(by_frames)
    said = []
    for frames, seen in by_frames.items():
        reached = f"{_sweep.spread(seen.accuracies.values())} with {_sweep.count(frames, 'frame')}"
        loss = [100 * each for each in _sweep.effect([(seen.accuracies, by_frames[most].accuracies)])]
        if frames != most and loss:
            than = f"than with {most}" if _sweep.clear(loss) else f"than with {most}, no clear difference"
            reached += f", {abs(mean(loss)):.1f} points {'less' if mean(loss) >= 0 else 'more'} {than}"
        said.append(reached)
    return f"Validation accuracy{f' of {name}' if name else ''} is {'; '.join(said)}."


def _last(lines: dict[tuple, dict[int, Seen]]) -> Run:
    """The run whose data are likeliest to be in memory still."""
    return list(list(lines.values())[-1].values())[-1].runs[-1]


def _chance(run: Run) -> float:
    """The share of the most frequent class, which every split keeps."""
    import numpy as np

    labels = run.data().y_validation
    return float(np.unique(labels, return_counts=True)[1].max() / len(labels))


def _rate(run: Run) -> float | None:
    """Training samples per second."""
    seconds = _sweep.last(run, "time/fit_seconds")
    return len(run.data().y_train) * len(run.metrics.get("train/loss", ())) / seconds if seconds else None


@hookimpl
def register_figures():
    return [Figure("accuracy_over_frames", accuracy_over_frames, of="sweep", finding=finding)]
