"""From a command line to jobs: Hydra composes ``conf/`` and the registered names, once per choice of files."""

from __future__ import annotations

import copy
import functools
import importlib
import inspect
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_module
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType, ValueType
from hydra.core.plugins import Plugins
from hydra.errors import HydraException, OverrideParseException
from hydra.plugins.search_path_plugin import SearchPathPlugin
from hydra.types import RunMode
from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import InterpolationResolutionError, OmegaConfBaseException, UnsupportedValueType
from yaml import YAMLError

from workbench.errors import ConfigError, WorkbenchError, did_you_mean
from workbench.experiment.config import GROUPS, Config, check, choice
from workbench.options import Option
from workbench.registry import registry

CONF = "workbench.conf"


@dataclass(frozen=True)
class Job:
    """A checked configuration and its name: what sets it apart from the other jobs."""

    name: str
    config: Config


@dataclass(frozen=True)
class Grid:
    """The jobs of a command line. ``sweep`` says whether they belong together, even if it is only one."""

    jobs: list[Job]
    varied: list[str]
    sweep: bool


def grid(arguments: Sequence[str], multirun: bool = False) -> Grid:
    """Compose and check every job that ``key=value`` arguments ask for. Nothing is written.

    The values an experiment file lists under ``hydra.sweeper.params`` come first, the command line's override them.
    Raises ``ConfigError``, ``DataError`` or ``UnknownName`` for the first job that cannot be run.
    """
    register()
    try:
        with initialize_config_module(CONF, job_name="workbench", version_base="1.3"):
            return _grid(arguments, multirun)
    except (HydraException, OmegaConfBaseException, YAMLError) as error:
        raise ConfigError(_in_one_line(error)) from error


def _grid(arguments: Sequence[str], multirun: bool) -> Grid:
    composer = _Composer()
    overrides = {o.key_or_group: o for o in map(composer.parse, arguments)}
    hydra = composer.files([o for o in overrides.values() if not o.is_sweep_override()]).composed.hydra
    for part, supported in (("launcher", "basic"), ("sweeper", "basic")):
        if hydra.runtime.choices[f"hydra/{part}"] != supported:
            raise ConfigError(f"hydra/{part}: only {supported!r} is supported so far.")
    sweep = multirun or hydra.mode == RunMode.MULTIRUN
    params = dict(hydra.sweeper.params or {}) if sweep else {}
    parsed = [composer.parse(f"{key}={value}") for key, value in params.items()]
    overrides = {o.key_or_group: o for o in parsed} | overrides
    for override in overrides.values():  # before any list is written out: it may be long
        composer.check_sweep(override, sweep)
    choices = {key: composer.choices(override) for key, override in overrides.items()}
    varied = [key for key, values in choices.items() if len(values) > 1]
    combinations = list(itertools.product(*choices.values()))
    names, drafts, jobs = [], [], []
    for combination in combinations:
        changes = {key: o for key, o in zip(choices, combination, strict=True) if key in varied}
        names.append(" ".join(_label(key, o, varied) for key, o in changes.items()))
        with _of_job(names[-1]):
            drafts.append(composer.compose(combination))
    for name, draft in zip(names, drafts, strict=True):
        with _of_job(name), _of_list(params):
            config = check(_own(draft, drafts, varied))
        jobs.append(Job(name or f"{config.learner['name']} on {config.dataset['name']}", config))
    _check_distinct(list(choices), combinations, jobs)
    differing = (name for key in varied for name in _settings(list(choices).index(key), key, combinations, jobs))
    return Grid(jobs, list(differing), sweep)


@contextmanager
def _of_job(name: str) -> Iterator[None]:
    """Let an error say which job of a sweep it is about."""
    try:
        yield
    except (WorkbenchError, OmegaConfBaseException) as error:
        if not name:
            raise
        reason = error if isinstance(error, WorkbenchError) else _in_one_line(error)
        raise ConfigError(f"in the job {name!r}: {reason}") from error


@contextmanager
def _of_list(params: Mapping[str, Any]) -> Iterator[None]:
    """Let an error about a YAML list under ``hydra.sweeper.params``, which is one value, say how to write several."""
    try:
        yield
    except ConfigError as error:
        for key, value in params.items():
            if OmegaConf.is_list(value) and f": {key.split('.')[-1]} = [" in str(error):
                several = f"{key}: {','.join(map(str, value))}"
                raise ConfigError(f"{error} A list is one value; a sweep over several is written {several}") from error
        raise


