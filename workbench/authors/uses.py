"""Where the configuration files name a plugin: those of the workbench, and of the project in the working folder."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from workbench.experiment.config import GROUPS
from workbench.experiment.grid import CONF
from workbench.specs import KINDS

# What a setting of this name chooses among, wherever it stands; one named like a kind chooses one of that.
_CHOOSES: dict[str, tuple[str, ...]] = {
    **{kind: (kind,) for kind in KINDS},
    **GROUPS,
    "output": ("activation",),
    "layers": ("layer", "activation"),
    "figures": ("figure",),
}
_PACKAGE = re.compile(r"#\s*@package\s+(\S+)")


def uses(kind: str, name: str) -> list[str]:
    """``"experiment/stride.yaml: learner.optimizer"`` for every setting that is this plugin; project files last."""
    shipped, own = Path(next(iter(importlib.import_module(CONF).__path__))), Path("conf")
    folders = {shipped: ""} if not own.is_dir() or own.samefile(shipped) else {shipped: "", own: "conf/"}
    found = [
        f"{prefix}{file.relative_to(folder).as_posix()}: {key}"
        for folder, prefix in folders.items()
        for file in sorted(folder.rglob("*.yaml"))
        for key, value in _settings(file, folder)
        if kind in _CHOOSES.get(key.rpartition(".")[2], ()) and name in _names(value)
    ]
    return list(dict.fromkeys(found))


def _settings(file: Path, folder: Path) -> Iterator[tuple[str, Any]]:
    """Dotted keys as the command line has them, and their values, those of a sweep one by one."""
    from omegaconf import OmegaConf

    try:
        text = file.read_text()
        tree = OmegaConf.to_container(OmegaConf.create(text), resolve=False)
    except Exception:  # YAML's and OmegaConf's own; a run that needs the file will say
        return
    if not isinstance(tree, dict):
        return
    groups, package = ".".join(file.relative_to(folder).parent.parts), _PACKAGE.match(text)
    for entry in tree.pop("defaults", None) or ():  # "override /learner: cnn", or "cnn" within the group itself
        for group, value in (entry if isinstance(entry, dict) else {groups: entry}).items():
            yield str(group).split()[-1].lstrip("/") if group else "", value
    yield from _sweep(tree.pop("hydra", None))
    prefix = groups if package is None else "" if package[1] == "_global_" else package[1]
    yield from _flat(tree, f"{prefix}." if prefix else "")


def _sweep(hydra: Any) -> Iterator[tuple[str, Any]]:
    """What ``hydra.sweeper.params`` varies."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.core.override_parser.types import ChoiceSweep, QuotedString
    from hydra.errors import HydraException

    for part in ("sweeper", "params"):
        hydra = hydra.get(part) if isinstance(hydra, dict) else None
    parser = OverridesParser.create()
    for key, values in hydra.items() if isinstance(hydra, dict) else ():
        try:
            value = parser.parse_override(f"{key}={values}").value()
        except HydraException:
            continue
        for each in value.list if isinstance(value, ChoiceSweep) else [value]:
            yield key, each.text if isinstance(each, QuotedString) else each


def _flat(tree: Mapping[Any, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    """A setting that chooses is kept whole: ``{sgd: {lr: 0.1}}`` is a name with options."""
    for key, value in tree.items():
        if key == "name" and prefix.removesuffix(".") in GROUPS:
            yield prefix.removesuffix("."), value
        elif isinstance(value, dict) and (f"{prefix}{key}" in GROUPS or key not in _CHOOSES):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _names(value: Any) -> Iterator[str]:
    """The plugins that a value names: ``sgd``, ``{sgd: {lr: 0.1}}``, or a list of such."""
    if isinstance(value, list):
        for each in value:
            yield from _names(each)
    elif isinstance(value, dict) and len(value) == 1:
        yield from map(str, value)
    elif value is not None:
        yield str(getattr(value, "text", value))  # what Hydra read between quotes
