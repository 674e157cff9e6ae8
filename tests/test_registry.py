"""Plugins are found in a fixed order; each way in which one can be wrong has its own message and spoils no other."""

import functools
import os
import py_compile
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
from installation import pretend

import workbench as wb
from workbench.errors import DuplicateName, PluginError, UnknownName, WorkbenchError
from workbench.jit import elementwise
from workbench.registry import Listener, Registry

README = Path(__file__).parent.parent / "README.md"

ACTIVATION = """
from workbench import Activation, hookimpl

def {name}(z):
    return z

@hookimpl
def register_activations():
    return [Activation("{name}", {name}, lambda z, a: 1.0)]
"""


@pytest.fixture
def plugins(tmp_path, monkeypatch):
    """A project's empty ``plugins`` folder, in an environment that names no other."""
    monkeypatch.delenv("WORKBENCH_PLUGINS_DIR", raising=False)
    monkeypatch.delenv("WORKBENCH_DISABLE_PLUGINS", raising=False)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "plugins"
    folder.mkdir()
    return folder


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Pretend that a distribution ``workbench-<module> 2.5`` is installed, its entry point being that module."""
    site = tmp_path / "site-packages"
    monkeypatch.syspath_prepend(site)
    return functools.partial(pretend, site)


def test_built_ins_are_found_one_a_file():
    entry = Registry().entry("activation", "softsign")
    assert entry.plugin == "activations.softsign"
    assert entry.origin == "built-in"
    assert entry.file.endswith(os.path.join("plugins", "activations", "softsign.py"))
    assert entry.spec.description == "Softsign: a = z / (1 + |z|)"


def test_order_is_built_ins_then_distributions_then_the_folder(plugins, installed):
    (plugins / "aardvark.py").write_text(ACTIVATION.format(name="aardvark"))
    installed("late_owl", ACTIVATION.format(name="late_owl"))
    installed("early_bird", ACTIVATION.format(name="early_bird"))
    registry = Registry()
    found = [name for name, _ in registry.manager.list_name_plugin()]
    assert "activations.softsign" in found[:-3]
    assert found[-3:] == ["early_bird", "late_owl", "aardvark"]
    origins = [registry.entry("activation", name).origin for name in ("softsign", *found[-3:])]
    assert origins == ["built-in", "workbench-early_bird 2.5", "workbench-late_owl 2.5", "plugins/aardvark.py"]


def test_versions_name_every_plugin_from_elsewhere(plugins, installed):
    (plugins / "listener.py").write_text(
        "from workbench import hookimpl\n\n@hookimpl\ndef run_started(run):\n    pass\n"
    )
    installed("early_bird", ACTIVATION.format(name="early_bird"))
    assert Registry().versions() == {"early_bird": "workbench-early_bird 2.5", "listener": "plugins/listener.py"}


def test_listeners_are_the_plugins_with_lifecycle_hooks(plugins, monkeypatch):
    hook = "from workbench import hookimpl\n\n@hookimpl\ndef run_started(run):\n    pass\n"
    (plugins / "listener.py").write_text(f'"""Rings a bell. Twice."""\n{hook}')
    (plugins / "both.py").write_text(ACTIVATION.format(name="both") + hook)
    (plugins / "mine.py").write_text(ACTIVATION.format(name="mine"))
    monkeypatch.setenv("WORKBENCH_DISABLE_PLUGINS", "tracking.mlflow")
    assert list(Registry().listeners()) == [
        Listener("both", "plugins/both.py", ""),
        Listener("listener", "plugins/listener.py", "Rings a bell. Twice"),
    ]


def test_an_entry_point_may_name_an_object(installed, plugins):
    source = dedent("""
        from workbench import Activation, hookimpl

        class Offer:
            @hookimpl
            def register_activations(self):
                return [Activation("boxed", lambda z: z, lambda z, a: 1.0)]

        offer = Offer()
    """)
    installed("boxing", source, point="boxing:offer")
    assert Registry().entry("activation", "boxed").file.endswith("boxing.py")


def test_an_object_of_a_class_of_pythons_own_is_written_where_its_entry_point_leads(installed, plugins):
    source = ACTIVATION.format(name="plain") + (
        "\nfrom types import SimpleNamespace\n\noffer = SimpleNamespace(register_activations=register_activations)\n"
    )
    installed("simple", source, point="simple:offer")
    assert Registry().entry("activation", "plain").file.endswith(os.path.join("site-packages", "simple.py"))


def test_the_variable_overrides_the_folder(plugins, tmp_path, monkeypatch):
    (plugins / "here.py").write_text(ACTIVATION.format(name="here"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "there.py").write_text(ACTIVATION.format(name="there"))
    assert "here" in Registry().names("activation")
    monkeypatch.setenv("WORKBENCH_PLUGINS_DIR", "elsewhere")
    offered = Registry().names("activation")
    assert "there" in offered
    assert "here" not in offered


def test_the_variable_must_name_a_folder(plugins, tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_PLUGINS_DIR", "nowhere")
    with pytest.raises(PluginError, match="WORKBENCH_PLUGINS_DIR") as raised:
        Registry()
    assert str(tmp_path / "nowhere") in str(raised.value)


def test_disabled_plugins_stay_out(plugins, monkeypatch):
    (plugins / "mine.py").write_text(ACTIVATION.format(name="mine"))
    monkeypatch.setenv("WORKBENCH_DISABLE_PLUGINS", "mine, activations.softsign")
    offered = Registry().names("activation")
    assert "mine" not in offered
    assert "softsign" not in offered


def test_a_disabled_plugin_is_not_even_imported(plugins, monkeypatch):
    (plugins / "mine.py").write_text("raise SystemExit('imported')")
    monkeypatch.setenv("WORKBENCH_DISABLE_PLUGINS", "mine")
    assert Registry().failures == []


def test_a_misspelt_name_of_a_plugin_to_be_left_out_is_told(plugins, monkeypatch):
    """It may be another project's: everything else works."""
    (plugins / "mine.py").write_text(ACTIVATION.format(name="mine"))
    monkeypatch.setenv("WORKBENCH_DISABLE_PLUGINS", "mine,tracking.mlfow,,tracking.mlfow")
    registry = Registry()
    (failure,) = registry.failures
    assert str(failure) == (
        "plugin 'tracking.mlfow' could not be left out: WORKBENCH_DISABLE_PLUGINS: there is none of that name; "
        "did you mean 'tracking.mlflow'?"
    )
    assert "mine" not in registry.names("activation")
    assert registry.get("activation", "relu").name == "relu"


