"""Find plugins, collect what they offer, look a name up."""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.metadata
import inspect
import os
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pluggy

from workbench import hookspecs
from workbench.errors import DuplicateName, PluginError, UnknownName, WorkbenchError, did_you_mean
from workbench.loading import defined_at, file_of, import_file, load_point, raised_at
from workbench.specs import KINDS, Layer, Spec, first_line

ENTRY_POINTS = "workbench"
HOOKS = {  # name -> what it gives its implementations, by name
    name: tuple(inspect.signature(hook).parameters)
    for name, hook in vars(hookspecs).items()
    if hasattr(hook, "workbench_spec")
}
ALLOWED = re.compile(r"[a-z][a-z0-9_]*")  # as the name of a plugin


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
    """A plugin that could not be loaded, or not in full, or not be left out as was wanted, and why.

    ``distribution`` is empty for built-ins and files; ``file`` is empty, and ``line`` 0, where none is known.
    """

    plugin: str
    distribution: str
    file: str
    line: int
    reason: str
    what: Literal["loaded", "loaded in full", "left out"] = "loaded"

    def __str__(self) -> str:
        line = f"line {self.line}" if self.line else ""
        place = ", ".join(filter(None, (self.distribution, self.file, line)))
        return ": ".join(filter(None, (f"plugin {self.plugin!r} could not be {self.what}", place, self.reason)))


@dataclass(frozen=True)
class _Source:
    """Where a plugin comes from, as far as is known: what is not is empty."""

    origin: str
    file: str = ""
    distribution: str = ""
    module: str = ""  # that an entry point names

    def __str__(self) -> str:
        return f"{self.file} ({self.distribution})" if self.file and self.distribution else self.file or self.origin


