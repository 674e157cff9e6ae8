"""Find plugins, collect what they offer, look a name up."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import importlib.util
import inspect
import os
import pkgutil
import re
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from workbench import hookspecs
from workbench.errors import DuplicateName, PluginError, UnknownName, did_you_mean
from workbench.specs import KINDS, Layer, Spec, first_line

ENTRY_POINTS = "workbench"
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Entry:
    """A registered spec and where it came from: ``built-in``, ``distribution version`` or a file."""

    spec: Spec
    plugin: str
    origin: str
    file: str


@dataclass(frozen=True)
class Listener:
    """A plugin that implements lifecycle hooks, and where it came from."""

    plugin: str
    origin: str
    description: str


@dataclass(frozen=True)
class Failure:
    """A plugin that could not be loaded: importing it, or one of its ``register_`` hooks, raised."""

    plugin: str
    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        line = f", line {self.line}" if self.line else ""
        return f"plugin {self.plugin!r} could not be loaded: {self.file}{line}: {self.reason}"


class Registry:
    """Everything the installed plugins offer. ``hook`` calls the lifecycle hooks.

    ``folder`` holds the user's own plugin files; ``WORKBENCH_PLUGINS_DIR`` overrides it, ``WORKBENCH_PLUGIN_FILES``
    names single files elsewhere (separated as in ``PATH``), and ``WORKBENCH_DISABLE_PLUGINS`` (comma-separated plugin
    names) keeps plugins out.
    Raises ``DuplicateName`` and ``PluginError``; a plugin that fails to load is kept in ``failures`` and only
    using what it would have offered fails.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.manager = pluggy.PluginManager("workbench")
        self.manager.add_hookspecs(hookspecs)
        self.failures: list[Failure] = []
        self._origins: dict[str, tuple[str, str]] = {}
        self._entries: dict[tuple[str, str], Entry] = {}
        for name in filter(None, os.environ.get("WORKBENCH_DISABLE_PLUGINS", "").split(",")):
            self.manager.set_blocked(name.strip())
        self._load_built_ins()
        self._load_distributions()
        self._load_folder(folder or Path.cwd() / "plugins")
        self._check_hooks()
        for kind, hook in KINDS.items():
            self._collect(kind, hook)

    @property
    def hook(self) -> Any:
        return self.manager.hook

    def get(self, kind: str, name: str) -> Any:
        """The spec registered under ``name``; ``UnknownName`` with the nearest names otherwise."""
        return self.entry(kind, name).spec

    def entry(self, kind: str, name: str) -> Entry:
        """Like ``get``, with the origin."""
        if kind not in KINDS:
            raise UnknownName(f"no kind of plugin is called {kind!r}{did_you_mean(kind, KINDS)}")
        try:
            return self._entries[kind, name]
        except (KeyError, TypeError):  # TypeError: a list or mapping where a name belongs
            raise UnknownName(self.unknown((kind,), name)) from None

    def named(self, name: str) -> list[Entry]:
        """Every entry called ``name``, of whatever kind; ``kind.name`` is only one. Raises ``UnknownName``."""
        kind, _, own = name.rpartition(".")
        if kind:
            return [self.entry(kind, own)]
        found = [entry for entry in self.entries() if entry.spec.name == own]
        if not found:
            raise UnknownName(self.unknown(list(KINDS), name))
        return found

    def unknown(self, kinds: Sequence[str], name: Any) -> str:
        """What there is to say when none of ``kinds`` has this name: the nearest, and plugins that may have had it."""
        near = did_you_mean(str(name), [known for kind in kinds for known in self.names(kind)])
        broken = "".join(f"\nNote: {failure}." for failure in self.failures)
        what = "plugin" if len(kinds) == len(KINDS) else " or ".join(kinds)
        return f"no {what} is named {name!r}{near}{broken}"

    def names(self, kind: str) -> list[str]:
        """All names of one kind, sorted."""
        return sorted(name for k, name in self._entries if k == kind)

    def entries(self) -> Iterator[Entry]:
        """Every entry, by kind in the order of ``KINDS``, then by name."""
        for kind in KINDS:
            for name in self.names(kind):
                yield self._entries[kind, name]

    def listeners(self) -> Iterator[Listener]:
        """Every plugin that implements a lifecycle hook, whatever else it offers, in the order they were found."""
        for name, plugin in self.manager.list_name_plugin():
            if {caller.name for caller in self.manager.get_hookcallers(plugin) or ()} - set(KINDS.values()):
                yield Listener(name, self._origins[name][0], first_line(plugin))

    def versions(self) -> dict[str, str]:
        """Plugin name -> origin, for every loaded plugin that is not a built-in."""
        return {name: origin for name, (origin, _) in self._origins.items() if origin != "built-in"}

    def _load_built_ins(self) -> None:
        package = importlib.import_module("workbench.plugins")
        for kind in sorted(pkgutil.iter_modules(package.__path__), key=lambda m: m.name):
            if not kind.ispkg:
                continue
            folder = importlib.import_module(f"{package.__name__}.{kind.name}")
            for module in sorted(pkgutil.iter_modules(folder.__path__), key=lambda m: m.name):
                if not module.name.startswith("_"):
                    name = f"{kind.name}.{module.name}"
                    self._register(name, functools.partial(importlib.import_module, f"{package.__name__}.{name}"))

    def _load_distributions(self) -> None:
        for point in sorted(importlib.metadata.entry_points(group=ENTRY_POINTS), key=lambda p: p.name):
            assert point.dist is not None  # only a hand-made EntryPoint belongs to no distribution
            self._register(point.name, point.load, f"{point.dist.name} {point.dist.version}")

    def _load_folder(self, folder: Path) -> None:
        if override := os.environ.get("WORKBENCH_PLUGINS_DIR"):
            folder = Path(override).absolute()
            if not folder.is_dir():
                raise PluginError(f"WORKBENCH_PLUGINS_DIR: there is no folder {folder}.")
        files = sorted(file for file in folder.glob("*.py") if not file.name.startswith("_"))
        for name in filter(None, os.environ.get("WORKBENCH_PLUGIN_FILES", "").split(os.pathsep)):
            if not Path(name).is_file():
                raise PluginError(f"WORKBENCH_PLUGIN_FILES: there is no file {name}.")
            if not any(Path(name).samefile(file) for file in files):
                files.append(Path(name).absolute())
        for file in files:
            self._register(file.stem, functools.partial(_import_file, file), os.path.relpath(file))

    def _register(self, name: str, load: Any, origin: str = "built-in") -> None:
        if self.manager.is_blocked(name):
            return
        try:
            plugin = load()
        except Exception as error:  # a stranger's file may raise anything; it must not take the others down
            self.failures.append(_failure(name, origin, error))
            return
        file = _file_of(plugin, origin)
        if self.manager.has_plugin(name):
            raise DuplicateName(
                f"two plugins are called {name!r}: {self._origins[name][1]} and {file}. "
                "Rename one, or keep one out with WORKBENCH_DISABLE_PLUGINS."
            )
        self._origins[name] = (origin, file)
        try:
            self.manager.register(plugin, name=name)
        except (pluggy.PluginValidationError, ValueError) as error:  # ValueError: one object under two names
            raise PluginError(f"{file}: {error}") from None

    def _check_hooks(self) -> None:
        known = [name for name in vars(hookspecs) if hasattr(getattr(hookspecs, name), "workbench_spec")]
        try:
            self.manager.check_pending()
        except pluggy.PluginValidationError as error:
            name = self.manager.get_name(error.plugin)
            unknown = next(
                (n for n, f in inspect.getmembers(error.plugin, inspect.isroutine)
                 if hasattr(f, "workbench_impl") and n not in known),
                str(error),
            )  # fmt: skip
            file = self._origins[name][1] if name in self._origins else name
            raise PluginError(f"{file}: there is no hook {unknown!r}{did_you_mean(unknown, known)}") from None

    def _collect(self, kind: str, hook: str) -> None:
        for implementation in getattr(self.manager.hook, hook).get_hookimpls():
            name = implementation.plugin_name
            origin, file = self._origins[name]
            try:
                offered = implementation.function()
                specs = None if offered is None else [_spec(each) for each in offered]
            except Exception as error:  # as when importing
                self.failures.append(_failure(name, file, error))
                continue
            if specs is None:
                raise PluginError(f"{file}: {hook} returned None; it must return a list.")
            for spec in specs:
                if getattr(spec, "kind", None) != kind:
                    raise PluginError(f"{file}: {hook} returned {spec!r}, which is no {kind}.")
                if not _NAME.fullmatch(str(spec.name)):
                    raise PluginError(
                        f"{file}: {kind} name {spec.name!r} is not allowed: lower-case letters, digits and _ only, "
                        "a letter first."
                    )
                if earlier := self._entries.get((kind, spec.name)):
                    raise DuplicateName(f"two plugins offer the {kind} {spec.name!r}: {earlier.file} and {file}.")
                self._entries[kind, spec.name] = Entry(spec, name, origin, file)