def test_files_with_an_underscore_are_helpers(plugins):
    (plugins / "_mine.py").write_text("raise RuntimeError")
    assert Registry().failures == []


@pytest.mark.parametrize("name", ["_helps", "aids", "zaids"])  # the latter are plugins, before and after it
def test_a_plugin_may_import_relatively(plugins, name):
    (plugins / f"{name}.py").write_text("slope = 3.0\n")
    text = ACTIVATION.format(name="mine").replace("return z", "return slope * z").replace("1.0", "slope")
    (plugins / "mine.py").write_text(f"from .{name} import slope\n{text}")
    registry = Registry()
    assert not registry.failures
    assert registry.get("activation", "mine").function(2.0) == 6.0


def test_a_plugin_of_another_name_is_all_that_it_offers(plugins):
    (plugins / "file_of_mine.py").write_text(ACTIVATION.format(name="mine"))
    registry = Registry()
    assert [entry.spec.name for entry in registry.named("file_of_mine")] == ["mine"]
    assert registry.named("mine") == registry.named("activation.mine") == registry.named("file_of_mine")
    with pytest.raises(UnknownName, match="no kind of plugin is called 'activaton'; did you mean 'activation'"):
        registry.named("activaton.mine")
    with pytest.raises(UnknownName, match="is named 'file_of_yours'"):
        registry.named("file_of_yours")


def test_a_plugin_may_import_a_helper_beside_it(plugins):
    (plugins / "_shared_constants.py").write_text("SLOPE = 0.25")
    (plugins / "mine.py").write_text(ACTIVATION.format(name="mine") + "\nfrom _shared_constants import SLOPE\n")
    registry = Registry()
    assert registry.failures == []
    assert registry.manager.get_plugin("mine").SLOPE == 0.25


