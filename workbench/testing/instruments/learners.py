"""What is asked of clusterers and estimators alike: seeds, threads, and scikit-learn's own checks."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

from workbench.specs import Spec
from workbench.testing.checks import CheckSkipped, CheckWarning, refuse
from workbench.testing.instruments.generators import shared_draws
from workbench.testing.instruments.options import required_sets

SEEDS = ("random_state", "seed")  # what an option is called that settles the random numbers
Result = TypeVar("Result")


def having(plugin: Spec, **wanted: Any) -> dict[str, Any]:
    """Those of ``wanted`` that the plugin has as options, and values for its options without a default.

    A seed is among them, if it takes one. Raises ``CheckSkipped`` where no value can be thought of.
    """
    needed = next(required_sets(plugin.options), None)
    if needed is None:
        missing = ", ".join(name for name, option in plugin.options.items() if option.required)
        raise CheckSkipped(f"it needs a value for {missing}, which only its author can think of")
    wanted = dict.fromkeys(SEEDS, 0) | wanted
    return needed | {name: value for name, value in wanted.items() if name in plugin.options}


def seeded(plugin: Spec, seed: int) -> dict[str, Any]:
    """The option by which its random numbers are settled, or none."""
    return {name: seed for name in SEEDS if name in plugin.options}


@contextmanager
def own_numbers(plugin: Spec) -> Iterator[None]:
    """Refuse a plugin that draws from the generators that all share: nobody can repeat what it does."""
    with shared_draws() as drawn:
        yield
    if drawn:
        advice = "make one from a seed, or give scikit-learn's classes their random_state"
        refuse(plugin, f"it draws from {drawn[0]}, which all share; {advice}.")


def in_threads(plugin: Spec, work: Callable[[dict[str, Any]], Result]) -> list[Result]:
    """What ``work(options)`` gives with one thread and with two."""
    from threadpoolctl import threadpool_limits

    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            found.append(work({"threads": threads} if "threads" in plugin.options else {}))
    return found


def blame_threads(plugin: Spec, what: str, rounding: bool) -> NoReturn:
    """Refuse what depends on the number of threads; if they are a library's, and all it is is ``rounding``, warn."""
    if "threads" in plugin.options or not rounding:
        refuse(plugin, f"with two threads instead of one, {what}.")
    raise CheckWarning(
        f"with two threads instead of one, {what}, if in the last digits only: another machine may give other bits. "
        'threadpoolctl.threadpool_limits(1, "blas") around matrix products makes them the same everywhere.'
    )


def conventions(plugin: Spec, *estimators: Any) -> str:
    """Ask unfitted estimators all that scikit-learn asks, and refuse what fails; how much passed, what was left out.

    Raises ``CheckSkipped`` for scikit-learn's own classes: it knows best which of its checks they may fail.
    """
    from sklearn.utils.estimator_checks import check_estimator

    theirs = [type(each).__name__ for each in estimators if type(each).__module__.startswith("sklearn.")]
    if len(theirs) == len(estimators):
        raise CheckSkipped(f"scikit-learn's own: {', '.join(dict.fromkeys(theirs))}; it is tested there")
    answers = [answer for each in estimators for answer in check_estimator(each, on_fail=None, on_skip=None)]
    by_status: dict[str, list[str]] = {}
    for answer in answers:
        said = _line(answer["exception"])
        by_status.setdefault(answer["status"], []).append(f"{answer['check_name']}{f': {said}' if said else ''}")
    if failed := list(dict.fromkeys(by_status.get("failed", ()))):
        more = f"; and {len(failed) - 3} more" if len(failed) > 3 else ""
        refuse(plugin, f"of scikit-learn's {len(answers)} checks it fails {'; '.join(failed[:3])}{more}.")
    left_out = dict.fromkeys(name for status in ("skipped", "xfail") for name in by_status.get(status, ()))
    return f"{len(by_status['passed'])} passed" + (f"; left out: {'; '.join(left_out)}" if left_out else "")


def _line(error: BaseException | None) -> str:
    """What an exception says, in a line."""
    return "" if error is None else textwrap.shorten(" ".join(str(error).split()) or type(error).__name__, 160)