class Registry:
    """Everything the installed plugins offer. ``hook`` calls the lifecycle hooks.

    ``folder`` holds the user's own plugin files; ``WORKBENCH_PLUGINS_DIR`` overrides it, ``WORKBENCH_PLUGIN_FILES``
    names single files elsewhere (separated as in ``PATH``), and ``WORKBENCH_DISABLE_PLUGINS`` (comma-separated plugin
    names) keeps plugins out.
    A plugin that fails to load, or is misdeclared, is kept in ``failures``, and only using what it would have offered
    fails; so is a name that was to keep a plugin out, and none has. A name that two plugins offer is neither's: looking
    it up raises ``DuplicateName``. Raises ``PluginError`` for a folder or a file that is not there.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.manager = pluggy.PluginManager("workbench")
        self.manager.add_hookspecs(hookspecs)
        self.failures: list[Failure] = []
        self._sources: dict[str, _Source] = {}
        self._entries: dict[tuple[str, str], Entry] = {}
        self._contested: dict[tuple[str, str], str] = {}  # what is offered twice -> by whom, in words
        self._seen: set[str] = set()  # names of plugins, also of those that are kept out
        disabled = {name.strip() for name in os.environ.get("WORKBENCH_DISABLE_PLUGINS", "").split(",")} - {""}
        for name in disabled:
            self.manager.set_blocked(name)
        self._load_built_ins()
        self._load_distributions()
        self._load_folder(folder or Path.cwd() / "plugins")
        for name in sorted(disabled - self._seen):  # perhaps another project's, so everything else shall work
            near, _, _ = did_you_mean(name, self._seen).partition(" Known: ")
            reason = f"WORKBENCH_DISABLE_PLUGINS: there is none of that name{near}"
            self.failures.append(Failure(name, "", "", 0, reason, "left out"))
        for kind, hook in KINDS.items():
            self._collect(kind, hook)

    @property
    def hook(self) -> Any:
        return self.manager.hook

    def get(self, kind: str, name: str) -> Any:
        """The spec registered under ``name``; ``UnknownName`` with the nearest names, or ``DuplicateName``."""
        return self.entry(kind, name).spec

    def entry(self, kind: str, name: str) -> Entry:
        """Like ``get``, with the origin."""
        if kind not in KINDS:
            raise UnknownName(f"no kind of plugin is called {kind!r}{did_you_mean(kind, KINDS)}")
        return self.find((kind,), name)[0]

    def named(self, name: str) -> list[Entry]:
        """Every entry called ``name``, of whatever kind, or else of the plugin called so; ``kind.name`` is only one.

        Raises as ``get`` does.
        """
        kind, _, own = name.rpartition(".")
        if kind in KINDS:
            return [self.entry(kind, own)]
        with contextlib.suppress(UnknownName):
            return self.find(tuple(KINDS), name)
        if offered := [entry for entry in self.entries() if entry.plugin == name]:
            return offered
        return [self.entry(kind, own)] if kind else self.find(tuple(KINDS), name)  # these say what is wrong

    def find(self, kinds: Sequence[str], name: Any, where: str = "") -> list[Entry]:
        """The entries of these ``kinds`` called ``name``, at least one; ``where`` says who asks for it.

        Raises ``DuplicateName`` where two plugins offer one of them, and ``UnknownName`` with the nearest names and the
        plugins that may have offered it.
        """
        at = f"{where}: " if where else ""
        keys = [(kind, name) for kind in kinds if isinstance(name, str)]
        for key in keys:
            if key in self._contested:
                raise DuplicateName(at + self._contested[key])
        if found := [self._entries[key] for key in keys if key in self._entries]:
            return found
        near = did_you_mean(str(name), [known for kind in kinds for known in self.names(kind)])
        broken = "".join(f"\nNote: {failure}" for failure in self.failures)
        what = "plugin" if len(kinds) == len(KINDS) else " or ".join(kinds)
        raise UnknownName(f"{at}no {what} is named {name!r}{near}{broken}")

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
                yield Listener(name, self._sources[name].origin, first_line(plugin))

    def versions(self) -> dict[str, str]:
        """Plugin name -> origin, for every loaded plugin that is not a built-in."""
        return {name: source.origin for name, source in self._sources.items() if source.origin != "built-in"}

    def _load_built_ins(self) -> None:
        package = importlib.import_module("workbench.plugins")
        for kind in sorted(pkgutil.iter_modules(package.__path__), key=lambda m: m.name):
            if not kind.ispkg:
                continue
            folder = importlib.import_module(f"{package.__name__}.{kind.name}")
            for module in sorted(pkgutil.iter_modules(folder.__path__), key=lambda m: m.name):
                if not module.name.startswith("_"):
                    name = f"{kind.name}.{module.name}"
                    load = functools.partial(importlib.import_module, f"{package.__name__}.{name}")
                    self._register(name, load, _Source("built-in"))

    def _load_distributions(self) -> None:
        for point in sorted(importlib.metadata.entry_points(group=ENTRY_POINTS), key=lambda p: p.name):
            assert point.dist is not None  # only a hand-made EntryPoint belongs to no distribution
            origin = f"{point.dist.name} {point.dist.version}"
            source = _Source(origin, distribution=origin, module=point.module)
            self._register(point.name, functools.partial(load_point, point), source)

    def _load_folder(self, folder: Path) -> None:
        if override := os.environ.get("WORKBENCH_PLUGINS_DIR"):
            folder = Path(override).absolute()
            if not folder.is_dir():
                raise PluginError(f"WORKBENCH_PLUGINS_DIR: there is no folder {folder}.")
        files = sorted(file for file in folder.glob("*.py") if not file.name.startswith("_"))
        for name in filter(None, os.environ.get("WORKBENCH_PLUGIN_FILES", "").split(os.pathsep)):
            if not Path(name).is_file():
                raise PluginError(f"WORKBENCH_PLUGIN_FILES: there is no file {name}.")
            loaded = [Path(source.file) for source in self._sources.values() if os.path.exists(source.file)]
            if not any(file.samefile(name) for file in (*loaded, *files)):
                files.append(Path(name).absolute())
        for file in files:
            self._register(file.stem, functools.partial(import_file, file), _Source(os.path.relpath(file), str(file)))

    def _register(self, name: str, load: Callable[[], Any], source: _Source) -> None:
        """Take in the plugin that ``load`` returns or, with a failure, nothing of it."""
        self._seen.add(name)
        if self.manager.is_blocked(name):
            return
        if self.manager.has_plugin(name):
            first = self._sources.pop(name)
            self.manager.set_blocked(name)  # nothing tells which of them is meant, so the first one leaves, too
            clash = f"two plugins are called {name!r}: {first} and {source}. Rename or uninstall one of them."
            self._fail(name, source, PluginError(clash))
            return
        try:
            plugin = load()
            source = replace(source, file=file_of(plugin, source.module))
            mistakes = list(self._mistakes(plugin))
            if not mistakes:
                self.manager.register(plugin, name=name)
        except (Exception, SystemExit) as error:  # a stranger's file may do anything; it must not take the others down
            self._fail(name, source, error)
            return
        for function, mistake in mistakes:
            self._fail(name, source, PluginError(mistake), function)
        if not mistakes:
            self._sources[name] = source

    def _mistakes(self, plugin: Any) -> Iterator[tuple[Callable | None, str]]:
        """What makes ``plugin`` none that can be registered, and the function where that is so."""
        if self.manager.is_registered(plugin):
            yield None, f"it is loaded already, as {self.manager.get_name(plugin)!r}."
        for attribute in dir(plugin):
            marks = self.manager.parse_hookimpl_opts(plugin, attribute)
            if marks is None and attribute not in HOOKS:
                continue  # and is not read: that may run its code, or import what is not installed
            function: Any = getattr(plugin, attribute, None)
            if marks is None:
                if inspect.isroutine(function):
                    yield function, f"{attribute} is named like a hook, and lacks @hookimpl."
                continue
            hook = marks.get("specname") or attribute
            if hook not in HOOKS:
                if not marks.get("optionalhook"):
                    yield function, f"there is no hook {hook!r}{did_you_mean(hook, HOOKS)}"
                continue
            if marks.get("wrapper") or marks.get("hookwrapper"):
                yield function, f"{hook} is marked as a wrapper; hooks of the workbench are not wrapped."
            for argument in _required(function):
                if argument not in HOOKS[hook]:
                    unknown = f"the hook has no argument {argument!r}{did_you_mean(argument, HOOKS[hook])}"
                    yield function, f"{hook}{inspect.signature(function)}: {unknown}"

    def _collect(self, kind: str, hook: str) -> None:
        offers: dict[str, list[Entry]] = {}
        for implementation in getattr(self.hook, hook).get_hookimpls():
            plugin, function = implementation.plugin_name, implementation.function
            source = self._sources[plugin]
            try:
                offered = function()
                if not isinstance(offered, Iterable):
                    raise PluginError(f"{hook} returned {offered!r}; it must return a list.")
                specs = [_spec(each, kind, hook) for each in offered]
            except (Exception, SystemExit) as error:  # as when importing
                self._fail(plugin, source, error, function, "loaded in full")
                continue
            for spec in specs:
                offers.setdefault(spec.name, []).append(Entry(spec, plugin, source.origin, source.file))
        for name, (first, *others) in offers.items():
            if not others:
                self._entries[kind, name] = first
            for other in others:
                self._contested[kind, name] = clash = self._clash(first, other)
                source = self._sources[other.plugin]
                self._fail(other.plugin, source, PluginError(clash), other.spec.function, "loaded in full")

    def _clash(self, first: Entry, other: Entry) -> str:
        what, whose = f"the {first.spec.kind} {first.spec.name!r}", self._sources[first.plugin]
        if first.plugin == other.plugin:
            return f"plugin {first.plugin!r} offers {what} twice: {whose}. Rename one."
        return (
            f"two plugins offer {what}: {whose} and {self._sources[other.plugin]}. "
            f"Rename one, or keep a plugin out: WORKBENCH_DISABLE_PLUGINS={other.plugin}."
        )

    def _fail(
        self,
        plugin: str,
        source: _Source,
        error: BaseException,
        function: Callable | None = None,
        what: Literal["loaded", "loaded in full"] = "loaded",
    ) -> None:
        """Remember why ``plugin`` is left out; where ``error`` does not tell its place, it is that of ``function``."""
        file, line = raised_at(error) or defined_at(function) or (source.file, 0)
        reason = str(error) if isinstance(error, WorkbenchError) else f"{type(error).__name__}: {error}"
        self.failures.append(Failure(plugin, source.distribution, file, line, reason, what))


def _spec(offered: Any, kind: str, hook: str) -> Any:
    """The spec that a hook offers. Raises ``PluginError`` for what is none of this kind, or has no fit name."""
    spec = offered.spec() if inspect.isclass(offered) and issubclass(offered, Layer) else offered
    if getattr(spec, "kind", None) != kind:
        raise PluginError(f"{hook} returned {spec!r}, which is no {kind}.")
    if not ALLOWED.fullmatch(str(spec.name)):
        raise PluginError(
            f"{kind} name {spec.name!r} is not allowed: lower-case letters, digits and _ only, a letter first."
        )
    return spec


def _required(function: Callable) -> list[str]:
    """The arguments that must be given."""
    parameters = inspect.signature(function).parameters.values()
    return [p.name for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


@functools.cache
def registry() -> Registry:
    """This process's registry, built on first use from the working folder's project."""
    return Registry()


def get(kind: str, name: str) -> Any:
    """Any kind of plugin by name: ``get("activation", "relu")``. Raises ``UnknownName``."""
    return registry().get(kind, name)