def test_an_edit_within_a_second_takes_effect_whatever_bytecode_lies_there(plugins, monkeypatch):
    """In a plugin, in a helper beside it, in a package of helpers; the length of the file stays."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (plugins / "_mine_parts").mkdir()
    (plugins / "_mine_parts" / "deeper").mkdir()  # without an __init__.py
    helpers = [os.path.join(*parts) for parts in (["_mine_tools.py"], ["_mine_parts", "__init__.py"],
                                                  ["_mine_parts", "deeper", "still.py"])]  # fmt: skip
    imports = "import _mine_tools as a, _mine_parts as b, _mine_parts.deeper.still as c\nheard = a.x, b.x, c.x"
    for x in (1, 2):
        for name, source in [*((helper, f"x = {x}\n") for helper in helpers), ("mine.py", f"x = {x}\n{imports}\n")]:
            (plugins / name).write_text(source)
            os.utime(plugins / name, (10**9, 10**9))
            if x == 1:
                py_compile.compile(str(plugins / name))
        for name in [name for name in sys.modules if name.startswith("_mine_")]:
            del sys.modules[name]
        mine = Registry().manager.get_plugin("mine")
        assert (mine.x, *mine.heard) == (x, x, x, x)


def test_installed_plugins_keep_their_bytecode(plugins, installed, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    installed("keeper", "import _keepers_helper\n" + ACTIVATION.format(name="keeper"))
    (tmp_path / "site-packages" / "_keepers_helper.py").touch()
    (plugins / "mine.py").write_text(ACTIVATION.format(name="mine"))
    assert Registry().failures == []
    kept = {file.name.partition(".")[0] for file in (tmp_path / "site-packages" / "__pycache__").iterdir()}
    assert kept == {"keeper", "_keepers_helper"}
    assert not (plugins / "__pycache__").exists()


def test_this_repository_is_a_project_whose_built_ins_load_once(monkeypatch, request):
    monkeypatch.delenv("WORKBENCH_PLUGINS_DIR", raising=False)
    monkeypatch.chdir(request.config.rootpath)
    entry = Registry().entry("activation", "softsign")
    assert entry.plugin == "activations.softsign"


def test_a_name_that_two_plugins_offer_is_neithers_and_the_error_names_both_files(plugins):
    (plugins / "one.py").write_text(ACTIVATION.format(name="twin"))
    (plugins / "two.py").write_text(ACTIVATION.format(name="twin"))
    registry = Registry()
    assert "twin" not in registry.names("activation")
    for look_up in (registry.get, registry.entry, lambda kind, name: registry.named(name)):
        with pytest.raises(DuplicateName) as raised:
            look_up("activation", "twin")
        assert str(raised.value) == (
            f"two plugins offer the activation 'twin': {plugins / 'one.py'} and {plugins / 'two.py'}. "
            "Rename one, or keep a plugin out: WORKBENCH_DISABLE_PLUGINS=two."
        )
    assert registry.get("activation", "softsign").name == "softsign"


def test_a_stranger_cannot_replace_a_built_in(plugins, monkeypatch):
    """Nor does the built-in run in place of what its author wrote, and silently so: using the name is an error."""
    (plugins / "mine.py").write_text(ACTIVATION.format(name="softsign"))
    registry = Registry()
    (failure,) = registry.failures
    assert (failure.plugin, failure.file, failure.line) == ("mine", str(plugins / "mine.py"), 4)
    assert str(failure).startswith("plugin 'mine' could not be loaded in full: ")
    with pytest.raises(DuplicateName, match="two plugins offer the activation 'softsign'") as raised:
        registry.get("activation", "softsign")
    assert os.path.join("activations", "softsign.py") in str(raised.value)
    assert str(plugins / "mine.py") in str(raised.value)
    monkeypatch.setenv("WORKBENCH_DISABLE_PLUGINS", "mine")  # as the message says
    assert Registry().entry("activation", "softsign").origin == "built-in"


def test_what_else_a_plugin_with_a_contested_name_offers_can_be_used(plugins):
    (plugins / "mine.py").write_text(
        ACTIVATION.format(name="mine").replace("1.0)]", "1.0), Activation('relu', mine, lambda z, a: 1.0)]")
    )
    registry = Registry()
    assert registry.get("activation", "mine").name == "mine"
    with pytest.raises(DuplicateName, match="'relu'"):
        registry.get("activation", "relu")


def test_a_name_that_one_plugin_offers_twice_is_told(plugins):
    (plugins / "mine.py").write_text(
        ACTIVATION.format(name="mine").replace("1.0)]", "1.0), Activation('mine', mine, lambda z, a: 1.0)]")
    )
    with pytest.raises(DuplicateName, match="plugin 'mine' offers the activation 'mine' twice: .*mine.py. Rename one"):
        Registry().get("activation", "mine")


def test_a_contested_layer_is_not_taken_for_the_activation_of_its_name(project):
    """A list of layers may hold either."""
    (project / "plugins").mkdir()
    (project / "plugins" / "mine.py").write_text(
        "from workbench import Layer, hookimpl\n\nclass Mine(Layer):\n    name = 'relu'\n\n"
        "@hookimpl\ndef register_layers():\n    return [Mine, Mine]\n"
    )
    with pytest.raises(DuplicateName, match=r"^layers\[0\]: plugin 'mine' offers the layer 'relu' twice"):
        wb.Network(["relu"], "squared_error")


def test_one_name_may_serve_two_kinds(plugins):
    (plugins / "one.py").write_text(ACTIVATION.format(name="ramp"))
    (plugins / "two.py").write_text(
        "from workbench import Schedule, hookimpl\n\n@hookimpl\ndef register_schedules():\n"
        "    return [Schedule('ramp', lambda step, total_steps, steps_per_epoch: step)]\n"
    )
    registry = Registry()
    assert registry.entry("activation", "ramp").plugin == "one"
    assert registry.entry("schedule", "ramp").plugin == "two"


def test_two_plugins_of_one_name_name_both_files(plugins, installed):
    installed("twin", ACTIVATION.format(name="first"))
    (plugins / "twin.py").write_text(ACTIVATION.format(name="second"))
    registry = Registry()
    (failure,) = registry.failures
    assert failure.reason.startswith("two plugins are called 'twin': ")
    assert os.path.join("site-packages", "twin.py (workbench-twin 2.5)") in failure.reason
    assert str(plugins / "twin.py") in failure.reason
    for name in ("first", "second"):  # nothing tells which of them is meant
        with pytest.raises(
            UnknownName, match="\nNote: plugin 'twin' could not be loaded: .*two plugins are called 'twin'"
        ):
            registry.get("activation", name)
    assert registry.get("activation", "softsign").name == "softsign"


def test_a_plugin_that_is_named_by_its_file_is_not_loaded_twice(plugins, installed, monkeypatch):
    installed("early_bird", ACTIVATION.format(name="early_bird"))
    (plugins / "mine.py").write_text(ACTIVATION.format(name="mine"))
    softsign, early_bird = (Registry().entry("activation", name).file for name in ("softsign", "early_bird"))
    files = (softsign, early_bird, os.path.join("plugins", "mine.py"))
    monkeypatch.setenv("WORKBENCH_PLUGIN_FILES", os.pathsep.join(files))
    registry = Registry()
    assert registry.failures == []
    assert registry.entry("activation", "softsign").origin == "built-in"


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(UnknownName, match="no activation is named 'softsgin'; did you mean 'softsign'"):
        wb.get("activation", "softsgin")


def test_an_unknown_name_without_neighbours_lists_what_there_is():
    with pytest.raises(UnknownName, match=r"no activation is named 'qqq'\. Known: .*softsign"):
        wb.get("activation", "qqq")


def test_an_unknown_kind_gets_the_nearest():
    with pytest.raises(UnknownName, match="no kind of plugin is called 'activations'; did you mean 'activation'"):
        wb.get("activations", "softsign")


@pytest.mark.parametrize("name", [None, 3, ["softsign"], {"softsign": {}}])
def test_a_name_that_is_no_text_is_unknown(name):
    with pytest.raises(UnknownName, match="no activation is named"):
        wb.get("activation", name)


def test_an_unknown_name_is_a_lookup_error():
    with pytest.raises(LookupError):
        wb.get("activation", "softsgin")


def test_a_misspelt_hook_is_an_error(plugins):
    (plugins / "mine.py").write_text(
        ACTIVATION.format(name="mine").replace("register_activations", "register_activation")
    )
    (failure,) = Registry().failures
    assert (failure.plugin, failure.file, failure.line) == ("mine", str(plugins / "mine.py"), 7)
    assert failure.reason.startswith("there is no hook 'register_activation'; did you mean 'register_activations'")


def test_a_hook_without_its_mark_is_an_error(plugins):
    (plugins / "mine.py").write_text(ACTIVATION.format(name="mine").replace("@hookimpl\n", ""))
    (failure,) = Registry().failures
    assert failure.reason == "register_activations is named like a hook, and lacks @hookimpl."
    assert (failure.file, failure.line) == (str(plugins / "mine.py"), 7)


def test_a_misspelt_argument_of_a_hook_is_an_error(plugins):
    (plugins / "mine.py").write_text(
        "from workbench import hookimpl\n\n@hookimpl\ndef run_ended(run, errors):\n    pass\n"
    )
    registry = Registry()
    (failure,) = registry.failures
    assert (failure.plugin, failure.file, failure.line) == ("mine", str(plugins / "mine.py"), 3)
    assert failure.reason.startswith("run_ended(run, errors): the hook has no argument 'errors'; did you mean 'error'?")
    assert "mine" not in [listener.plugin for listener in registry.listeners()]


def test_every_mistake_in_a_plugins_hooks_is_told_and_none_of_them_is_registered(plugins):
    (plugins / "mine.py").write_text(
        ACTIVATION.format(name="mine")
        + "\n@hookimpl\ndef epoch_end(run):\n    pass\n\n@hookimpl(wrapper=True)\ndef run_started(run):\n    yield\n"
    )
    registry = Registry()
    assert [failure.reason.partition(";")[0] for failure in registry.failures] == [
        "there is no hook 'epoch_end'",
        "run_started is marked as a wrapper",
    ]
    assert registry.versions() == {}
    with pytest.raises(UnknownName, match="no hook 'epoch_end'; did you mean 'epoch_ended'"):
        registry.get("activation", "mine")


def test_a_hook_may_be_optional_and_its_arguments_may_have_defaults(plugins):
    (plugins / "mine.py").write_text(
        "from workbench import hookimpl\n\n@hookimpl(optionalhook=True)\ndef of_another_version():\n    pass\n\n"
        "@hookimpl\ndef run_ended(run, verbose=False, *more):\n    pass\n"
    )
    assert Registry().failures == []


def test_what_a_plugin_cannot_give_and_is_no_hook_is_left_alone(plugins, installed):
    """Such as what a package imports on first use, from a library that is not installed."""
    lazy = "\ndef __dir__():\n    return [*globals(), 'Extra']\n\ndef __getattr__(name):\n    import no_such_library\n"
    installed("lazy_bones", ACTIVATION.format(name="lazy") + lazy)
    registry = Registry()
    assert registry.failures == []
    assert registry.get("activation", "lazy").name == "lazy"


@pytest.mark.parametrize(
    ("offer", "reason"),
    [
        ("    def __dir__(self):\n        raise RuntimeError('broken')\n", "RuntimeError: broken"),
        ("    def __eq__(self, other):\n        raise RuntimeError('broken')\n", "RuntimeError: broken"),
        ("    @property\n    def run_started(self):\n        raise RuntimeError('broken')\n", "RuntimeError: broken"),
        ("    @hookimpl\n    def run_started(self):\n        pass\n    run_started.__signature__ = 1\n", "TypeError: "),
    ],
    ids=["dir", "equality", "property", "signature"],
)
def test_a_plugin_that_breaks_under_inspection_is_named_and_the_rest_load(
    plugins, installed, monkeypatch, offer, reason
):
    """Whatever raises there, be it a property that is named like a hook."""
    monkeypatch.delitem(sys.modules, "brittle", raising=False)
    installed("brittle", f"from workbench import hookimpl\n\nclass Offer:\n{offer}\noffer = Offer()\n", "brittle:offer")
    (plugins / "sound.py").write_text(ACTIVATION.format(name="sound"))
    registry = Registry()
    assert registry.get("activation", "sound").name == "sound"
    (failure,) = registry.failures
    assert str(failure).startswith("plugin 'brittle' could not be loaded: workbench-brittle 2.5, ")
    assert failure.reason.startswith(reason)


def test_one_object_under_two_entry_points_is_told(plugins, installed):
    installed("early_bird", ACTIVATION.format(name="early_bird"))
    installed("late_owl", "", point="early_bird")
    (failure,) = Registry().failures
    assert failure.reason == "it is loaded already, as 'early_bird'."


@pytest.mark.parametrize(
    ("source", "line", "reason"),
    [
        ("import math\nimport no_such_module\n", 2, "ModuleNotFoundError: No module named 'no_such_module'"),
        ("x = 1\ny = 2\ndef f(:\n    pass\n", 3, "SyntaxError"),
        ("def f():\n    return 1 / 0\n\nf()\n", 2, "ZeroDivisionError"),
        ("raise SystemExit(3)\n", 1, "SystemExit: 3"),
        ("import numpy\nnumpy.loadtxt('nowhere.csv')\n", 2, "FileNotFoundError: nowhere.csv not found"),
        (ACTIVATION.format(name="broken").replace("1.0", "1.0, False, 0, 0"), 9, "TypeError"),
        (ACTIVATION.format(name="broken").replace("z, a", "z"), 9, "activation 'broken': <lambda>(z) must take (z, a)"),
        (
            ACTIVATION.format(name="broken").replace("(z):", "(z, a=1.0):").replace("z, a:", "z, y, a=1.0:"),
            9,
            "activation 'broken': broken(z, a=1.0): an option must not be called a, which is what the workbench passes",
        ),
        (ACTIVATION.format(name="broken").replace("(z):", "(x):"), 9, "activation 'broken': broken(x) must take (z)"),
    ],
    ids=["import", "syntax", "exception", "leaves", "in a library", "register hook", "signature", "name", "argument"],
)
def test_a_broken_plugin_is_named_and_the_rest_load(plugins, source, line, reason):
    (plugins / "broken.py").write_text(source)
    (plugins / "sound.py").write_text(ACTIVATION.format(name="sound"))
    registry = Registry()
    assert registry.get("activation", "sound").name == "sound"
    (failure,) = registry.failures
    assert (failure.plugin, failure.file, failure.line) == ("broken", str(plugins / "broken.py"), line)
    assert failure.reason.startswith(reason)
    with pytest.raises(UnknownName, match="no activation is named 'broken'") as raised:
        registry.get("activation", "broken")
    assert f"{plugins / 'broken.py'}, line {line}" in str(raised.value)


def test_a_layer_that_a_broken_plugin_may_have_offered_is_not_only_unknown(project):
    (project / "plugins").mkdir()
    (project / "plugins" / "mine.py").write_text("import numpyy\n")
    with pytest.raises(UnknownName, match="^layers\\[0\\]: no layer or activation is named 'mine'.* elu,") as raised:
        wb.Network(["mine"], "squared_error")
    assert "\nNote: plugin 'mine' could not be loaded: " in str(raised.value)
    assert f"{project / 'plugins' / 'mine.py'}, line 1: ModuleNotFoundError" in str(raised.value)


def test_a_broken_helper_is_named_by_its_own_line(plugins):
    (plugins / "_broken_helper.py").write_text("a = 1\nb = nothing\n")
    (plugins / "mine.py").write_text("import _broken_helper\n")
    (failure,) = Registry().failures
    assert (failure.plugin, failure.file, failure.line) == ("mine", str(plugins / "_broken_helper.py"), 2)


def test_an_entry_point_to_nowhere_is_named_by_its_distribution(plugins, installed):
    installed("lost", "", point="no_such_package.plugin")
    (failure,) = Registry().failures
    assert str(failure) == (
        "plugin 'lost' could not be loaded: workbench-lost 2.5: ModuleNotFoundError: No module named 'no_such_package'"
    )


def test_a_wrong_kind_is_an_error(plugins):
    (plugins / "mine.py").write_text(ACTIVATION.format(name="mine").replace("register_activations", "register_losses"))
    (failure,) = Registry().failures
    assert re.match("register_losses returned Activation.*which is no loss", failure.reason)
    assert (failure.file, failure.line) == (str(plugins / "mine.py"), 7)


@pytest.mark.parametrize("given", ["[{}]", "return {}"])
def test_a_forgotten_return_or_list_is_an_error(plugins, given):
    source = re.sub(r"return \[(Activation.*)\]", lambda offer: given.format(offer[1]), ACTIVATION.format(name="mine"))
    (plugins / "mine.py").write_text(source)
    (failure,) = Registry().failures
    assert re.match("register_activations returned (None|Activation.*); it must return a list", failure.reason)
    assert (failure.file, failure.line) == (str(plugins / "mine.py"), 7)


@pytest.mark.parametrize("name", ["Swish", "my swish", "../swish", "swish\n", "2swish", "", "a.b", "swish=1", None])
def test_a_bad_name_is_an_error(plugins, name):
    """Names end up in command lines, metric keys and paths."""
    (plugins / "mine.py").write_text(
        "from workbench import Activation, hookimpl\n\n@hookimpl\ndef register_activations():\n"
        f"    return [Activation({name!r}, lambda z: z, lambda z, a: 1.0)]\n"
    )
    (failure,) = Registry().failures
    assert f"activation name {name!r} is not allowed: lower-case letters, digits and _ only" in failure.reason


def test_every_error_is_the_users_to_mend():
    assert issubclass(DuplicateName, WorkbenchError)
    assert issubclass(PluginError, WorkbenchError)
    assert issubclass(UnknownName, WorkbenchError)


def test_a_worker_process_finds_the_same_plugins(plugins):
    (plugins / "mine.py").write_text(ACTIVATION.format(name="mine"))
    script = "import workbench as wb; print(wb.get('activation', 'mine').function(7))"
    worker = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=plugins.parent, check=True
    )
    assert worker.stdout == "7\n"


def curve(z, slope=1.0, bend=2.0):
    return z * slope * bend


def kink(y_true, y_pred, width=1.0):
    return (y_true - y_pred) * width


def kink_in_rows(y_true, y_pred, grad, width=1.0):
    return 0.0


@pytest.mark.parametrize(
    "declare",
    [
        lambda: wb.Activation("mine", curve, lambda z, a: 1.0),
        lambda: wb.Activation("mine", curve, lambda z, a, bend=2.0, slope=1.0: 1.0),
        lambda: wb.Activation("mine", curve, lambda z, a, slope=1.0, bend=3.0: 1.0),
        lambda: wb.Activation("mine", lambda z, a, k=1: None, lambda grad_a, z, a, grad_z: None, row=True),
        lambda: wb.Loss("mine", kink, lambda y_true, y_pred, size=1.0: 1.0),
        lambda: wb.Loss("mine", kink, kink, fused={"tanh": wb.Fused(kink, lambda y_true, z: 1.0)}),
        lambda: wb.Loss("mine", kink_in_rows, row=True, fused={"tanh": wb.Fused(lambda y_true, z, grad: 0.0)}),
    ],
)
def test_functions_whose_options_differ_are_refused(declare):
    with pytest.raises(PluginError, match=r"^(activation|loss) 'mine': .*\(.*\) and <lambda>\(.*\) must take the same"):
        declare()


def test_options_may_lack_a_default_where_another_function_states_it():
    wb.Activation("mine", curve, lambda z, a, slope, bend: 1.0)
    wb.Loss("mine", kink, lambda y_true, y_pred, width: 1.0, fused={"tanh": wb.Fused(kink, kink)})


def test_the_readmes_plugin_is_one(plugins):
    (source,) = re.findall(r"```python\n(\"\"\".+?@hookimpl.+?)```", README.read_text(), re.DOTALL)
    (plugins / "swish2.py").write_text(source)
    registry = Registry()
    assert registry.failures == []
    swish2 = registry.get("activation", "swish2")
    z = np.linspace(-3, 3, 7)
    for dtype in ("float32", "float64"):
        a = elementwise(swish2.function, dtype)(z)
        np.testing.assert_allclose(a, z / (1 + np.exp(-2 * z)), rtol=1e-6)  # of float32
        slope = (swish2.function(0.5 + 1e-6) - swish2.function(0.5 - 1e-6)) / 2e-6
        assert elementwise(swish2.derivative, dtype)([0.5], [swish2.function(0.5)])[0] == pytest.approx(slope, rel=1e-6)


def test_an_estimator_without_a_task_is_told():
    def mine(n=5):
        return None

    with pytest.raises(PluginError, match=r"^estimator 'mine': mine\(n=5\) must take \(task\), then its options\.$"):
        wb.Estimator("mine", mine)
