"""From where a plugin lies to the Python object that it is, and from an error back to the line that raised it."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Callable
from importlib import machinery
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

_USERS = "workbench_user_plugins"  # the package that a user's files are modules of


def file_of(plugin: Any, module: str) -> str:
    """Where a plugin is written: most are modules, and what else an entry point names is an object in one."""
    return getattr(plugin if inspect.ismodule(plugin) else sys.modules.get(module), "__file__", None) or ""


def load_point(point: importlib.metadata.EntryPoint) -> Any:
    """What an entry point names. Its own ``load`` may be another library's, and look like the plugin's."""
    module = importlib.import_module(point.module)
    return functools.reduce(getattr, point.attr.split(".") if point.attr else [], module)


def import_file(file: Path) -> ModuleType:
    """Import a user's plugin file under a name that cannot clash; it stays in ``sys.modules`` as imports do."""
    # Whoever copies an estimator to another process looks its class up by name, through the package.
    package = sys.modules.setdefault(_USERS, ModuleType(_USERS))
    name = f"{_USERS}.{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file, loader=_AsWritten(name, str(file)))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    folder = str(file.parent)
    if folder not in sys.path:  # so that a plugin can import a helper that lies beside it
        sys.path.append(folder)
    package.__path__ = list({*getattr(package, "__path__", ()), folder})  # or by a relative import
    sys.path_importer_cache[folder] = _Beside(folder)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


class _AsWritten(machinery.SourceFileLoader):
    """Compiles a file anew: an edit within a second that keeps its length is not told from bytecode kept of before."""

    def get_code(self, fullname: str) -> CodeType:
        file = self.get_filename(fullname)
        return self.source_to_code(self.get_data(file), file)


class _Beside(machinery.FileFinder):
    """Finds the helpers in a user's folder of plugins, and in packages there, as they are written."""

    def __init__(self, folder: str) -> None:
        binary = machinery.ExtensionFileLoader, machinery.EXTENSION_SUFFIXES
        super().__init__(folder, binary, (_AsWritten, machinery.SOURCE_SUFFIXES))

    def find_spec(self, fullname: str, target: ModuleType | None = None) -> machinery.ModuleSpec | None:
        spec = super().find_spec(fullname, target)
        for folder in (spec and spec.submodule_search_locations) or ():
            sys.path_importer_cache[folder] = _Beside(folder)
        return spec


def raised_at(error: BaseException) -> tuple[str, int] | None:
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


def defined_at(function: Callable | None) -> tuple[str, int] | None:
    """File and first line of a function in Python."""
    code = getattr(inspect.unwrap(function), "__code__", None) if function is not None else None
    return (code.co_filename, code.co_firstlineno) if code else None
