"""The ``workbench`` command."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from workbench.errors import ConfigError, WorkbenchError, did_you_mean


def run(arguments: list[str]) -> int:
    """train and journal one experiment, or sweep it: workbench run experiment=vanishing_gradient"""
    from workbench.experiment.launch import launch

    return launch(arguments)


def ui(arguments: list[str]) -> int:
    """open the runs in MLflow, on this machine only; --port N, --no-browser"""
    import argparse

    from workbench.experiment.store import PORT
    from workbench.ui import serve

    parser = argparse.ArgumentParser("workbench ui", description=ui.__doc__, allow_abbrev=False)
    parser.add_argument("--port", type=int, default=PORT, help="%(default)s, or the next one that is free")
    parser.add_argument("--no-browser", action="store_true", help="print the address only")
    options = parser.parse_args(arguments)
    if not 1 <= options.port <= 65535:
        raise ConfigError(f"--port {options.port}: a port is a number from 1 to 65535.")
    serve(options.port, open_browser=not options.no_browser)
    return 0


def plugins(arguments: list[str]) -> int:
    """list every plugin: kind, name, origin and what it is; or describe one: workbench plugins NAME"""
    if len(arguments) > 1:
        raise ConfigError(f"`workbench plugins` takes one name, got {' '.join(arguments)!r}.")
    if arguments:
        from workbench.authors.describe import describe

        describe(arguments[0])
        return 0
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from workbench.registry import registry

    found = registry()
    table = Table("kind", "name", "origin", "description", box=box.SIMPLE)
    rows = [(entry.spec.kind, entry.spec.name, entry.origin, entry.spec.description) for entry in found.entries()]
    rows += [("lifecycle", each.plugin, each.origin, each.description) for each in found.listeners()]
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console(width=None if sys.stdout.isatty() else 200)  # a pipe has no width to fit into
    console.print(table)
    for failure in found.failures:
        console.print(Text(str(failure), style="red"), soft_wrap=True)
    return 0


def new(arguments: list[str]) -> int:
    """begin a plugin, a project or a package: workbench new activation swish2"""
    from workbench.authors import scaffold

    print(scaffold.new(arguments))
    return 0


def check(arguments: list[str]) -> int:
    """say whether a plugin is what it should be: workbench check NAME, FILE or --all"""
    from workbench.authors.check import check

    return check(arguments)


COMMANDS: dict[str, Callable[[list[str]], int]] = {"run": run, "ui": ui, "plugins": plugins, "new": new, "check": check}


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run one command and leave with its exit code: 0 done, 1 a run failed, 2 the input was wrong, 130 interrupted.

    141: whoever read the output (``| head``) had enough of it.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        try:
            sys.exit(_dispatch(arguments))
        finally:
            sys.stdout.flush()  # on the way out it would be too late to notice that nobody reads
    except WorkbenchError as error:
        if os.environ.get("WORKBENCH_TRACE"):
            raise
        print(f"workbench: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # takes what is left unsaid
        sys.exit(141)
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        gc.freeze()  # or the interpreter, on its way out, would search everything for garbage once more


def _dispatch(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_help())
        return 0
    if arguments[0] == "--version":
        from workbench import __version__

        print(f"workbench {__version__}")
        return 0
    if arguments[0] in ("-sc", "--shell-completion"):  # how the shell asks for the completion of `workbench run ...`
        return run(arguments)
    command, *rest = arguments
    if command not in COMMANDS:
        raise ConfigError(f"there is no command {command!r}{did_you_mean(command, COMMANDS)}")
    return COMMANDS[command](rest)


def _help() -> str:
    import workbench

    lines = [workbench.__doc__ or "", "", "usage: workbench COMMAND [ARGUMENTS]", ""]
    lines += [f"  {name:8} {command.__doc__}" for name, command in COMMANDS.items()]
    lines += ["", "`workbench run --help` shows what can be set. WORKBENCH_TRACE=1 shows where an error came from."]
    return "\n".join(lines)
