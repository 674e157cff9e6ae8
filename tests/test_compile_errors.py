"""What the author of a plugin reads when it cannot be compiled: one line with plugin, file, line and reason."""

import re
import sys
import textwrap

import numpy as np
import pytest

import workbench as wb
from workbench.compiler import compiler_is_off
from workbench.errors import PluginError
from workbench.jit.retarget import retarget
from workbench.registry import registry

pytestmark = [
    pytest.mark.skipif(compiler_is_off(), reason="needs the compiler that NUMBA_DISABLE_JIT turns off"),
    # Numba's own, in Python 3.13, on its way to refusing a generator expression.
    pytest.mark.filterwarnings("ignore:Assigning a code object of non-matching type:DeprecationWarning"),
]

HEAD = '''"""Broken."""

import math
from dataclasses import dataclass

import _tools
import numpy as np
from _tools import shift

from workbench import Activation, Layer, LayerShape, Loss, Metric, Optimizer, hookimpl


def mixed(x):
    if x > 0:
        return "much"
    return x


def linear(z):
    return z


def one(*given):
    return 1.0


def first(points, center):
    center[:] = points[0]


def nothing(grad_a, z, a, grad_z):
    grad_z[:] = grad_a


'''
TOOLS = """
import math

def shift(x, by):
    return x + by

def mixed(x):
    if x > 0:
        return "much"
    return x

def cleared(x):
    x[0] = 0
    return x[1]

def bent(x):
    return HERE
"""


def offered(hook, spec):
    return f"\n\n@hookimpl\ndef {hook}():\n    return [{spec}]\n"


# By place: a plugin with something to be worked out, and a number there.
PLACES = {
    "activation": (
        "def broken(z):\n    return HERE\n\n\ndef slope(z, a):\n    return 1.0\n"
        + offered("register_activations", "Activation('broken', broken, slope)"),
        "z",
    ),
    "derivative": (
        "def slope(z, a):\n    return HERE\n" + offered("register_activations", "Activation('broken', linear, slope)"),
        "a",
    ),
    "row activation": (
        "def broken(z, a):\n    a[0] = HERE\n"
        + offered("register_activations", "Activation('broken', broken, nothing, row=True)"),
        "z[0]",
    ),
    "loss": (
        "def broken(y_true, y_pred):\n    return HERE\n\n\ndef gradient(y_true, y_pred):\n    return 1.0\n"
        + offered("register_losses", "Loss('broken', broken, gradient)"),
        "y_pred",
    ),
    "row loss": (
        "def broken(y_true, y_pred, grad):\n    grad[:] = y_true\n    return HERE\n"
        + offered("register_losses", "Loss('broken', broken, row=True)"),
        "y_pred[0]",
    ),
    "layer": (
        "@dataclass(frozen=True)\nclass Broken(Layer):\n    name = 'broken'\n\n"
        "    def build(self, input_shape):\n        return LayerShape(output=input_shape)\n\n"
        "    @staticmethod\n    def forward(x, output):\n        output[:] = HERE\n\n"
        "    @staticmethod\n    def backward(grad_output, grad_x):\n        grad_x[:] = grad_output\n"
        + offered("register_layers", "Broken"),
        "x[0, 0]",
    ),
    "optimizer": (
        "def broken(weight, grad, lr, step):\n    return (HERE,)\n"
        + offered("register_optimizers", "Optimizer('broken', broken)"),
        "weight",
    ),
    "distance": (
        "def broken(x, y):\n    return HERE\n" + offered("register_metrics", "Metric('broken', broken, first)"),
        "x[0]",
    ),
    "centre rule": (
        "def center(points, center):\n    center[:] = HERE\n"
        + offered("register_metrics", "Metric('broken', linear, center)").replace("linear", "one"),
        "points[0, 0]",
    ),
}
MISTAKES = {
    "unknown attribute": ("math.expp({})", "module 'math' has no attribute 'expp'; did you mean 'exp'?"),
    "undefined name": ("{} + nowhere", "name 'nowhere' is not defined"),
    "unsupported construct": (
        "sum({} for _ in range(3))",
        "a generator expression cannot be compiled: write the loop, or a list with [ ]",
    ),
    "mixed return types": ("mixed({})", "mixed() returns text in line {} and a number in line {}"),
    "wrong number of arguments": ("shift({})", "shift(x, by) takes 2 arguments, 1 is given"),
}


@pytest.fixture
def refused(project, monkeypatch):
    """Why a plugin with this text, and these tools, cannot be compiled."""
    folder = project / "plugins"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "_tools", raising=False)

    def refused(text, tools=TOOLS):
        (folder / "_tools.py").write_text(tools)
        (folder / "broken.py").write_text(text)
        registry.cache_clear()
        with pytest.raises(PluginError) as error:
            compile_all()
        return str(error.value)

    return refused


