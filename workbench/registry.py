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
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from workbench import hookspecs
from workbench.errors import DuplicateName, PluginError, UnknownName, WorkbenchError, did_you_mean
from workbench.specs import KINDS, Layer, Spec, first_line

ENTRY_POINTS = "workbench"
HOOKS = {  # name -> what it gives its implementations, by name
    name: tuple(inspect.signature(hook).parameters)
    for name, hook in vars(hookspecs).items()
    if hasattr(hook, "workbench_spec")
}
ALLOWED = re.compile(r"[a-z][a-z0-9_]*")  # as the name of a plugin
_USERS = "workbench_user_plugins"  # the package that a user's files are modules of


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
    """A plugin that is left out, or ``partly`` what it offers, and why.

    ``distribution`` is empty for built-ins and files; ``file`` is empty, and ``line`` 0, where none is known.
    """

    plugin: str
    distribution: str
    file: str
    line: int
    reason: str
    partly: bool = False

    def __str__(self) -> str:
        line = f"line {self.line}" if self.line else ""
        place = ", ".join(filter(None, (self.distribution, self.file, line)))
        full = " in full" if self.partly else ""
        return f"plugin {self.plugin!r} could not be loaded{full}: {place}: {self.reason}"


@dataclass(frozen=True)
class _Source:
    """Where a plugin comes from, as far as is known: what is not is empty."""

    origin: str
    file: str = ""
    distribution: str = ""

    def __str__(self) -> str:
        return f"{self.file} ({self.distribution})" if self.file and self.distribution else self.file or self.origin


class Registry:
    """Everything the installed plugins offer. ``hook`` calls the lifecycle hooks.

    ``folder`` holds the user's own plugin files; ``WORKBENCH_PLUGINS_DIR`` overrides it, ``WORKBENCH_PLUGIN_FILES``
    names single files elsewhere (separated as in ``PATH``), and ``WORKBENCH_DISABLE_PLUGINS`` (comma-separated plugin
    names) keeps plugins out.
    A plugin that fails to load, or is misdeclared, is kept in ``failures``, and only using what it would have offered
    fails. So it is with a name that two plugins offer: neither is taken for the other, and looking it up raises
    ``DuplicateName``. Raises ``PluginError`` for a folder or a file that is not there.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.manager = pluggy.PluginManager("workbench")
        self.manager.add_hookspecs(hookspecs)
        self.failures: list[Failure] = []
        self._sources: dict[str, _Source] = {}
        self._entries: dict[tuple[str, str], Entry] = {}
        self._contested: dict[tuple[str, str], str] = {}  # what is offered twice -> by whom, in words
        for name in filter(None, os.environ.get("WORKBENCH_DISABLE_PLUGINS", "").split(",")):
            self.manager.set_blocked(name.strip())
        self._load_built_ins()
        self._load_distributions()
        self._load_folder(folder or Path.cwd() / "plugins")
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
        """Every entry called ``name``, of whatever kind; ``kind.name`` is only one. Raises as ``get`` does."""
        kind, _, own = name.rpartition(".")
        return [self.entry(kind, own)] if kind else self.find(tuple(KINDS), name)

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
            self._register(point.name, functools.partial(_load_point, point), _Source(origin, distribution=origin))

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
            self._register(file.stem, functools.partial(_import_file, file), _Source(os.path.relpath(file), str(file)))

    def _register(self, name: str, load: Callable[[], Any], source: _Source) -> None:
        """Take in the plugin that ``load`` returns or, with a failure, nothing of it."""
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
        except (Exception, SystemExit) as error:  # a stranger's file may do anything; it must not take the others down
            self._fail(name, source, error)
            return
        source = replace(source, file=_file_of(plugin, source.origin))
        mistakes = list(self._mistakes(plugin))
        for function, mistake in mistakes:
            self._fail(name, source, PluginError(mistake), function)
        if not mistakes:
            self._sources[name] = source
            self.manager.register(plugin, name=name)

    def _mistakes(self, plugin: Any) -> Iterator[tuple[Callable | None, str]]:
        """What makes ``plugin`` none that can be registered, and the function where that is so."""
        if self.manager.is_registered(plugin):
            yield None, f"it is loaded already, as {self.manager.get_name(plugin)!r}."
        for attribute in dir(plugin):
            function: Any = getattr(plugin, attribute, None)
            if (marks := self.manager.parse_hookimpl_opts(plugin, attribute)) is None:
                if attribute in HOOKS and inspect.isroutine(function):
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
                self._fail(plugin, source, error, function, partly=True)
                continue
            for spec in specs:
                offers.setdefault(spec.name, []).append(Entry(spec, plugin, source.origin, source.file))
        for name, (first, *others) in offers.items():
            if not others:
                self._entries[kind, name] = first
            for other in others:
                self._contested[kind, name] = clash = self._clash(first, other)
                source = self._sources[other.plugin]
                self._fail(other.plugin, source, PluginError(clash), other.spec.function, partly=True)

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
        partly: bool = False,
    ) -> None:
        """Remember why ``plugin`` is left out; where ``error`` does not tell its place, it is that of ``function``."""
        file, line = _raised_at(error) or _defined_at(function) or (source.file, 0)
        reason = str(error) if isinstance(error, WorkbenchError) else f"{type(error).__name__}: {error}"
        self.failures.append(Failure(plugin, source.distribution, file, line, reason, partly))


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


def _file_of(plugin: Any, origin: str) -> str:
    """Where a plugin is written: most are modules, an entry point may also name a class or an instance."""
    try:
        return inspect.getfile(plugin if inspect.ismodule(plugin) or inspect.isclass(plugin) else type(plugin))
    except TypeError:
        return origin


def _load_point(point: importlib.metadata.EntryPoint) -> Any:
    """What an entry point names. Its own ``load`` may be another library's, and look like the plugin's."""
    module = importlib.import_module(point.module)
    return functools.reduce(getattr, point.attr.split(".") if point.attr else [], module)


def _import_file(file: Path) -> ModuleType:
    """Import a user's plugin file under a name that cannot clash; it stays in ``sys.modules`` as imports do."""
    # Whoever copies an estimator to another process looks its class up by name, through the package.
    sys.modules.setdefault(_USERS, ModuleType(_USERS))
    name = f"{_USERS}.{file.stem}"
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


def _raised_at(error: BaseException) -> tuple[str, int] | None:
    """File and line where ``error`` arose, in the plugin or a helper beside it rather than in what these call."""
    if isinstance(error, SyntaxError) and error.filename:
        return error.filename, error.lineno or 0
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not _is_machinery(f.filename)]
    beside = [f for f in frames if f.filename.startswith(os.path.dirname(frames[0].filename))]
    return (beside[-1].filename, beside[-1].lineno or 0) if beside else None


def _is_machinery(file: str) -> bool:
    core = os.path.dirname(__file__)
    imports = file.startswith(("<frozen importlib", os.path.dirname(importlib.__file__)))
    return imports or (file.startswith(core) and not file.startswith(os.path.join(core, "plugins")))


def _defined_at(function: Callable | None) -> tuple[str, int] | None:
    code = getattr(inspect.unwrap(function), "__code__", None) if function is not None else None
    return (code.co_filename, code.co_firstlineno) if code else None


@functools.cache
def registry() -> Registry:
    """This process's registry, built on first use from the working folder's project."""
    return Registry()


def get(kind: str, name: str) -> Any:
    """Any kind of plugin by name: ``get("activation", "relu")``. Raises ``UnknownName``."""
    return registry().get(kind, name)
