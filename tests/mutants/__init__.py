"""Mutants: built-in plugins with one mistake each, which the conformance checks must find.

One list per kind of plugin; a mutant is an edit of the plugin's file, as an author's slip would be.
"""

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

    ``survives`` says why no check can see it.
    """

    kind: str
    name: str
    mistake: str
    old: str
    new: str
    survives: str = ""

    def build(self, folder: Path):
        """The spec of the mutated plugin, imported from a file of its own in ``folder``."""
        original = Path(registry().entry(self.kind, self.name).file)
        source = original.read_text()
        assert source.count(self.old) == 1, f"{original.name} has {self.old!r} {source.count(self.old)} times"
        file = folder / original.name
        file.write_text(source.replace(self.old, self.new))
        name = f"mutant_{abs(hash(self)):x}"
        spec = importlib.util.spec_from_file_location(name, file)
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        offered = getattr(module, KINDS[self.kind])()
        specs = [each.spec() if isinstance(each, type) and issubclass(each, Layer) else each for each in offered]
        return next(each for each in specs if each.name == self.name)


def mutants():
    """All of them, by kind."""
    for module in pkgutil.iter_modules(__path__):
        yield from importlib.import_module(f"{__name__}.{module.name}").MUTANTS
