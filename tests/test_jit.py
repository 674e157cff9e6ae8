"""The compiler: fingerprints, the disk cache, weak literals."""

import collections
import enum
import functools
import importlib
import math
import os
import re
import shutil
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from workbench.compiler import compiler_is_off
from workbench.jit import elementwise, fingerprint, specialise
from workbench.jit.retarget import retarget

TRAIN = """
    import numpy as np, workbench as wb
    from workbench.jit import statistics
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((40, 6)), rng.integers(0, 3, 40)
    def train(depth=1, width=4, batch_size=8, loss="cross_entropy", activation="wave"):
        hidden = [e for _ in range(depth) for e in ({"dense": {"units": width}}, activation)]
        net = wb.Network([*hidden, {"dense": {"units": 3}}, "softmax"], loss, batch_size=batch_size, epochs=1)
        return net.fit(X, y).history[0]["train/loss"]
"""
WAVE = """
    from workbench import Activation, hookimpl
    from _wave_helper import bend

    def wave(z):
        return bend(z)

    def derivative(z, a):
        return 1 - a * a

    @hookimpl
    def register_activations():
        return [Activation("wave", wave, derivative)]
"""
HELPER = """
    import math

    def bend(z):
        return math.tanh({factor} * z)  {comment}
"""


@pytest.fixture
def folder(tmp_path):
    """A project whose activation lies in one file and whose formula in another, with a kernel cache of its own."""
    return write_project(tmp_path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Such a project after a first run in it, and what that said."""
    first = write_project(tmp_path_factory.mktemp("trained"))
    return first, run(first, REPORT)[0]


@pytest.fixture
def filled(trained, tmp_path):
    """A copy of that project, its cache filled."""
    shutil.copytree(trained[0], tmp_path, dirs_exist_ok=True)
    return tmp_path


def write_project(folder):
    (folder / "plugins").mkdir()
    (folder / "plugins" / "wave.py").write_text(textwrap.dedent(WAVE))
    write_helper(folder, factor=1.0)
    return folder


def write_helper(folder, factor, comment=""):
    text = HELPER.format(factor=factor, comment=comment)
    (folder / "plugins" / "_wave_helper.py").write_text(textwrap.dedent(text))


def run(folder, code, **environment):
    """Output of ``code`` in a new process, line by line."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("WORKBENCH_")}
    env |= {"WORKBENCH_CACHE_DIR": str(folder / "cache"), **environment}
    script = textwrap.dedent(TRAIN) + textwrap.dedent(code)
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1], done.stderr


REPORT = "print(repr(train()), statistics().compiled, statistics().loaded)"
needs_jit = pytest.mark.skipif(compiler_is_off(), reason="NUMBA_DISABLE_JIT=1: no kernels")


@needs_jit
def test_second_process_compiles_nothing_whatever_the_shape(trained):
    folder, first = trained
    assert int(first[0].split()[1]) > 5
    second, _ = run(folder, REPORT)
    loss, compiled, loaded = second[0].split()
    assert (loss, int(compiled)) == (first[0].split()[0], 0)
    assert int(loaded) > 5
    third, _ = run(folder, "train(depth=3, width=9, batch_size=5); print(statistics().compiled)")
    assert third == ["0"]


@needs_jit
def test_known_losses_compile_nothing_either(filled):
    run(filled, "train(loss='squared_error'); train()")
    lines, _ = run(filled, "train(loss='squared_error'); print(statistics().compiled)")
    assert lines == ["0"]


@needs_jit
def test_editing_a_helper_takes_effect_and_a_comment_recompiles_nothing(filled, trained):
    before = trained[1]
    write_helper(filled, factor=1.0, comment="# as before")
    comment, _ = run(filled, REPORT)
    assert comment[0].split()[:2] == [before[0].split()[0], "0"]
    write_helper(filled, factor=2.0)
    after, _ = run(filled, REPORT)
    assert after[0].split()[0] != before[0].split()[0]
    assert int(after[0].split()[1]) == 1  # forward only; derivative and everything else are as they were


@needs_jit
def test_a_plugin_in_a_file_of_another_name_keeps_its_kernels(filled, trained):
    (filled / "plugins" / "wave.py").rename(filled / "plugins" / "ripple.py")
    (filled / "plugins" / "_wave_helper.py").rename(filled / "plugins" / "_ripple_helper.py")
    file = filled / "plugins" / "ripple.py"
    file.write_text(file.read_text().replace("_wave_helper", "_ripple_helper"))
    moved, errors = run(filled, REPORT)
    assert moved[0].split()[:2] == [trained[1][0].split()[0], "0"]
    assert errors == ""


