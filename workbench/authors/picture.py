"""A plugin as a picture: an activation and its derivative, a loss and its gradient, a schedule over the epochs."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from workbench.errors import ConfigError, PluginError
from workbench.specs import Activation, Loss, Schedule, Spec
from workbench.testing.checks import raised

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARK = "workbench plugins"  # what a picture of ours says it was made by
POINTS = 1201
TALL = 8.0  # what is larger is cut off: an exponential would leave everything else flat
BLUE, RED = "#0072B2", "#D55E00"  # Okabe and Ito (2008), safe for the colour-blind
EPOCHS, STEPS = 30, 20  # of the training that a schedule is shown for

Curve = Callable[..., np.ndarray]  # over arrays of one shape


def picture(spec: Spec) -> Path | None:
    """Draw ``spec``, options at their defaults, as ``KIND_NAME.png`` in the working folder.

    None where there is nothing to be drawn: rows, other kinds, and options without a default. With nothing written,
    ``ConfigError`` for a picture of that name that is not ours, and ``PluginError`` for what the plugin raises.
    """
    try:
        figure = _figure(spec)
    except Exception as error:  # a stranger's function may raise anything
        raise PluginError(raised(error)) from error
    if figure is None:
        return None
    file = Path(f"{spec.kind}_{spec.name}.png")
    if not _is_ours(file):
        raise ConfigError(f"{file} is there already and was not drawn by this command: move it away to have it drawn.")
    unfinished = file.with_name(f".{file.name}.unfinished")
    try:
        figure.savefig(unfinished, format="png", dpi=150, metadata={"Software": MARK})
        os.replace(unfinished, file)
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}.") from None
    finally:
        unfinished.unlink(missing_ok=True)
    return file


def _is_ours(file: Path) -> bool:
    """Whether nothing is lost by writing to it."""
    from PIL import Image, UnidentifiedImageError

    if not os.path.lexists(file):
        return True
    try:
        with Image.open(file) as found:
            return found.info.get("Software") == MARK
    except (OSError, UnidentifiedImageError):
        return False


def _figure(spec: Spec) -> Figure | None:
    if not isinstance(spec, Activation | Loss | Schedule) or getattr(spec, "row", False):
        return None
    if any(option.required for option in spec.options.values()):
        return None
    if isinstance(spec, Activation):
        return _activation(spec)
    return _loss(spec) if isinstance(spec, Loss) else _schedule(spec)


def _activation(spec: Activation) -> Figure:
    figure, axes = _canvas(spec, "z")
    value, derivative = _over(spec.function), _over(spec.derivative)
    kinks = _curve(axes, -6, 6, value, lambda z: derivative(z, value(z)), (BLUE, RED), ("f(z)", "f′(z)"))
    if len(kinks):
        axes.plot(kinks, value(kinks), "o", color=BLUE, markerfacecolor="white", markersize=6, label="kink of f")
    return _finished(figure, axes)


def _loss(spec: Loss) -> Figure:
    low, high, truths = {
        "real": (-3.0, 3.0, (0.0,)),
        "sign": (-3.0, 3.0, (1.0, -1.0)),
        "unit": (0.002, 0.998, (1.0, 0.0)),
        "distribution": (0.002, 0.998, (1.0, 0.0)),
    }[spec.targets]
    figure, axes = _canvas(spec, "prediction ŷ")
    value, gradient = _over(spec.function), _over(spec.gradient)
    for truth, colour in zip(truths, (BLUE, RED), strict=False):

        def of(function: Curve, truth: float = truth) -> Curve:
            return lambda y_pred: function(np.full_like(y_pred, truth), y_pred)

        labels = (f"L(y = {truth:g}, ŷ)", f"∂L/∂ŷ, y = {truth:g}")
        _curve(axes, low, high, of(value), of(gradient), (colour, colour), labels)
    return _finished(figure, axes)


def _schedule(spec: Schedule) -> Figure:
    figure, axes = _canvas(spec, f"epoch, of {EPOCHS}")
    step = np.arange(EPOCHS * STEPS)
    axes.plot(step / STEPS, spec.function(step, len(step), STEPS), color=BLUE, linewidth=2.2)
    axes.set_ylabel("factor on the learning rate")
    axes.set_ylim(bottom=min(0, axes.get_ylim()[0]))
    return figure


def _canvas(spec: Spec, across: str) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure as Canvas

    figure = Canvas(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    title = (spec.description or spec.name).replace("``", "").replace("$", r"\$")  # it is no formula of matplotlib's
    axes.set_title(textwrap.fill(title, 72), fontsize="medium")
    axes.set_xlabel(across)
    axes.grid(alpha=0.25)
    axes.axhline(0, color="black", linewidth=0.6, alpha=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _curve(
    axes: Axes, low: float, high: float, value: Curve, slope: Curve, colours: Sequence[str], labels: Sequence[str]
) -> np.ndarray:
    """A function and its slope, which is interrupted where it jumps; where that is."""
    found = list(jumps(slope, np.linspace(low, high, POINTS)))
    x = np.linspace(low, high, POINTS)
    axes.set_xlim(low, high)
    axes.plot(x, value(x), color=colours[0], linewidth=2.2, label=labels[0])
    ends = [low, *found, high]
    for i, (start, stop) in enumerate(zip(ends[:-1], ends[1:], strict=True)):
        x = np.linspace(start, stop, POINTS)[1:-1]
        axes.plot(x, slope(x), color=colours[1], linewidth=1.8, linestyle="--", label=None if i else labels[1])
    return np.array(found)


def _finished(figure: Figure, axes: Axes) -> Figure:
    low, high = np.clip(axes.dataLim.intervaly, -TALL, TALL)
    room = 0.05 * (high - low) or 1.0
    axes.set_ylim(low - room, high + room)
    axes.legend(frameon=False)
    return figure


def _over(function: Callable | None) -> Curve:
    """A function of numbers over arrays, as plain Python; NaN where it has no value."""
    assert function is not None  # it is derived where none is given

    def one(*numbers: float) -> float:
        try:
            return float(function(*numbers))
        except (ArithmeticError, ValueError):
            return np.nan

    def over(*arrays: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return np.array([one(*numbers) for numbers in zip(*(array.tolist() for array in arrays), strict=True)])

    return over


def jumps(slope: Curve, z: np.ndarray) -> Iterator[float]:
    """Where the slope jumps: the steepest steps, halved until what is left of them is no distance at all."""
    found = slope(z)
    steps = np.abs(np.diff(found))
    large = 0.02 * np.nanmax(np.abs(found), initial=1e-6)
    for i in np.flatnonzero(steps > large):
        low, high = _halved(slope, z[i], z[i + 1])
        if abs(np.diff(slope(np.array([low, high])))[0]) > large:
            yield round(high, 6) + 0.0  # no negative zero


def _halved(slope: Curve, low: float, high: float) -> Sequence[float]:
    for _ in range(40):
        ends = np.array([low, (low + high) / 2, high])
        below, above = np.abs(np.diff(slope(ends)))
        low, high = (ends[0], ends[1]) if below > above else (ends[1], ends[2])
    return float(low), float(high)