def compile_all():
    """The kernels of the plugin called broken, and no others."""
    (spec,) = (entry.spec for entry in registry().entries() if entry.spec.name == "broken")
    if spec.kind == "metric":
        from workbench.clustering.metric import distance_rows, group_centers, metric_kernel

        metric_kernel(distance_rows, spec, spec.function, "float64")
        metric_kernel(group_centers, spec, spec.center, "float64")
        return
    hidden = {"activation": "broken", "layer": "broken"}.get(spec.kind, "relu")
    chosen = {spec.kind: "broken"} if spec.kind in ("loss", "optimizer") else {}
    net = wb.Network([{"dense": {"units": 2}}, hidden], **({"loss": "squared_error"} | chosen))
    net.initialize((2,), 2)
    data = np.zeros((4, 2), np.float32)
    for operation in net.plan.train_operations(data, data, np.arange(4)):
        if "broken" in operation.name:
            operation.compile("float32")


def line_of(text, part):
    return 1 + next(i for i, line in enumerate(text.splitlines()) if part in line)


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("place", PLACES)
def test_a_compile_error_is_one_line_with_plugin_file_line_and_reason(refused, place, mistake):
    (plugin, number), (expression, reason) = PLACES[place], MISTAKES[mistake]
    text = HEAD + plugin.replace("HERE", expression.format(number))
    line = line_of(text, 'return "much"' if mistake == "mixed return types" else expression.format(number))
    owner = "metric 'broken'" if "register_metrics" in plugin else "plugin 'broken' (plugins/broken.py)"
    assert refused(text) == f"{owner}: plugins/broken.py, line {line}: {reason.format(line, line + 1)}"


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("place", ["activation", "distance"])
def test_a_mistake_in_a_helpers_file_is_shown_there(refused, place, mistake):
    (plugin, number), (expression, reason) = PLACES[place], MISTAKES[mistake]
    tools = TOOLS.replace("HERE", expression.format("x"))
    line = line_of(tools, 'return "much"' if mistake == "mixed return types" else expression.format("x"))
    told = refused(HEAD + plugin.replace("HERE", f"_tools.bent({number})"), tools)
    assert told.endswith(f": plugins/_tools.py, line {line}: {reason.format(line, line + 1)}")
    assert "'broken'" in told


OURS = "cannot be compiled; your own functions, most of math and much of numpy can"
OUTSIDE = "of the names outside a function only numbers, text, tuples, arrays and functions can be compiled"
# What an activation of z, a number, does in its last line, and why that cannot be compiled.
REASONS = {
    "return np.linalg.nrom(z)": "module 'numpy.linalg' has no attribute 'nrom'; did you mean 'norm'?",
    "return np.erf(z)": "module 'numpy' has no attribute 'erf'; did you mean 'math.erf'?",
    "return exp(z)": "name 'exp' is not defined; did you mean 'math.exp'?",
    "return lineer(z)": "name 'lineer' is not defined; did you mean 'linear'?",
    "return time.time()": "name 'time' is not defined; is an import missing?",
    "return [zz for _ in range(3)][0]": "name 'zz' is not defined; did you mean 'z'?",
    "y = y + z": "y is used before it has a value",
    "return z.real.sizee": "a number has no attribute 'sizee'",
    "return np.zeros(3).summ()": "a 1-d array has no attribute 'summ'; did you mean 'sum'?",
    "return np.zeros((2, 2)).choose(z)": "'choose' of a 2-d array cannot be compiled: write it out as a loop",
    "return math.fsum((z, z))": f"math.fsum {OURS}",
    "return np.einsum('i', z)": f"numpy.einsum {OURS}",
    "return open(z)": f"open() {OURS}",
    "return special.erf(z)": "scipy.special.erf cannot be compiled: use math.erf",
    "return LIST[0]": f"LIST is a list: {OUTSIDE}",
    "return TABLE['a']": f"TABLE is of type dict: {OUTSIDE}",
    "return Thing()": f"Thing is a class: {OUTSIDE}",
    "return 'much' if z > 0 else z": "broken() returns a number in one case and text in another",
    "return shift(z, z, z)": "shift(x, by) takes 2 arguments, 3 are given",
    "return shift(z, bye=z)": "shift(x, by) has no argument 'bye'; did you mean 'by'?",
    "return shift(z, x=z)": "shift(x, by): multiple values for argument 'x'",
    "return scaled()": "scaled(x, by) takes 1 to 2 arguments, 0 are given",
    "return named(z, by=z)": "named() takes arguments by keyword only, as compiled code cannot: leave out the *",
    "return math.exp(z, 2)": "exp(x) takes 1 argument, 2 are given",
    "return np.clip(z, 0)": "np.clip() needs the argument 'a_max'",
    "return np.sum(np.zeros(3), keepdims=True)": "np.sum() has no argument 'keepdims' in compiled code",
    "return len(z)": "len() does not take a number",
    "return np.tanh(np.zeros(3))[0]": "np.tanh() takes one number at a time here: loop over the array",
    "return 'a' + z": "text + a number cannot be computed",
    "return z[0]": "a number cannot be indexed",
    "return np.zeros(3)[0, 0]": "a 1-d array does not take 2 indices",
    "return np.zeros(3)[z]": "a 1-d array cannot be indexed with a number that need not be whole: take int(...) of it",
    "x = np.zeros(3)\nx[0] = 'a'": "text cannot be put into a 1-d array",
    "x = (z, z)\nx[0] = z": "a tuple cannot be changed",
    "x = (z, z)\nreturn x[5]": "the tuple is not that long",
    "x, y = z, z, z": "3 values cannot be unpacked into 2 names",
    "x, y = z": "a number cannot be unpacked",
    "for x in z:": "a number cannot be looped over",
    "return max(*[z, z])": "what follows * in a call should be a tuple, not a list",
    "x = []": "x is a list, and what it will hold does not show: use an array instead, such as np.empty(n)",
    "import math as m": "an import inside a function cannot be compiled: put it at the top of the file",
    "global LIST; LIST = z": "`global` cannot be compiled: return the value instead",
    "with open('x'):": "`with` cannot be compiled: do without it",
    "class Inner:": "a class inside a function cannot be compiled: use numbers, tuples and arrays",
    "x = z\ndel x": "`del` cannot be compiled: leave it out",
    "return scaled(**{'x': z})": "what this line does cannot be compiled (DICT_MERGE)",
}
OUTER = """
from scipy import special

LIST = [1.0]
TABLE = {"a": 1.0}


class Thing:
    pass


def scaled(x, by=1.0):
    return x * by


def named(x, *, by=1.0):
    return x * by


"""