def _loop(values):
    for i in range(values.size):
        values[i] = _bound(values[i])


def _bound(value):
    raise NotImplementedError


@needs_jit
def test_kernels_share_no_names():
    """Cached code is linked by names; numbers that tell them apart in one process may meet again in a third."""
    from numba import float32, void

    def functions(bound):
        text = f"def kernel(x):\n    loop(x)  # {os.urandom(8).hex()}: never found in the cache\n"
        kernel = specialise("names", text, void(float32[::1]), {"loop": (_loop, {"_bound": bound})}, {}, "float32")
        defined = re.findall(r"^define .*@\"?([^\"(]+)", kernel.inspect_llvm(), re.MULTILINE)
        return {re.sub(r"v\d+", "", name) for name in defined if not name.startswith("NRT_")}  # Numba's own

    one, other = functions(math.exp), functions(math.tanh)
    assert one
    assert other
    assert not one & other


@needs_jit
def test_products_of_both_precisions_share_no_names():
    from workbench.jit.blocks import machine_code

    def made():
        def add(a: int, b: int) -> int:
            return a + b

        return add

    assert machine_code(made(), "float32").py_func.__qualname__ != machine_code(made(), "float64").py_func.__qualname__


@needs_jit
def test_plain_python_agrees_to_rounding(trained):
    """NUMBA_DISABLE_JIT=1 runs the same program in plain Python: double precision where kernels round to float32."""
    folder, compiled = trained
    plain, _ = run(folder, REPORT, NUMBA_DISABLE_JIT="1")
    assert plain[0].split()[1:] == ["0", "0"]
    assert float(plain[0].split()[0]) == pytest.approx(float(compiled[0].split()[0]), rel=1e-6)


@needs_jit
def test_a_damaged_cache_is_compiled_anew(filled, trained):
    damaged = list((filled / "cache").rglob("*wave*.nbc"))
    assert damaged
    for file in damaged:
        file.write_bytes(file.read_bytes()[:50])
    after, _ = run(filled, REPORT)
    loss, compiled, _ = after[0].split()
    assert (loss, int(compiled)) == (trained[1][0].split()[0], len(damaged))
    again, _ = run(filled, REPORT)
    assert again[0].split()[1] == "0"


@needs_jit
def test_a_cache_that_cannot_be_written_is_said_once_and_done_without(folder):
    (folder / "cache").write_text("a file where the folder should be")
    lines, errors = run(
        folder,
        """
        from workbench.clustering.metric import distances
        print(distances(X, X, "euclidean").shape, distances(X, X, "manhattan").shape, statistics().compiled)
        """,
    )
    assert lines == ["(40, 40) (40, 40) 2"]
    assert errors.count("cannot be written") == 1


@needs_jit
def test_loading_a_kernel_leaves_its_source_as_it_was_and_renews_its_code(filled):
    """To some versions of Numba the source's time says whether it was edited; the code's says when it was used."""
    sources, codes = ({f: f.stat().st_mtime for f in (filled / "cache").rglob(p)} for p in ("*wave*.py", "*wave*.nb?"))
    for file, time in codes.items():
        os.utime(file, (time - 100, time - 100))
    run(filled, REPORT)
    assert {file: file.stat().st_mtime for file in sources} == sources
    assert all(file.stat().st_mtime > time - 1 for file, time in codes.items())


@needs_jit
def test_a_cache_that_fills_up_or_goes_is_done_without(folder):
    lines, errors = run(
        folder,
        """
        import resource, shutil
        from workbench.clustering.metric import distances
        from workbench.jit.cache import cache_directory
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))  # a file may hold no more
        print(distances(X, X, "euclidean").shape, sorted(cache_directory().iterdir()))
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        shutil.rmtree(cache_directory())
        print(distances(X, X, "manhattan").shape, statistics().compiled)
        """,
    )
    assert lines == ["(40, 40) []", "(40, 40) 2"]


def shift(z):
    return z + OFFSET


OFFSET = 1.0


def test_fingerprint_sees_globals_defaults_and_closures():
    def make(constant):
        return lambda z: z * constant

    assert fingerprint(make(2.0)) == fingerprint(make(2.0))
    assert fingerprint(make(2.0)) != fingerprint(make(3.0))
    assert fingerprint(lambda z, k=1: z) != fingerprint(lambda z, k=2: z)
    before = fingerprint(shift)
    globals()["OFFSET"] = 2.0
    try:
        assert fingerprint(shift) != before
    finally:
        globals()["OFFSET"] = 1.0
    assert fingerprint(shift) == before


