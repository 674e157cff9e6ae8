"""The process in which strangers' code is checked: it says on a pipe what it is about to do, and what came of it.

It may hang, crash or print; ``check`` watches over it. Started as ``python -m workbench.authors.worker PIPE REQUEST``.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workbench.errors import UnknownName, WorkbenchError
from workbench.registry import Entry, Registry, registry
from workbench.testing.checks import checks_of

EVERYTHING = "--all"


def main(pipe: int, request: dict[str, Any]) -> None:
    """``request``: ``target``, a name, a file or ``--all``; ``start``, the plugin and check to begin with; ``limit``.

    ``limit`` is in seconds; shortly before it, where the process hangs is written to standard error.
    """
    with os.fdopen(pipe, "w", buffering=1) as channel:

        def tell(event: str, **fields: Any) -> None:
            print(json.dumps({"event": event} | fields), file=channel)

        def watched(event: str, **fields: Any) -> None:
            sys.stdout.flush()
            tell(event, **fields)
            faulthandler.dump_traceback_later(max(0.1, 0.9 * request["limit"]))

        faulthandler.enable()
        watched("loading")
        try:
            entries, failures = _find(registry(), request["target"])
        except UnknownName as error:
            tell("unknown", text=str(error))
            return
        except WorkbenchError as error:
            entries, failures = [], [str(error)]
        tell("registered")
        questions = [list(checks_of(entry.spec)) for entry in entries]
        plugins = [
            {"kind": e.spec.kind, "name": e.spec.name, "origin": e.origin, "checks": [check.name for check in asked]}
            for e, asked in zip(entries, questions, strict=True)
        ]
        tell("loaded", plugins=plugins, failures=failures)
        for i, j in _from(request["start"], questions):
            watched("begins", plugin=i, check=j)
            outcome = questions[i][j].outcome()
            sys.stdout.flush()
            tell("ended", plugin=i, check=j, status=outcome.status, text=outcome.text)
        tell("done")
        faulthandler.cancel_dump_traceback_later()


def _find(known: Registry, target: str) -> tuple[list[Entry], list[str]]:
    """The entries that are meant, and why others of them could not be loaded."""
    if target == EVERYTHING:
        return list(known.entries()), [str(failure) for failure in known.failures]
    if not is_file(target):
        broken = [str(failure) for failure in known.failures if failure.plugin == target]
        return ([], broken) if broken else (known.named(target), [])
    file = Path(target)
    broken = [str(failure) for failure in known.failures if failure.plugin == file.stem]
    entries = [entry for entry in known.entries() if Path(entry.file).exists() and file.samefile(entry.file)]
    if not entries and not broken and file.stem not in (listener.plugin for listener in known.listeners()):
        broken = [f"{target} offers nothing: it needs a function such as register_activations under @hookimpl."]
    return entries, broken


def is_file(target: str) -> bool:
    """Whether a file is meant, not a name."""
    return target.endswith(".py") or os.sep in target


def _from(start: list[int], questions: list[list]) -> Iterator[tuple[int, int]]:
    for i, asked in enumerate(questions):
        for j in range(len(asked)):
            if [i, j] >= start:
                yield i, j


if __name__ == "__main__":
    main(int(sys.argv[1]), json.loads(sys.argv[2]))
