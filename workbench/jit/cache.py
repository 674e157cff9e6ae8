"""The kernel cache: a template specialised on plugin functions, its machine code kept on disk by content.

Numba's own cache does not see edits in other files (Numba's issue #1833) and never hits for functions passed as values
(#6972). So every kernel is a small generated file whose name is the hash of everything that went into
it, with one explicit signature, cached by Numba's public ``cache=True``; the functions it calls are put into its
namespace.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import platform
import sys
import tempfile
import time
import types
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np
from numba import cfunc, njit
from numba.core.compiler_lock import global_compiler_lock
from numba.core.errors import NumbaError

from workbench.files import cache_folder, replacing
from workbench.jit.explain import explain
from workbench.jit.fingerprint import canonical, fingerprint
from workbench.jit.retarget import OPTIONS, retarget

_UNUSED_FOR_DAYS = 60


@dataclass
class Statistics:
    """Kernels compiled and kernels loaded from the disk cache in this process."""

    compiled: int = 0
    loaded: int = 0


_statistics = Statistics()
_kernels: dict[str, Any] = {}


def statistics() -> Statistics:
    """What this process compiled and loaded so far."""
    return _statistics


@functools.cache
def cache_directory() -> Path | None:
    """Where kernels are kept; None, with one warning, where nothing can be written."""
    directory = cache_folder()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=directory).close()
    except OSError as error:
        warnings.warn(f"the kernel cache {directory} cannot be written ({error}): compiling anew", stacklevel=2)
        return None
    _prune(directory)
    return directory


@global_compiler_lock  # Numba's own, which it holds while it compiles: threads with two locks could lock each other up
def specialise(
    name: str,
    source: str,
    signature: Any,
    functions: Mapping[str, tuple[Callable, Mapping[str, Any]]],
    scope: Mapping[str, Any],
    dtype: str,
    kind: str = "cfunc",
    owner: str = "",
) -> Any:
    """The compiled function that ``source``, the text of one function called ``kernel``, defines.

    ``functions`` maps names in ``source`` to ``(function, bind)``: plain Python, retargeted to ``dtype``, with ``bind``
    as globals of its own. ``scope`` holds what ``source`` itself needs (intrinsics). ``kind`` is ``"cfunc"`` (C ABI,
    has ``.address``) or ``"njit"``. ``owner`` names the plugin in errors. Raises ``PluginError`` for code that Numba
    cannot compile.
    """
    key = _key(name, source, signature, functions, scope, dtype, kind)
    if key in _kernels:
        return _kernels[key]
    module = types.ModuleType(f"_workbench_{name}_{key}")
    file = _write_source(f"{name}_{key}.py", source)
    module.__file__ = str(file or f"<{name}>")
    sys.modules[module.__name__] = module  # Numba imports the module by name when it loads the cached code
    vars(module).update(scope)
    vars(module).update({n: retarget(function, dtype, bind, key) for n, (function, bind) in functions.items()})
    exec(compile(source, module.__file__, "exec"), vars(module))
    decorate = functools.partial(cfunc if kind == "cfunc" else njit, signature, **_options(kind))
    try:
        compiled = _build(decorate, vars(module)["kernel"], file)
    except Exception as error:  # Numba raises its own errors, and Python's for what it evaluates while compiling
        raise explain(error, owner or name, functions) from error
    _kernels[key] = compiled
    return compiled


def _options(kind: str) -> dict[str, Any]:
    return {k: v for k, v in OPTIONS.items() if not (kind == "cfunc" and k == "nogil")}


def _build(decorate: Callable, function: Callable, file: Path | None) -> Any:
    """Compile or load; a cache that cannot be used costs a recompilation, never the run."""
    if file is None:
        _statistics.compiled += 1
        return decorate(cache=False)(function)
    cached = _machine_code(file)
    try:
        compiled = decorate(cache=True)(function)
    except NumbaError:
        raise
    except Exception as error:  # a damaged file may raise anything
        if cached:
            warnings.warn(f"the cached kernel {file.name} is damaged ({error}): compiling anew", stacklevel=2)
            for damaged in cached:
                damaged.unlink(missing_ok=True)
            return _build(decorate, function, file)
        if isinstance(error, OSError | RuntimeError):  # a full disk, or no place Numba would cache in
            return _build(decorate, function, None)
        raise
    hits = compiled.cache_hits if hasattr(compiled, "cache_hits") else sum(compiled.stats.cache_hits.values())
    _statistics.loaded += bool(hits)
    _statistics.compiled += not hits
    with contextlib.suppress(OSError):
        for used in cached if hits else []:
            os.utime(used)  # not the source: Numba may take it for edited
    return compiled


@functools.cache
def _environment() -> str:
    """What every key depends on: versions, and the sources of the compiler's own parts that kernels inline."""
    sources = b"".join(f.read_bytes() for f in sorted(Path(__file__).parent.rglob("*.py")))
    versions = (platform.python_version(), numba.__version__, llvmlite.__version__, np.__version__)
    return f"{versions} {hashlib.sha256(sources).hexdigest()} {canonical(OPTIONS)}"


def _key(name: str, source: str, signature: Any, functions: Mapping, scope: Mapping, dtype: str, kind: str) -> str:
    seen: dict[int, str] = {}
    parts = [_environment(), name, source, repr(signature), dtype, kind]
    for label, (function, bind) in sorted(functions.items()):
        parts += [label, fingerprint(function, seen)]
        parts += _named(bind, seen)
    parts += _named(scope, seen)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


def _named(values: Mapping[str, Any], seen: dict[int, str]) -> list[str]:
    return [f"{k}={fingerprint(v, seen) if callable(v) else canonical(v)}" for k, v in sorted(values.items())]


def _write_source(file_name: str, source: str) -> Path | None:
    """The file that Numba caches the kernel for; None where it cannot be written, on a full disk for one."""
    directory = cache_directory()
    if directory is None:
        return None
    file = directory / file_name
    try:
        if not file.exists():  # another process may be writing the same content
            with replacing(file) as beside:
                beside.write_text(source)
    except OSError:
        return None
    return file


def _machine_code(source: Path) -> list[Path]:
    """What Numba keeps for a kernel's file, beside it as Python does."""
    return list((source.parent / "__pycache__").glob(f"{source.stem}*.nb?"))


def _prune(directory: Path) -> None:
    """Forget kernels nobody loaded for a long time: edited plugins leave theirs behind."""
    oldest = time.time() - _UNUSED_FOR_DAYS * 86400
    with contextlib.suppress(OSError):
        for source in directory.glob("*.py"):
            if source.stat().st_mtime < oldest:
                kept = _machine_code(source)
                if all(file.stat().st_mtime < oldest for file in kept):
                    for file in [source, *kept]:
                        file.unlink(missing_ok=True)