def test_fingerprint_ignores_comments_and_docstrings():
    def compiled(text):
        scope = {}
        exec(textwrap.dedent(text), scope)
        return fingerprint(scope["f"])

    plain = compiled("def f(z):\n    return z * 2\n")
    assert compiled("def f(z):\n    # twice\n\n    return z * 2\n") == plain
    assert compiled('def f(z):\n    """Twice."""\n    return z * 2\n') == compiled(
        'def f(z):\n    """2z."""\n    return z * 2\n'
    )
    assert compiled("def f(z):\n    return z * 3\n") != plain


@pytest.fixture
def helpers(tmp_path, monkeypatch):
    """A package of helpers whose modules know each other."""
    (tmp_path / "helpers_of_mine").mkdir()
    (tmp_path / "helpers_of_mine" / "__init__.py").touch()
    (tmp_path / "helpers_of_mine" / "sub.py").write_text(
        "import math\nimport helpers_of_mine\n\n\ndef bend(z):\n    return 1 / (1 + math.exp(-z))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("helpers_of_mine.sub"), importlib.import_module("helpers_of_mine")
    for name in ("helpers_of_mine.sub", "helpers_of_mine"):
        del sys.modules[name]


def test_fingerprint_sees_a_helper_named_through_two_modules(helpers, monkeypatch):
    sub, helpers_of_mine = helpers

    def activation(z):
        return helpers_of_mine.sub.bend(z)

    before = fingerprint(activation)
    assert fingerprint(activation) == before
    monkeypatch.setattr(sub, "bend", lambda z: 3 * z)
    assert fingerprint(activation) != before


@needs_jit
def test_a_helper_named_through_two_modules_is_compiled_for_the_precision(helpers):
    from numba import types

    from workbench.jit.retarget import retarget

    _, helpers_of_mine = helpers

    def there_and_back(z):
        return helpers_of_mine.sub.helpers_of_mine.sub.bend(z)

    compiled = retarget(there_and_back, "float32")
    assert compiled(np.float32(1)) == pytest.approx(there_and_back(1.0), rel=1e-6)  # of float32
    assert compiled.nopython_signatures[0].return_type == types.float32


def test_fingerprint_sees_what_callables_are_made_of():
    def numbered(number):
        class Mode(enum.IntEnum):
            FAST = number
            OTHER = 7

        return lambda z: z * Mode.FAST

    def member(number):
        FAST = enum.IntEnum("Mode", {"FAST": number}).FAST
        return lambda z: z * FAST

    def applied(number):
        scaled = functools.partial(lambda z, k: z * k, k=number)
        return lambda z: scaled(z)

    def method(number):
        class Scale:
            @staticmethod
            def by(z, k=number):
                return z * k

        return lambda z: Scale.by(z)

    def pair(number):
        Pair = collections.namedtuple("Pair", "x y", defaults=[number])
        return lambda z: Pair(z).y

    def fields(number):
        names = "x y" if number == 1 else "y x"
        point = collections.namedtuple("Point", names)(1.0, 2.0)
        return lambda z: point.x * z

    def covered(number):
        def f(z):
            try:
                z = 1 / z
                z = z + 1
            except Exception:
                z = 0.0
            return z

        def g(z):
            try:
                z = 1 / z
            except Exception:
                z = 0.0
            else:
                z = z + 1
            return z

        same = (f.__code__.co_code, f.__code__.co_consts, f.__code__.co_names)
        assert same == (g.__code__.co_code, g.__code__.co_consts, g.__code__.co_names), (
            "they differ in their tables alone"
        )
        return f if number == 1 else g

    for make in (numbered, member, applied, method, pair, fields, covered):
        assert fingerprint(make(1)) == fingerprint(make(1)), make.__name__
        assert fingerprint(make(1)) != fingerprint(make(2)), make.__name__


def test_fingerprint_looks_through_a_dispatcher():
    from numba import njit

    def using(function):
        helper = njit(function)
        return lambda z: helper(z)

    assert fingerprint(using(lambda z: 2 * z)) == fingerprint(using(lambda z: 2 * z))
    assert fingerprint(using(lambda z: 2 * z)) != fingerprint(using(lambda z: 3 * z))


@needs_jit
def test_an_edit_in_what_a_kernels_own_text_calls_takes_effect():
    from numba import float64, njit

    source = "def kernel(x):\n    return helper(x)\n"
    for factor, helper in ((2, lambda x: 2 * x), (3, lambda x: 3 * x)):
        kernel = specialise("scope", source, float64(float64), {}, {"helper": njit(helper)}, "float64", kind="njit")
        assert kernel(1.0) == factor


def sign_twice(z):
    sign = 1
    if z < 0:
        sign = -1
    return sign * abs(z)


def early(z, slope=2):
    if z < 0:
        return 0
    return slope * z


def summed(z):
    total = 0
    for _ in range(3):
        total += z
    return total


@needs_jit
@pytest.mark.parametrize(
    "function",
    [
        lambda z: 1 / (1 + math.exp(-z)),
        lambda z: 0.5 * z * (1 + np.tanh(0.7978845608 * (z + 0.044715 * z**3))),
        lambda z: z * np.tanh(math.log(1 + math.exp(z))),
        lambda z: math.pi * z if z > 0 else 2 * z,
        lambda z: 0 if z < 0 else z,
        lambda z: (1 if z >= 0 else math.exp(z)) / (1 + math.exp(-abs(z))),
        lambda z: z * (1 if z > 0 else 2),
        lambda z: 1 if z > 0 else 0,
        lambda z: max(0, z),
        lambda z: min(1, max(-1, z)),
        lambda z: np.minimum(z, 1) % 2,
        lambda z: math.log(2) * math.sqrt(2 / math.pi) * z,
        sign_twice,
        early,
        summed,
    ],
)
def test_float32_stays_float32(function):
    """Python numbers take the precision of what they meet: no conversion to double in the machine code."""
    from numba import types

    from workbench.jit.retarget import retarget

    compiled = retarget(function, "float32")
    compiled(np.float32(1))
    assert compiled.nopython_signatures[0].return_type == types.float32
    z = np.linspace(-3, 3, 101, dtype=np.float32)
    expected = [function(float(v)) for v in z]
    np.testing.assert_allclose(elementwise(function, "float32")(z), expected, rtol=2e-6, atol=1e-6)


def last(z):
    return z[len(z) - 1]


def largest(z):
    best = 0
    for i in range(1, z.size):
        if z[i] > z[best]:
            best = i
    return z[best] * 2


def chosen(z):
    k = 0 if z[0] > 1 else 1
    return z[k] * 2


def counted(z):
    positive = 0
    for value in z:
        positive += value > 0
    return 1 + z[positive - 1]


@needs_jit
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_of_another_precision_give_right_results(dtype):
    """A wide constant, a table, a power of a literal: the fast functions read the bits of what they are given."""
    z = np.linspace(-2, 2, 9, dtype=dtype)
    for function in (wide, narrow, tabled, powered):
        expected = [function(v) for v in z.tolist()]
        np.testing.assert_allclose(elementwise(function, dtype)(z), expected, rtol=1e-6)


WIDE, NARROW, TABLE = np.float64(0.5), np.float32(0.5), np.array([0.5, 2.0])


def wide(z):
    return math.exp(WIDE * z)


def narrow(z):
    return math.tanh(NARROW * z)


def tabled(z):
    return math.log1p(TABLE[1] + abs(z)) + math.sin(TABLE[0] * z)


def powered(z):
    return math.exp(2**z)


@pytest.mark.parametrize("function", [last, largest, chosen, counted])
def test_indices_and_counts_stay_integers(function):
    from numba import types

    from workbench.jit.retarget import retarget

    compiled = retarget(function, "float32")
    z = np.array([0.5, 3.0, -1.0, 2.5], dtype=np.float32)
    assert compiled(z) == function(z)
    assert compiled.nopython_signatures[0].return_type == types.float32


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "whole",
    [
        lambda x: 2.0 * x + 1,
        lambda x: np.maximum(x, 0),
        lambda x: np.where(x > 0, x, 0.5),
        lambda x: (x - 1) / 3,
        lambda x: x - x.max() + np.abs(x) * 0.1,
    ],
)
@needs_jit
def test_arithmetic_on_whole_arrays_may_name_numbers(whole, dtype):
    """Numba compiles it by way of Python text, in which there is no number of float32."""

    def filled(x, out):
        out[:] = whole(x)

    x = np.linspace(-2, 2, 9).astype(dtype)
    out = np.empty_like(x)
    retarget(filled, dtype)(x, out)
    np.testing.assert_allclose(out, whole(x), rtol=4 * np.finfo(dtype).eps)  # a rounding or two, contracted
