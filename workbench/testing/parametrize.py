"""The checks as parameters of a test, one item each with a name of its own, for authors' suites."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

from workbench.registry import registry
from workbench.specs import Spec
from workbench.testing.checks import Check, CheckSkipped, CheckWarning, checks_of


def parametrize_with_checks(plugin: str | Spec, name: str = "") -> Any:
    """A decorator for a pytest function ``test(check)``, whose body is ``check()``.

    ``plugin`` is a kind and ``name`` a registered name, ``parametrize_with_checks("activation", "relu")``, or a spec of
    one's own. A check that only warns passes with a ``CheckWarning``, one that cannot be asked is skipped with its
    reason. Raises ``UnknownName``.
    """
    import pytest

    spec: Spec = registry().get(plugin, name) if isinstance(plugin, str) else plugin
    return pytest.mark.parametrize(
        "check", [pytest.param(_in_pytest(each), id=f"{spec.name}-{each.name}") for each in checks_of(spec)]
    )


def _in_pytest(check: Check) -> Callable[[], None]:
    @functools.wraps(check.function)
    def ask() -> None:
        import pytest

        try:
            check()
        except CheckSkipped as skipped:
            pytest.skip(str(skipped))
        except CheckWarning as warning:
            warnings.warn(CheckWarning(f"{check.plugin.kind} {check.plugin.name!r}: {warning}"), stacklevel=2)

    return ask
