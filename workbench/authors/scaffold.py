"""``workbench new``: a plugin with its test, a project or a package, from templates that work as they stand."""

from __future__ import annotations

import ast
import contextlib
import keyword
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from workbench.errors import ConfigError, DuplicateName, UnknownName, did_you_mean
from workbench.registry import ALLOWED, registry
from workbench.specs import KINDS

TEMPLATES = Path(__file__).parent / "templates"
NAME = "my_idea"  # what the templates call theirs
WORDS = {"true", "false", "null", "nan", "inf"}  # in a configuration these are values, not names

RUN = {  # the arguments of `workbench run` that use a new plugin; beside a known one where that says something
    "activation": f"-m learner.activation=relu,{NAME}",
    "loss": f"dataset=sine_curve learner.loss={NAME}",
    "layer": f"learner=network 'learner.layers=[{{dense: {{units: 32}}}}, {NAME}, relu]'",
    "optimizer": f"-m learner.optimizer=adam,{NAME}",
    "schedule": f"-m learner.schedule=constant,{NAME}",
    "initializer": f"-m learner.initializer=auto,{NAME}",
    "metric": f"dataset=outlets learner=kmeans learner.n_clusters=3 learner.metric={NAME} standardise=false",
    "clusterer": f"-m dataset=blobs learner=kmeans,{NAME} learner.n_clusters=3",
    "estimator": f"-m learner=mlp,{NAME}",
    "dataset": f"dataset={NAME}",
    "figure": f"'figures=[{NAME}]'",
}
SHARING = (("activation", "layer"), ("estimator", "clusterer"))  # kinds that one setting chooses from

USAGE = f"""\
usage: workbench new KIND NAME      a plugin and its test: plugins/NAME.py, tests/test_NAME.py
       workbench new project DIR    a folder to work in, with an experiment, a plugin and its test
       workbench new package NAME   a distribution that offers a plugin: workbench-NAME/

KIND is one of {", ".join(KINDS)}.
What is there already is never overwritten."""


def new(arguments: Sequence[str]) -> str:
    """Do what ``workbench new`` was asked for; what to say in the end.

    Raises ``ConfigError`` and ``DuplicateName``, with nothing written, for a name that will not do, one that is taken,
    and files that exist or cannot be written.
    """
    if not arguments or {"-h", "--help"} & set(arguments):
        return USAGE
    kind, *names = arguments
    if kind not in (*KINDS, "project", "package"):
        raise ConfigError(f"there is no {kind!r} to begin{did_you_mean(kind, (*KINDS, 'project', 'package'))}")
    if len(names) != 1:
        raise ConfigError(f"`workbench new {kind}` takes one name, got {' '.join(names) or 'none'}.\n\n{USAGE}")
    (name,) = names
    match kind:
        case "project":
            return _project(name)
        case "package":
            return _package(name)
        case _:
            return _plugin(kind, name)


def _plugin(kind: str, name: str) -> str:
    _check_name(kind, name)
    folder = Path(os.environ.get("WORKBENCH_PLUGINS_DIR") or "plugins")
    plugin, test = folder / f"{name}.py", Path("tests", f"test_{name}.py")
    _write({plugin: _filled(f"plugins/{kind}.py", name), test: _filled(f"tests/{kind}.py", name)})
    return f"Wrote {plugin} and {test}. Put your idea there, then:\n" + _commands(
        f"workbench check {name}", f"workbench run {_named(RUN[kind], name)}", f"pytest {shlex.quote(str(test))}"
    )


def _project(folder: str) -> str:
    if not folder or folder.startswith("-"):
        raise ConfigError(f"{folder!r} will not do as the name of a folder.")
    templates = {
        "README.md": "project/README.md",
        ".gitignore": "project/gitignore",
        "conf/experiment/first.yaml": "project/conf/experiment/first.yaml",
        f"plugins/{NAME}.py": "plugins/activation.py",
        f"tests/test_{NAME}.py": "tests/activation.py",
    }
    files = {Path(folder, file): _filled(template, NAME) for file, template in templates.items()}
    _write(files | {Path(folder, "runs", ".gitkeep"): ""})
    return f"Wrote a project with an experiment, the activation {NAME} and its test. Now:\n" + _commands(
        f"cd {shlex.quote(folder)}", "workbench run experiment=first", f"workbench check {NAME}"
    )


