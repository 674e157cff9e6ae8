"""Mutants: built-in plugins with one mistake each, which the conformance checks must find.

One list per kind of plugin; a mutant is an edit of the plugin's file, as an author's slip would be.
"""

import contextlib
import importlib
import importlib.util
import pkgutil
import sys
from dataclasses import dataclass
from pathlib import Path

from workbench.registry import registry
from workbench.specs import KINDS, Layer


@dataclass(frozen=True)
class Mutant:
    """``old``, which occurs once in the file of the built-in ``name``, becomes ``new``.

    ``survives`` says why no check can see it. ``helper`` names the file beside it in which ``old`` is, ``_image.py``.
    """

    kind: str
    name: str
    mistake: str
    old: str
    new: str
    survives: str = ""
    helper: str = ""

    def build(self, folder: Path):
        """The spec of the mutated plugin, imported from a file of its own in ``folder``."""
        original = Path(registry().entry(self.kind, self.name).file)
        edited = original.with_name(self.helper or original.name)
        source = edited.read_text()
        assert source.count(self.old) == 1, f"{edited.name} has {self.old!r} {source.count(self.old)} times"
        file = folder / original.name
        file.write_text(original.read_text())
        (folder / edited.name).write_text(source.replace(self.old, self.new))
        name = f"mutant_{abs(hash(self)):x}"
        with self._helper_in(folder) if self.helper else contextlib.nullcontext():
            module = _import(name, file)
        offered = getattr(module, KINDS[self.kind])()
        specs = [each.spec() if isinstance(each, type) and issubclass(each, Layer) else each for each in offered]
        return next(each for each in specs if each.name == self.name)

    @contextlib.contextmanager
    def _helper_in(self, folder: Path):
        """What is imported meanwhile sees the mutated helper, and other helpers that have seen it."""
        package = sys.modules[registry().get(self.kind, self.name).function.__module__.rpartition(".")[0]]
        helpers = {name: m for name, m in sys.modules.items() if name.startswith(f"{package.__name__}._")}
        for name in helpers:
            del sys.modules[name]
            delattr(package, name.rpartition(".")[2])
        mutated = self.helper.removesuffix(".py")
        setattr(package, mutated, _import(f"{package.__name__}.{mutated}", folder / self.helper))
        try:
            yield
        finally:
            for name in [name for name in sys.modules if name.startswith(f"{package.__name__}._")]:
                del sys.modules[name]
            for name, module in helpers.items():
                sys.modules[name] = module
                setattr(package, name.rpartition(".")[2], module)


def _import(name: str, file: Path):
    spec = importlib.util.spec_from_file_location(name, file)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def mutants():
    """All of them, by kind."""
    for module in pkgutil.iter_modules(__path__):
        yield from importlib.import_module(f"{__name__}.{module.name}").MUTANTS
