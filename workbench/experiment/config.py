"""What an experiment's configuration holds, and the check that it can be run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from annotated_types import Ge, Gt, Lt

from workbench.errors import ConfigError, DuplicateName, WorkbenchError, did_you_mean
from workbench.experiment.data import Prepared, prepare
from workbench.options import check_options, options_of
from workbench.registry import registry
from workbench.specs import Spec

Param = str | int | float | bool | None
GROUPS = {"dataset": ("dataset",), "learner": ("estimator", "clusterer")}  # configuration group -> kinds of plugin
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Config:
    """One run's configuration. ``dataset`` and ``learner`` are a plugin's ``name`` and its options.

    ``figures`` None draws every figure that applies. ``training_samples`` None takes all there are. ``snapshots`` are
    epochs after which the network is kept, 0 before the first; the last is kept in any case. A clusterer gets all
    samples: ``validation_fraction`` is for learners that predict.
    """

    name: str
    dataset: dict[str, Any]
    learner: dict[str, Any]
    seed: Annotated[int, Ge(0), Lt(2**32)] = 0
    validation_fraction: Annotated[float, Gt(0), Lt(1)] = 0.2
    training_samples: Annotated[int, Ge(1)] | None = None
    standardise: bool = True
    snapshots: Sequence[Annotated[int, Ge(0)]] = ()
    figures: list[str] | None = None

    @property
    def params(self) -> dict[str, Param]:
        """Every setting under its dotted key; a list stands as text."""
        return dict(_flatten(asdict(self)))

    @property
    def clusters(self) -> bool:
        """Whether the learner is a clusterer."""
        return choice("learner", self.learner["name"]).kind == "clusterer"

    def data(self) -> Prepared:
        """The data, split and standardised. Raises ``DataError``."""
        options = dict(self.dataset)
        fraction = None if self.clusters else self.validation_fraction
        return prepare(options.pop("name"), options, fraction, self.standardise, self.seed, self.training_samples)

    def estimator(self) -> Any:
        """The learner, not yet fitted. Raises ``ConfigError``."""
        options = dict(self.learner)
        name = options.pop("name")
        task = () if self.clusters else (self.data().task,)
        try:
            return choice("learner", name).function(*task, **options)
        except WorkbenchError:
            raise
        except Exception as error:  # whatever a stranger's constructor thinks of the options
            raise ConfigError(f"learner: {name!r} could not be built: {type(error).__name__}: {error}") from error


def choice(group: str, name: str) -> Spec:
    """The plugin that ``name`` means in a configuration group. Raises ``UnknownName`` and ``DuplicateName``."""
    found = registry().find(GROUPS[group], name)
    if len(found) > 1:
        kinds, files = (" and ".join(each) for each in ([e.spec.kind for e in found], [e.file for e in found]))
        raise DuplicateName(f"{group} {name!r} is {kinds} at once: {files}. Rename one.")
    spec: Spec = found[0].spec
    return spec


def check(given: Mapping[str, Any]) -> Config:
    """The configuration with every default filled in, when data and learner can be made from it and fit together.

    A learner may have a method ``check_data(X, y)``; it is asked here, before anything is written, and raises what it
    has against the training data. Raises ``ConfigError``, ``DataError`` or ``UnknownName``.
    """
    for key in _keys(given):
        if key.split(".")[-1] == "_target_":
            raise ConfigError(f"{key}: choose plugins by their registered name; _target_ is not allowed here.")
    _check_level(given)
    checked = check_options("the configuration", options_of(Config), given)
    for group, kinds in GROUPS.items():
        options = dict(checked[group])
        name = options.pop("name", None)
        if not isinstance(name, str):
            known = [name for kind in kinds for name in registry().names(kind)]
            raise ConfigError(f"{group}.name: choose one by its name{did_you_mean(str(name), known)}")
        checked[group] = {"name": name, **choice(group, name).check(options, group)}
    config = Config(**checked)
    if not _NAME.fullmatch(config.name):
        raise ConfigError(f"name: {config.name!r} is not allowed: letters, digits, '.', '_' and '-' only, at most 100.")
    epochs = config.learner.get("epochs")
    if isinstance(epochs, int) and (late := [epoch for epoch in config.snapshots if epoch > epochs]):
        raise ConfigError(f"snapshots: {late[0]} comes after the last of {epochs} epochs.")
    for figure in config.figures or []:
        registry().get("figure", figure)
    data, estimator = config.data(), config.estimator()
    if hasattr(estimator, "check_data"):
        try:
            estimator.check_data(data.X_train, data.y_train)
        except WorkbenchError:
            raise
        except Exception as error:  # whatever a stranger's learner thinks of the data
            what = f"learner: {config.learner['name']!r} refuses the training data"
            raise ConfigError(f"{what}: {type(error).__name__}: {error}") from error
    if config.clusters and config.standardise and (unit := _unit(config.learner.get("metric"))):
        raise ConfigError(
            f"learner.metric: {config.learner['metric']!r} takes coordinates in {unit}, and standardise=true makes "
            "standard deviations of them: set standardise=false."
        )
    return config


def _check_level(given: Mapping[str, Any]) -> None:
    """Refuse, with its whole key, an option of the chosen data set or learner that is given as a setting."""
    for key in (key for key in given if key not in options_of(Config)):
        for group in (group for group in GROUPS if isinstance(given.get(group), Mapping)):
            name = given[group].get("name")
            if isinstance(name, str) and key in choice(group, name).options:
                raise ConfigError(f"the configuration has no option {key!r}; did you mean '{group}.{key}'?")


def _unit(metric: Any) -> str | None:
    """What a metric's coordinates must be in; None for what is not the name of one of ours."""
    return registry().get("metric", metric).unit if metric in registry().names("metric") else None


def _keys(tree: Any, prefix: str = "") -> Iterator[str]:
    """Every dotted key of nested mappings and lists."""
    items = tree.items() if isinstance(tree, Mapping) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield f"{prefix}{key}"
        yield from _keys(value, f"{prefix}{key}.")


def _flatten(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Param]]:
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from _flatten(value, f"{prefix}{key}.")
        elif value is None or isinstance(value, str | int | float | bool):
            yield f"{prefix}{key}", value
        else:
            yield f"{prefix}{key}", str(list(value) if isinstance(value, tuple) else value)
