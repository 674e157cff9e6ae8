"""What is asked of an initializer: numbers of the right shape that depend on the generator it is given alone."""

from __future__ import annotations

import inspect
import reprlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.random import default_rng

from workbench.specs import Initializer, Shape
from workbench.testing.checks import CheckWarning, raised, refuse, signature_of
from workbench.testing.instruments.generators import shared_draws
from workbench.testing.instruments.options import changed, in_words, option_sets, refuse_idle

# A bias, dense weights of both forms, a convolution's: shape, fan_in, fan_out.
WEIGHTS: tuple[tuple[Shape, int, int], ...] = (
    ((1,), 1, 1),
    ((4,), 3, 4),
    ((3, 4), 3, 4),
    ((4, 3), 4, 3),
    ((3, 3, 2, 5), 18, 45),
)
FANS = (100, 400)
SPREAD = 10.0  # of initial values by default: every signal would grow, layer by layer
SAME = 0.1  # relative difference of standard deviations of 10,000 numbers that are called equal


def check_signature(plugin: Initializer) -> str | None:
    """It takes rng, shape, fan_in and fan_out, then its options."""
    names = tuple(inspect.signature(plugin.function).parameters)
    if names[:4] != plugin.arguments:
        refuse(plugin, f"{signature_of(plugin.function)} must take ({', '.join(plugin.arguments)}), then its options.")
    return None


def check_values(plugin: Initializer) -> str | None:
    """It returns a float64 array of the shape asked for, of finite numbers."""
    for options in option_sets(plugin.options):
        for weight in WEIGHTS:
            values = _draw(plugin, options, weight)
            if not np.isfinite(values).all():
                bad = values[~np.isfinite(values)][0]
                refuse(plugin, f"one of its values is {bad}{_of(plugin, options, weight)}.")
    return f"for shapes {', '.join(str(shape) for shape, _, _ in WEIGHTS)}"


def check_seed(plugin: Initializer) -> str | None:
    """The generator it is given settles the values, and nothing else does."""
    for options in option_sets(plugin.options):
        for weight in WEIGHTS[::-1]:
            with _watched() as seen:
                values = _draw(plugin, options, weight, seed=0)
            if seen:
                refuse(
                    plugin,
                    f"it draws from {seen[0]}{_of(plugin, options, weight)}: take rng, or no seed settles a run.",
                )
            _draw(plugin, options, weight, seed=1)
            if not np.array_equal(values, _draw(plugin, options, weight, seed=0)):
                refuse(plugin, f"the same generator gives other values when asked again{_of(plugin, options, weight)}.")
            if values.size > 1 and np.array_equal(values, _draw(plugin, options, weight, seed=1)):
                if (values == values.flat[0]).all():
                    return "a constant"
                raise CheckWarning(f"every generator gives the same values{_of(plugin, options, weight)}")
    return None


def check_scale(plugin: Initializer) -> str | None:
    """The values are not so large that every signal grows from layer to layer."""
    options = next(option_sets(plugin.options))
    spread = {}
    for fan_in in FANS:
        for fan_out in FANS:
            spread[fan_in, fan_out] = _draw(plugin, options, ((100, 100), fan_in, fan_out)).std()
            if spread[fan_in, fan_out] > SPREAD:
                told = f"standard deviation {spread[fan_in, fan_out]:.3g} at fan_in {fan_in} and fan_out {fan_out}"
                raise CheckWarning(f"{told}: signals will grow from layer to layer")
    laws = {
        "{:.3g}": lambda fan_in, fan_out: 1.0,
        "{:.3g} / sqrt(fan_in)": lambda fan_in, fan_out: fan_in**0.5,
        "{:.3g} / sqrt(fan_out)": lambda fan_in, fan_out: fan_out**0.5,
        "{:.3g} / sqrt(fan_in + fan_out)": lambda fan_in, fan_out: (fan_in + fan_out) ** 0.5,
    }
    for law, root in laws.items():
        scaled = [std * root(*fans) for fans, std in spread.items()]
        if max(scaled) - min(scaled) <= SAME * max(scaled):
            return f"standard deviation {law.format(np.mean(scaled))}"
    return ", ".join(f"standard deviation {std:.3g} at fans {fans}" for fans, std in spread.items())


def check_options_matter(plugin: Initializer) -> str | None:
    """Every option changes a value."""
    return refuse_idle(plugin, "value", lambda options: (_draw(plugin, options, weight) for weight in WEIGHTS))


CHECKS = (check_signature, check_values, check_seed, check_scale, check_options_matter)


def _draw(plugin: Initializer, options: Mapping[str, Any], weight: tuple[Shape, int, int], seed: int = 0) -> np.ndarray:
    """The values from a fresh generator. ``CheckFailed`` where that is not what comes back."""
    shape, fan_in, fan_out = weight
    try:
        values = plugin.function(default_rng(seed), shape, fan_in, fan_out, **options)
    except Exception as error:  # a stranger's function may raise anything
        refuse(plugin, f"asked for values{_of(plugin, options, weight)}: {raised(error)}.")
    if not isinstance(values, np.ndarray) or values.shape != shape or values.dtype != np.float64:
        kind = f"an array of {values.dtype}, {values.shape}" if isinstance(values, np.ndarray) else reprlib.repr(values)
        refuse(plugin, f"it returns {kind}, not an array of float64, {shape}{_of(plugin, options, weight)}.")
    return values


@contextmanager
def _watched() -> Iterator[list[str]]:
    """Afterwards the list tells what was drawn from besides the generator that was given."""
    seen: list[str] = []

    def own(*seed: Any) -> np.random.Generator:
        seen.append("a generator of its own, np.random.default_rng")
        return default_rng(*seed)

    np.random.default_rng = own  # type: ignore[assignment]
    try:
        with shared_draws() as shared:
            yield seen
    finally:
        np.random.default_rng = default_rng
    seen += shared


def _of(plugin: Initializer, options: Mapping[str, Any], weight: tuple[Shape, int, int]) -> str:
    shape, fan_in, fan_out = weight
    given = in_words(changed(plugin.options, options))
    with_ = f" with {given}" if given else ""
    return f", for a weight {shape} of fan_in {fan_in} and fan_out {fan_out}{with_}"