@pytest.mark.parametrize("body", REASONS)
def test_the_reason_is_in_plain_words(refused, body):
    text = HEAD + OUTER + PLACES["activation"][0].replace("    return HERE", textwrap.indent(written_out(body), "    "))
    line = line_of(text, body.splitlines()[-1])
    assert refused(text) == f"plugin 'broken' (plugins/broken.py): plugins/broken.py, line {line}: {REASONS[body]}"


def written_out(body):
    """A function's last line, and what Python wants after it."""
    return f"{body}\n    pass\nreturn z" if body.endswith(":") else f"{body}\nreturn z"


@pytest.mark.parametrize(
    ("returns", "reason"),
    [
        ("return (z, z)", "returns a tuple where a number is needed"),
        ("return np.zeros(3)", "returns a 1-d array where a number is needed"),
        ("z + 1", "returns nothing where a number is needed"),
        ("yield z", "is a generator: it has a yield where a return is needed"),
    ],
)
def test_a_function_that_gives_what_the_loop_cannot_take_is_shown_where_it_begins(refused, returns, reason):
    text = HEAD + PLACES["activation"][0].replace("return HERE", returns)
    line = line_of(text, "def broken")
    assert refused(text) == f"plugin 'broken' (plugins/broken.py): plugins/broken.py, line {line}: broken() {reason}"


@pytest.mark.parametrize(
    ("place", "returns", "reason"),
    [
        ("optimizer", "weight", "broken() returns a number where a tuple is needed"),
        ("optimizer", "('much',)", "broken() returns text where a number is needed"),
        ("loss", "None", "broken() returns nothing where a number is needed"),
        ("row loss", "y_pred", "broken() returns a 1-d array where a number is needed"),
        ("derivative", "None", "slope() returns nothing where a number is needed"),
        ("distance", "x - y", "broken() returns a 1-d array where a number is needed"),
    ],
)
def test_so_is_that_of_other_kinds(refused, place, returns, reason):
    name = reason.partition("(")[0]
    text = HEAD + PLACES[place][0].replace("(HERE,)", returns).replace("HERE", returns)
    assert refused(text).endswith(f": plugins/broken.py, line {line_of(text, f'def {name}')}: {reason}")


WAYS = [  # a body of which some way ends without a return, and the line of the first that it has
    ("if {0} > 0:\n        return {0}", "        return {0}"),
    ("if {0} > 0:\n        return {0}\n    return", "        return {0}"),
    ("if {0} > 0:\n        return {0}\n    if {0} < -1:\n        return None\n    return 0.0", "        return {0}"),
    ("n = 0\n    while n < 2:\n        if {0} > n:\n            return {0}\n        n += 1", "            return {0}"),
]