def _own(draft: Mapping[str, Any], drafts: Sequence[Mapping[str, Any]], varied: Sequence[str]) -> dict[str, Any]:
    """Without what is meant for others: an option that only some of the learners compared have is theirs alone.

    So with data sets. It stays, for the check to refuse, if it is varied itself: jobs would differ in name only.
    """
    own = dict(draft)
    for group in (key for key in varied if key in GROUPS):
        names = {each[group].get("name") for each in drafts} - {None}
        options = {name: choice(group, name).options for name in names}
        foreign = {each for known in options.values() for each in known if f"{group}.{each}" not in varied}
        foreign -= options.get(draft[group].get("name"), {}).keys()
        own[group] = {key: value for key, value in draft[group].items() if key not in foreign}
    return own


def _check_distinct(keys: Sequence[str], combinations: Sequence[Sequence[Override]], jobs: Sequence[Job]) -> None:
    """Refuse to run the same job twice: it would count as two, with no deviation between them."""
    first: dict[str, Sequence[Override]] = {}
    for combination, job in zip(combinations, jobs, strict=True):
        earlier = first.setdefault(repr(job.config), combination)
        for key, one, other in zip(keys, earlier, combination, strict=True):
            if one is not other:
                values = f"{one.get_value_element_as_str()} and {other.get_value_element_as_str()}"
                raise ConfigError(f"{key}: {values} make the same job. Write each value once.")


def _settings(place: int, key: str, combinations: Sequence[Sequence[Override]], jobs: Sequence[Job]) -> list[str]:
    """The dotted keys in which the choices for ``key`` differ: itself, or whatever the files of a group set."""
    if key in GROUPS:
        return [f"{key}.name"]
    apart = [
        job.config.params
        for job, combination in zip(jobs, combinations, strict=True)
        if all(a is b for i, (a, b) in enumerate(zip(combination, combinations[0], strict=True)) if i != place)
    ]
    if key in apart[0]:
        return [key]
    return [name for name in apart[0] if len({params.get(name) for params in apart}) > 1]


@dataclass(frozen=True)
class _Files:
    """What files compose: everything, and without Hydra's own node."""

    composed: DictConfig
    config: DictConfig


class _Composer:
    """Hydra's composition, with the composed files kept: jobs that differ only in values share them."""

    def __init__(self) -> None:
        self._loader = GlobalHydra.instance().config_loader()
        self._parser = OverridesParser.create(config_loader=self._loader)
        self._composed: dict[tuple[str, ...], _Files] = {}
        self._active: _Files | None = None
        self.options = functools.cache(self._loader.get_group_options)

    def parse(self, argument: str) -> Override:
        try:
            return self._parser.parse_overrides([argument])[0]
        except OverrideParseException as error:
            reason = str(error).splitlines()[0]
            raise ConfigError(f"{argument!r} is no setting ({reason}). Write key=value, as in seed=1.") from None

    def check_sweep(self, override: Override, sweep: bool) -> None:
        """Raise ``ConfigError`` for several values where no sweep is wanted, for no list of values, and for none."""
        if not override.is_sweep_override():
            return
        if not sweep:
            raise ConfigError(
                f"{override.input_line} names several values: add -m to sweep over them, write [a,b] for a list, or "
                "quote the value for text."
            )
        if not override.is_discrete_sweep() or override.is_hydra_override():
            raise ConfigError(f"{override.input_line}: a grid needs a list of values, and none for Hydra itself.")
        if next(override.sweep_string_iterator(), None) is None:
            glob = " glob finds only the names of a group." * (override.value_type == ValueType.GLOB_CHOICE_SWEEP)
            raise ConfigError(f"{override.input_line} stands for no value at all; a grid needs one or more.{glob}")

    def choices(self, override: Override) -> list[Override]:
        """The values one argument stands for, each as an override of its own."""
        if not override.is_sweep_override():
            return [override]
        key = override.get_key_element()
        return [self.parse(f"{key}={value}") for value in override.sweep_string_iterator()]

    def compose(self, overrides: Iterable[Override]) -> dict[str, Any]:
        """The configuration under these overrides, resolved. An unknown key is left for the check to tell."""
        overrides = list(overrides)
        config = copy.deepcopy(self.files(overrides).config)
        for override in filter(self._is_value, overrides):
            OmegaConf.update(config, override.key_or_group, override.value(), merge=True)
        container = OmegaConf.to_container(config, resolve=True, enum_to_str=True)
        assert isinstance(container, dict)
        return _without_missing(container)

    def files(self, overrides: Iterable[Override]) -> _Files:
        """What the chosen files alone compose; values among the overrides play no part."""
        chosen = [o for o in overrides if not self._is_value(o)]
        key = tuple(str(override.input_line) for override in chosen)
        if key not in self._composed:
            for override in chosen:
                self._check_choice(override)
            try:
                composed = compose("config", list(key), return_hydra_config=True)
            except ValueError as error:  # Hydra's own word for a group that is given no name
                raise ConfigError(_in_one_line(error)) from error
            own = OmegaConf.masked_copy(composed, [str(name) for name in composed if name != "hydra"])
            self._composed[key] = _Files(composed, own)
        if self._composed[key] is not self._active:
            self._active = self._composed[key]
            HydraConfig.instance().set_config(self._active.composed)  # what ${hydra:...} refers to
        return self._composed[key]

    def _is_value(self, override: Override) -> bool:
        plain = override.type in (OverrideType.CHANGE, OverrideType.ADD, OverrideType.FORCE_ADD)
        named = override.package is not None or "/" in override.key_or_group or self.options(override.key_or_group)
        return plain and not named and not override.is_hydra_override()

    def _check_choice(self, override: Override) -> None:
        group, name = override.key_or_group, override.value()
        options = self.options(group)
        if not options or not isinstance(name, str) or name in options:
            return
        if group in GROUPS:
            choice(group, name)
        raise ConfigError(f"no {group} is named {name!r}{did_you_mean(name, options)}")


