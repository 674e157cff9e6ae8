"""What is asked of every plugin, whatever its kind."""

from __future__ import annotations

from workbench.specs import Spec
from workbench.testing.checks import CheckWarning, refuse


def check_description(plugin: Spec) -> str | None:
    """A docstring, the function's or the file's, says in its first line what it is."""
    if not plugin.description:
        raise CheckWarning(
            "nothing says what it is: give the function or the file a docstring; `workbench plugins` shows its first "
            "line."
        )
    return plugin.description


def check_options(plugin: Spec) -> str | None:
    """Every option has a default that its own type allows."""
    required = []
    for name, option in plugin.options.items():
        if option.required:
            required.append(name)
            continue
        if option.default is not None:
            # A default is never checked against its annotation where it is used, for it is the author's.
            try:
                option.adapter.validate_python(option.default)
            except Exception as error:
                refuse(plugin, f"its option {name} has the default {option.default!r}, which it refuses: {error}")
    return f"needs {', '.join(required)}" if required else ", ".join(plugin.options) or "none"


CHECKS = (check_description, check_options)
