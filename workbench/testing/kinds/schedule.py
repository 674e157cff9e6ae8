"""What is asked of a schedule: one sensible factor per step, whichever steps it is asked for."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from workbench.specs import Schedule
from workbench.testing.checks import CheckWarning, raised, refuse, signature_of
from workbench.testing.instruments.options import changed, in_words, option_sets, refuse_idle

LENGTHS = ((1, 1), (1, 5), (3, 1), (12, 7), (50, 3))  # epochs, and steps in each
SAME = 1e-12  # NumPy may round otherwise in the middle of an array than at its end


def check_signature(plugin: Schedule) -> str | None:
    """It takes step, total_steps and steps_per_epoch, then its options."""
    names = tuple(inspect.signature(plugin.function).parameters)
    if names[:3] != plugin.arguments:
        refuse(plugin, f"{signature_of(plugin.function)} must take ({', '.join(plugin.arguments)}), then its options.")
    return None


def check_factors(plugin: Schedule) -> str | None:
    """Every step has a finite factor that is not negative."""
    for options in option_sets(plugin.options):
        for length in LENGTHS:
            factors = _factors(plugin, options, length)
            at = int(np.argmax(~np.isfinite(factors) | (factors < 0)))
            if not np.isfinite(factors[at]) or factors[at] < 0:
                refuse(plugin, f"the factor of step {at} is {factors[at]}{_of(plugin, options, length)}.")
    factors = _factors(plugin, next(option_sets(plugin.options)), LENGTHS[-2])
    if not factors.any():
        refuse(plugin, f"all factors are 0{_of(plugin, {}, LENGTHS[-2])}: nothing would be learned.")
    if (above := factors > 1).any():
        at = int(factors.argmax())
        raise CheckWarning(
            f"the factor of step {at} is {factors[at]:.4g}{_of(plugin, {}, LENGTHS[-2])}: the learning rate of "
            f"{above.mean():.0%} of the steps is above the optimizer's lr"
        )
    return f"from {factors[0]:.3g} to {factors[-1]:.3g}"


def check_each_step_alone(plugin: Schedule) -> str | None:
    """A step has one factor, whichever other steps are asked for, and ``step`` is left as it is."""
    for options in option_sets(plugin.options):
        for length in LENGTHS:
            whole = _factors(plugin, options, length)
            steps = np.arange(whole.size)
            for some in (steps, steps[::-1], steps[whole.size // 2 :], steps[-1:]):
                factors = _factors(plugin, options, length, some)
                wrong = ~(np.abs(factors - whole[some]) <= SAME * np.abs(whole[some]))
                if wrong.any():
                    at = int(wrong.argmax())
                    refuse(
                        plugin,
                        f"the factor of step {some[at]} is {whole[some[at]]:.9g} among all {whole.size}, and "
                        f"{factors[at]:.9g} among the steps {_ends(some)}{_of(plugin, options, length)}.",
                    )
    return None


def check_options_matter(plugin: Schedule) -> str | None:
    """Every option changes a factor."""
    return refuse_idle(plugin, "factor", lambda options: (_factors(plugin, options, length) for length in LENGTHS))


CHECKS = (check_signature, check_factors, check_each_step_alone, check_options_matter)


def _factors(
    plugin: Schedule, options: Mapping[str, Any], length: tuple[int, int], some: np.ndarray | None = None
) -> np.ndarray:
    """The factors of some steps, or all. ``CheckFailed`` where that is not what comes back."""
    epochs, steps_per_epoch = length
    total = epochs * steps_per_epoch
    steps = np.arange(total) if some is None else some
    given = steps.copy()
    try:
        found = plugin.function(given, total, steps_per_epoch, **options)
    except Exception as error:  # a stranger's function may raise anything
        refuse(plugin, f"asked for {steps.size} steps{_of(plugin, options, length)}: {raised(error)}.")
    if not np.array_equal(given, steps):
        refuse(plugin, f"it writes to step{_of(plugin, options, length)}: take step // 2, say, for step //= 2.")
    if not isinstance(found, np.ndarray) or found.shape != steps.shape or found.dtype.kind not in "fiu":
        kind = f"an array of {found.dtype}, {found.shape}" if isinstance(found, np.ndarray) else repr(found)
        refuse(plugin, f"for step, an array {steps.shape}, it returns {kind}: it must be one number per step.")
    return found.astype(float)


def _of(plugin: Schedule, options: Mapping[str, Any], length: tuple[int, int]) -> str:
    given = in_words(changed(plugin.options, options))
    with_ = f" with {given}" if given else ""
    return f"{with_}, of {length[0]} epoch{'s' if length[0] > 1 else ''} of {length[1]}"


def _ends(steps: np.ndarray) -> str:
    return f"{steps[0]} to {steps[-1]}"