def _label(key: str, override: Override, varied: Sequence[str]) -> str:
    """``sigmoid`` for a name, ``depth=4`` for anything else; the whole key where its last part is not enough."""
    value = override.get_value_element_as_str()
    if isinstance(override.value(), str):
        return value
    last = key.split(".")[-1]
    alike = [other for other in varied if other.split(".")[-1] == last]
    return f"{last if len(alike) == 1 else key}={value}"


def _without_missing(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {str(key): _without_missing(value) for key, value in tree.items() if value != MISSING}
    return tree


def _in_one_line(error: BaseException) -> str:
    causes = [error] if error.__cause__ is None else [error, error.__cause__]
    return " ".join(" ".join(map(_plainly, causes)).split())


def _plainly(error: BaseException) -> str:
    """What Hydra, OmegaConf and YAML say: its place first, and less what OmegaConf adds about its own objects."""
    if mark := getattr(error, "problem_mark", None):
        said = ", ".join(filter(None, (getattr(error, "context", None), getattr(error, "problem", None))))
        return f"{mark.name}, line {mark.line + 1}: {said}"
    said = re.sub(r"\n\s+(full_key|reference_type|object_type)\b.*", "", str(error))
    if isinstance(error, InterpolationResolutionError):
        said = said.split("raised while resolving interpolation: ")[-1].strip('"')
        return f"{error.full_key}: {said}"
    return said


def register() -> None:
    """Make every registered data set and learner selectable, and the working folder's ``conf/`` known to Hydra.

    What has no file among the packaged configurations is selected with the defaults of its plugin.
    """
    store = ConfigStore.instance()
    for group, kinds in GROUPS.items():
        files = {path.stem for path in (_packaged() / group).glob("*.yaml")}
        for name in {name for kind in kinds for name in registry().names(kind)} - files:
            options = choice(group, name).options.values()
            node = {"name": name} | {option.name: _default(option, group) for option in options}
            store.store(group=group, name=name, node=node, provider="workbench")
    Plugins.instance().register(_ProjectConf)
    OmegaConf.register_new_resolver("about", _about, replace=True)


def _about(group: str, name: str) -> str:
    """A plugin's docstring, for Hydra's help; a dollar sign means something to it."""
    return (inspect.getdoc(choice(group, name).function) or "").replace("$", "$$")


def _default(option: Option, group: str) -> Any:
    """An option's default as YAML can say it; what it cannot say is left to the plugin."""
    if group == "learner" and option.name in ("seed", "random_state"):
        return "${seed}"
    try:
        return MISSING if option.required else OmegaConf.create([option.default])[0]
    except UnsupportedValueType:
        return MISSING


class _ProjectConf(SearchPathPlugin):
    """Appends the project's own ``conf/``: it can add configurations, not replace the packaged ones."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        project = Path.cwd() / "conf"
        if project.is_dir() and project.resolve() != _packaged().resolve():
            search_path.append(provider="project", path=f"file://{project}")


def _packaged() -> Path:
    return Path(next(iter(importlib.import_module(CONF).__path__)))
