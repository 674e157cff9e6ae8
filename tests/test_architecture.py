"""The house stands as drawn: imports point downwards only, the core knows no plugin, exports are what they claim."""

import ast
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

import workbench

PACKAGE = Path(workbench.__file__).parent
FLOORS = (
    {
        "compiler",
        "derive",
        "errors",
        "files",
        "hookspecs",
        "libraries",
        "loading",
        "noise",
        "options",
        "specs",
        "windows",
    },
    {"registry"},
    {"jit"},
    {"network", "clustering"},
    {"testing", "experiment"},
    {"authors"},
    {"cli", "ui", "pytest_plugin", "__main__"},
)
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if PACKAGE / "plugins" not in path.parents)
PLUGINS = sorted(Path(importlib.import_module("workbench.plugins").__path__[0]).rglob("*.py"))
HEAVY = {"numba", "scipy", "sklearn", "pandas", "matplotlib", "mlflow", "hydra", "torch", "jax"}


def name_of(path):
    return ".".join(("workbench", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


def floor_of(module):
    """Which floor a module stands on; ``workbench`` itself only re-exports the ground."""
    part = module.partition(".")[2].partition(".")[0] or "errors"
    heights = [height for height, parts in enumerate(FLOORS) if part in parts]
    assert heights, f"{module} stands on no floor: say in FLOORS where it belongs"
    return heights[0]


def is_for_type_checkers(node):
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def imports(source, package):
    """The modules that running any part of ``source`` may import, those inside functions too."""
    nodes = [ast.parse(source)]
    for node in nodes:
        nodes += node.orelse if is_for_type_checkers(node) else ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            # `from workbench import registry` imports a module, `from workbench import Layer` a name.
            yield from (f"{base}.{a.name}" if is_module(base, a.name) else base for a in node.names)


def is_module(base, name):
    return base == "workbench" and ((PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file())


def imports_of(path):
    package = name_of(path) if path.name == "__init__.py" else name_of(path).rpartition(".")[0]
    return set(imports(path.read_text(), package))


def test_the_reader_of_imports_overlooks_none():
    source = """
import os, numpy.linalg
from workbench import registry, Layer
from . import plan
def f():
    from ..jit import specialise
    if TYPE_CHECKING:
        import torch
    else:
        import jax
"""
    assert list(imports(source, "workbench.network")) == [
        *("os", "numpy.linalg", "workbench.registry", "workbench", "workbench.network", "workbench.jit", "jax")
    ]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_downwards(path):
    module = name_of(path)
    upwards = {
        imported
        for imported in imports_of(path)
        if imported.split(".")[0] == "workbench" and floor_of(imported) > floor_of(module)
    }
    assert not upwards


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: path.name)
def test_no_plugin_imports_the_top_floor(path):
    """Commands call plugins; a plugin that needs what a command has finds it further down."""
    top = {f"workbench.{part}" for part in FLOORS[-1]}
    assert not {m for m in imports(path.read_text(), "somewhere") if ".".join(m.split(".")[:2]) in top}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_the_core_names_no_plugin(path):
    """Neither by import nor by a dotted name in a string; the registry alone knows where built-ins lie."""
    assert not re.search(r"workbench\.plugins\.\w|import.*\bplugins\.", path.read_text())


@pytest.mark.parametrize(
    "path", [*MODULES, *PLUGINS, *sorted(Path(__file__).parent.rglob("*.py"))], ids=lambda path: path.name
)
def test_nobody_imports_the_bare_plugins_folder(path):
    """In a checkout ``plugins`` would be a second copy of every module of ``workbench.plugins``."""
    assert not {m for m in imports(path.read_text(), "somewhere") if m.split(".")[0] in ("plugins", "conf")}


def test_exports_are_public_documented_and_there():
    assert workbench.__all__ == sorted(workbench.__all__)
    for name in workbench.__all__:
        assert not name.startswith("_")
        exported = getattr(workbench, name)
        assert name == "hookimpl" or exported.__doc__, f"{name} has no docstring"


def test_exports_are_complete():
    own = {n for n, v in vars(workbench).items() if getattr(v, "__module__", "").startswith("workbench.")}
    assert {name for name in own if not name.startswith("_")} <= set(workbench.__all__)


def test_an_unknown_export_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'workbench' has no attribute 'Netwrok'"):
        _ = workbench.Netwrok


def test_looking_plugins_up_loads_nothing_heavy(tmp_path):
    """`workbench plugins` answers at once because no plugin file imports these at its top."""
    script = "import sys; from workbench.registry import registry; registry(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    heavy = HEAVY & set(loaded.stdout.split())
    assert not heavy