def _spec(offered: Any) -> Any:
    return offered.spec() if inspect.isclass(offered) and issubclass(offered, Layer) else offered


def _file_of(plugin: Any, origin: str) -> str:
    """Where a plugin is written: most are modules, an entry point may also name a class or an instance."""
    try:
        return inspect.getfile(plugin if inspect.ismodule(plugin) or inspect.isclass(plugin) else type(plugin))
    except TypeError:
        return origin


def _import_file(file: Path) -> ModuleType:
    """Import a user's plugin file under a name that cannot clash; it stays in ``sys.modules`` as imports do."""
    name = f"workbench_user_plugins.{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    folder = str(file.parent)
    if folder not in sys.path:  # so that a plugin can import a helper that lies beside it
        sys.path.append(folder)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _failure(name: str, origin: str, error: Exception) -> Failure:
    if isinstance(error, SyntaxError) and error.filename:
        file, line = error.filename, error.lineno or 0
    else:
        machinery = ("importlib", __file__)
        frames = [f for f in traceback.extract_tb(error.__traceback__) if not any(m in f.filename for m in machinery)]
        file, line = (frames[-1].filename, frames[-1].lineno or 0) if frames else (origin, 0)
    return Failure(name, file, line, f"{type(error).__name__}: {error}")


@functools.cache
def registry() -> Registry:
    """This process's registry, built on first use from the working folder's project."""
    return Registry()


def get(kind: str, name: str) -> Any:
    """Any kind of plugin by name: ``get("activation", "relu")``. Raises ``UnknownName``."""
    return registry().get(kind, name)