@pytest.mark.parametrize("way", range(len(WAYS)))
@pytest.mark.parametrize("place", ["activation", "distance"])  # float32 and float64
def test_a_way_without_a_return_is_told(refused, place, way):
    (plugin, number), (body, line) = PLACES[place], WAYS[way]
    text = HEAD + plugin.replace("return HERE", body.format(number))
    returned = line_of(text, line.format(number))
    assert refused(text).endswith(
        f": plugins/broken.py, line {line_of(text, 'def broken')}: broken() returns something in line {returned} and, "
        "on another way through it, nothing"
    )


def test_so_it_is_in_a_helper(refused):
    half = "def half(x):\n    if x > 0:\n        return x / 2\n\n\n"
    text = HEAD + half + PLACES["activation"][0].replace("HERE", "half(z)")
    line = line_of(text, "def half")
    assert refused(text).endswith(
        f", line {line}: half() returns something in line {line + 2} and, on another way through it, nothing"
    )


def until_one(z):
    while True:
        if z <= 1:
            return z
        z -= 1


def positive(z):
    if z > 0:
        return z
    raise ValueError("it is not positive")


@pytest.mark.parametrize("function", [until_one, positive])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_always_returns_or_raises_lacks_nothing(function, dtype):
    assert retarget(function, dtype)(getattr(np, dtype)(1)) == 1


def test_an_optimizer_that_forgets_its_state_is_told_so(refused):
    text = HEAD + PLACES["optimizer"][0].replace("grad, lr", "grad, speed, lr").replace("HERE", "weight")
    assert refused(text).endswith(f"line {line_of(text, 'def broken')}: broken() returns too few values")


@pytest.mark.parametrize("body", ["x[0] = 0", "x[:], other = 0, 1", "x[1:][0] += 1", "x -= y", "x.sort()", "x.fill(0)"])
def test_writing_to_an_argument_that_belongs_to_the_caller_is_said_plainly(refused, body):
    text = HEAD + PLACES["distance"][0].replace("return HERE", f"{body}\n    return 1.0")
    reason = "it writes to its argument x, which belongs to the caller; work on x.copy()"
    assert refused(text) == f"metric 'broken': plugins/broken.py, line {line_of(text, body)}: {reason}"


def test_a_helper_that_writes_to_it_is_shown(refused):
    text = HEAD + PLACES["distance"][0].replace("HERE", "_tools.cleared(x)")
    line = line_of(TOOLS, "x[0] = 0")
    assert f"plugins/_tools.py, line {line}: it writes to its argument x" in refused(text)


def test_what_has_no_plain_words_is_quoted_with_its_place(refused):
    body = "def inner(x):\n        return x + z\n    return inner"
    text = HEAD + PLACES["activation"][0].replace("return HERE", body)
    told = refused(text)
    assert f"line {line_of(text, 'def inner')}: Cannot capture the non-constant value" in told
    assert re.search(r" \[\d+ lines of the compiler's own hidden; WORKBENCH_TRACE=1 shows them\]$", told)
    assert "\n" not in told


def test_a_compiler_that_breaks_off_is_said_to_have_failed(refused):
    text = HEAD + PLACES["activation"][0].replace("HERE", "float(f'{z}')")
    line = line_of(text, "float(")
    assert f"plugins/broken.py, line {line}: the compiler failed: ValueError: could not convert" in refused(text)


MAKER = """def make():
    def inner(x):
        return x + nowhere

    def broken(z):
        return inner(z)

    return broken


"""


def test_functions_made_by_functions_are_looked_into(refused):
    text = HEAD + MAKER + PLACES["activation"][0].partition("\n\n\n")[2].replace("'broken', broken", "'broken', make()")
    assert refused(text).endswith(f"line {line_of(text, 'nowhere')}: name 'nowhere' is not defined")


def test_folders_may_have_spaces_in_their_names(refused, project, monkeypatch):
    (project / "my plugins").mkdir()
    text = HEAD + PLACES["activation"][0].replace("HERE", "z[0]")
    (project / "my plugins" / "broken.py").write_text(text)
    monkeypatch.setenv("WORKBENCH_PLUGINS_DIR", "my plugins")
    line = line_of(text, "z[0]")
    assert f"my plugins/broken.py, line {line}: a number cannot be indexed" in refused(text)


def test_a_run_with_it_is_refused_before_anything_is_written(project, workbench):
    (project / "plugins").mkdir()
    (project / "plugins" / "_tools.py").write_text(TOOLS)
    text = HEAD + PLACES["activation"][0].replace("HERE", "math.expp(z)")
    (project / "plugins" / "broken.py").write_text(text)
    result = workbench("run", "dataset=iris", "learner=mlp", "learner.activation=broken")
    place = f"plugin 'broken' (plugins/broken.py): plugins/broken.py, line {line_of(text, 'expp')}"
    assert (result.code, result.out) == (2, "")
    assert result.err == f"workbench: {place}: module 'math' has no attribute 'expp'; did you mean 'exp'?\n"
    assert not (project / "runs").exists()