def _package(name: str) -> str:
    _check_name("activation", name)
    templates = {
        "pyproject.toml": "package/pyproject.toml",
        "README.md": "package/README.md",
        ".gitignore": "package/gitignore",
        f"src/workbench_{name}/__init__.py": "plugins/activation.py",
        f"tests/test_{name}.py": "tests/activation.py",
    }
    folder = _named("workbench-my-idea", name)
    _write({Path(folder, file): _filled(template, name) for file, template in templates.items()})
    return f"Wrote {folder}, a distribution that offers the activation {name}. Now:\n" + _commands(
        f"pip install -e ./{folder}",
        "workbench plugins",
        f"workbench check {name}",
        f"workbench run {_named(RUN['activation'], name)}",
    )


def _commands(*lines: str) -> str:
    return "".join(f"\n  {line}" for line in lines)


def _filled(template: str, name: str) -> str:
    return _named((TEMPLATES / template).read_text(encoding="utf-8"), name)


def _named(text: str, name: str) -> str:
    """``text`` of the templates, about ``name``: as it stands, as a class, as a distribution."""
    for own, given in _spellings(name).items():
        text = text.replace(own, given)
    return text


def _spellings(name: str) -> dict[str, str]:
    def spelt(name: str) -> tuple[str, ...]:
        return name, "".join(word.capitalize() for word in name.split("_")), name.replace("_", "-")

    return dict(zip(spelt(NAME), spelt(name), strict=True))


def _check_name(kind: str, name: str) -> None:
    """Raises ``ConfigError`` for what cannot be a plugin's name, ``DuplicateName`` for one that is taken."""
    if not ALLOWED.fullmatch(name):
        raise ConfigError(f"the name {name!r} is not allowed: lower-case letters, digits and _ only, a letter first.")
    if keyword.iskeyword(name) or name in WORDS:
        raise ConfigError(f"the name {name!r} is not allowed: it means something in Python or in a configuration.")
    words = _words((TEMPLATES / "plugins" / f"{kind}.py").read_text(encoding="utf-8"))
    for own, given in _spellings(name).items():
        if own in words and given in words - {own}:
            raise ConfigError(f"the name {name!r} is not allowed: in such a file {given!r} means something else.")
    known = registry()
    with contextlib.suppress(UnknownName):
        entry, *_ = known.find(next((kinds for kinds in SHARING if kind in kinds), (kind,)), name)
        raise DuplicateName(f"there is the {entry.spec.kind} {name!r} already: {entry.file}. Choose another name.")
    if name in known.versions():  # of another kind, yet two plugins of one name cannot be loaded
        raise DuplicateName(f"there is a plugin {name!r} already, {known.versions()[name]}. Choose another name.")


def _words(source: str) -> set[str]:
    """Every name that means something in ``source``."""
    nodes = [node for node in ast.walk(ast.parse(source)) if not isinstance(node, ast.keyword)]
    return {getattr(node, field) for node in nodes for field in ("id", "arg", "name", "asname") if hasattr(node, field)}


def _write(files: Mapping[Path, str]) -> None:
    """Write all files or, if any exists or cannot be written, none: ``ConfigError``."""
    try:
        for path in files:
            if os.path.lexists(path):
                raise ConfigError(f"{path} exists already. Nothing was written.")
        with contextlib.ExitStack() as undo:
            for path, text in files.items():
                for folder in reversed(path.parents):
                    if not folder.exists():
                        folder.mkdir()
                        undo.callback(folder.rmdir)
                with path.open("x", encoding="utf-8") as file:
                    undo.callback(path.unlink)
                    file.write(text)
            undo.pop_all()
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}. Nothing was.") from None
