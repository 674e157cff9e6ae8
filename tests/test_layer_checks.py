"""The checks of layers: what they let pass, and what each refuses, in words an author can act on."""

import itertools
import sys
from dataclasses import field, make_dataclass
from typing import Annotated

import numpy as np
import pytest
from annotated_types import Ge, Lt
from mutants.layer import MUTANTS
from numba import config

from workbench import Layer, LayerShape, Parameter
from workbench.errors import ConfigError
from workbench.noise import uniform
from workbench.options import REQUIRED, Option
from workbench.registry import registry
from workbench.testing import checks_of
from workbench.testing.instruments import batches
from workbench.testing.instruments.options import option_sets, required_sets, values_of

needs_compiler = pytest.mark.skipif(bool(config.DISABLE_JIT), reason="NUMBA_DISABLE_JIT=1: nothing is compiled")


def build(self, input_shape):
    if len(input_shape) != 1:
        raise ConfigError(f"layer 'mine' needs samples of shape (features,), not {input_shape}.")
    return LayerShape(input_shape, {"weight": Parameter(input_shape)})


def forward(x, output, weight):
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            output[i, j] = x[i, j] * weight[j]


def backward(x, weight, grad_output, grad_weight, grad_x):
    grad_weight[:] = 0
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            grad_weight[j] += x[i, j] * grad_output[i, j]
    for i in range(grad_x.shape[0] if grad_x.size else 0):
        for j in range(grad_x.shape[1]):
            grad_x[i, j] = grad_output[i, j] * weight[j]


def layer(*options, build=build, forward=forward, backward=backward):
    """A layer that gives each feature a weight, or whatever else the functions say."""
    kernels = {name: f and staticmethod(f) for name, f in (("forward", forward), ("backward", backward))}
    made = make_dataclass("Mine", options, bases=(Layer,), frozen=True, namespace={"build": build, **kernels})
    made.name, made.__doc__ = "mine", "A weight for each feature."
    return made.spec()


def outcome(plugin, name):
    return next(check for check in checks_of(plugin) if check.name == name).outcome()


def assert_says(plugin, check, status, text):
    found = outcome(plugin, check)
    assert (found.status, text in found.text) == (status, True), found


def shape_only(*arguments, **more):
    """A build for layers without parameters."""

    def build(self, input_shape):
        return LayerShape(input_shape, *arguments, **more)

    return build


def rows_only(self, input_shape):
    return build(self, input_shape) and LayerShape(input_shape)


def nothing(grad_output, grad_x):
    if grad_x.size:
        grad_x[:] = grad_output


def test_a_sound_layer_passes_all_checks():
    outcomes = {check.name: check.outcome() for check in checks_of(layer())}
    expected = {name: "passed" for name in outcomes} | {"noise": "skipped", "mean of noise": "skipped"}
    if config.DISABLE_JIT:
        expected |= {"compiled": "skipped", "float32": "skipped"}
    assert {name: found.status for name, found in outcomes.items()} == expected, outcomes
    assert outcomes["build"].text == "for samples of shape (1,), (2,), (5,), (20,)"
    assert outcomes["refusals"].text.startswith("(3, 2): layer 'mine' needs samples of shape (features,), not (3, 2)")


def test_kinks_are_no_mistakes_and_numbers_near_one_serve_where_no_others_do():
    def root(x, output):
        output[:] = np.sqrt(x) * np.abs(x - 1)

    def root_backward(x, grad_output, grad_x):
        if grad_x.size:
            grad_x[:] = grad_output * (0.5 / np.sqrt(x) * np.abs(x - 1) + np.sqrt(x) * np.sign(x - 1))

    plugin = layer(build=shape_only(), forward=root, backward=root_backward)
    for name in ("forward", "gradient"):
        assert outcome(plugin, name).status == "passed", outcome(plugin, name)


def test_a_layer_that_takes_large_images_only_is_tried_on_one():
    def build(self, input_shape):
        if input_shape != (84, 84, 4):
            raise ConfigError("layer 'mine' needs frames.")
        return LayerShape(input_shape, {"weight": Parameter((4,))})

    def forward(x, output, weight):
        output[:] = x * weight

    def backward(x, weight, grad_output, grad_weight, grad_x):
        for c in range(weight.size):
            grad_weight[c] = (x[:, :, :, c] * grad_output[:, :, :, c]).sum()
        if grad_x.size:
            grad_x[:] = grad_output * weight
            grad_x[-1:, 83, 82, 1] *= 2

    plugin = layer(build=build, forward=forward, backward=backward)
    assert outcome(plugin, "build").text == "for samples of shape (84, 84, 4)"
    assert_says(
        plugin, "gradient", "failed", "mine() on 1 sample of shape (84, 84, 4), training: grad_x[0, 83, 82, 1] is"
    )


def raises(error):
    def build(self, input_shape):
        raise error

    return build


def with_parameter(*arguments, **more):
    return shape_only({"weight": Parameter(*arguments, **more)})


NUMBERS = itertools.count()


def built_anew(self, input_shape):
    return LayerShape(input_shape, {"weight": Parameter(input_shape)}, tables={"at": [next(NUMBERS)]})


def misspelt(x, output, weigth):
    output[:] = x * weigth


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"build": raises(ConfigError("it needs a poem."))}, "(28, 28): it needs a poem."),
        ({"build": raises(IndexError("no axis"))}, "build((1,)), line "),
        ({"forward": misspelt}, "forward: nothing is called 'weigth'; did you mean 'weight'"),
        ({"build": with_parameter([5])}, "weight has the shape [5]; it must be a tuple of whole numbers."),
        ({"build": with_parameter((5,), fan_in=0)}, "its parameter weight has fan_in = 0"),
        ({"build": with_parameter((5,), initializer="nil")}, "its parameter weight: no initializer is named 'nil'"),
        ({"build": shape_only(constants={"rate": "fast"})}, "its constant rate is 'fast'; it must be a number."),
        ({"build": shape_only(saved={"mean": (2.5,)})}, "mean has the shape (2.5,)"),
        ({"build": shape_only(tables={"at": [0.5]})}, "the table 'at' holds float64; tables hold whole numbers."),
        ({"build": built_anew}, "built twice for samples of shape (1,) it differs in its tables."),
        ({"build": lambda self, shape: LayerShape((1,)), "forward": None, "backward": None}, "it is a view, which"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_what_is_built_wrongly_is_refused(changes, said):
    assert_says(layer(**changes), "build", "failed", said)


def test_what_could_not_be_built_is_asked_nothing_more():
    plugin = layer(("words", str))
    assert_says(plugin, "build", "warning", "no value of its option words, <class 'str'>, could be guessed")
    assert_says(plugin, "gradient", "skipped", "it could not be built")
    wanted = ("size", Annotated[int, Ge(1)])
    plugin = layer(wanted, build=raises(ConfigError("no.")))
    assert_says(plugin, "build", "failed", "Values of size were guessed from the types.")


def test_a_view_has_no_kernels_to_ask_about():
    plugin = layer(build=shape_only(), forward=None, backward=None)
    assert outcome(plugin, "build").text.startswith("a view of samples of shape (1,), (2,)")
    assert_says(plugin, "gradient", "skipped", "a view has no kernels")


def test_shapes_should_be_refused_in_words():
    def build(self, input_shape):
        return LayerShape((input_shape[1],))

    assert_says(
        layer(build=build), "refusals", "warning", "IndexError: tuple index out of range; for a shape it cannot"
    )
    assert_says(layer(build=raises(ConfigError(""))), "refusals", "warning", "samples of shape (1,) without a word")


def test_an_option_that_changes_nothing_is_refused():
    plugin = layer(("steepness", float, field(default=1.0)))
    assert_says(plugin, "options matter", "failed", "its option steepness changes nothing: with 1.0 and 0.5, say,")


def leaves_the_last(x, output, weight):
    forward(x[:, :-1], output[:, :-1], weight[:-1])


def divides_by_nothing(x, output, weight):
    output[:] = x / (weight - weight)


def in_place(x, output, weight):
    x *= weight
    output[:] = x


def normalises_its_weight(x, output, weight):
    weight /= np.abs(weight).sum()
    output[:] = x * weight


def adds(x, output, weight):
    output += x * weight


def keeps_what_is_large(x, output, weight):
    output[:] = np.where(output > 5, output, x * weight)


def shakes(x, output, weight):
    output[:] = x * weight + np.random.random()  # noqa: NPY002


@pytest.mark.parametrize(
    ("forward", "said"),
    [
        (leaves_the_last, "mine() on 1 sample of shape (1,), training: forward does not fill its output: nothing is"),
        (divides_by_nothing, "training: forward: output[0, 0] is inf."),
        (in_place, "forward writes to x[0, 0], which it is given to read."),
        (normalises_its_weight, "forward writes to weight[0], which it is given to read."),
        (adds, "training: forward: output[0, 0] is nan."),
        (keeps_what_is_large, "output[0, 0] is 7.25, not "),
        (shakes, "forward run again: output[0, 0] is "),
        (lambda x, output, weight: 1 / 0, "training: forward: tests/test_layer_checks.py, line "),
    ],
)
def test_a_forward_that_does_not_fill_its_output_and_no_more_is_refused(forward, said):
    assert_says(layer(forward=forward), "forward", "failed", said)


def kept(self, input_shape):
    return LayerShape(input_shape, {"seen": Parameter(input_shape, trainable=False)})


def counts(x, output, seen, training):
    output[:] = x
    seen += 1


def counts_always(x, output, seen):
    output[:] = x
    seen += 1


@pytest.mark.parametrize("forward", [counts, counts_always])
def test_what_is_kept_for_prediction_moves_in_training_only(forward):
    plugin = layer(build=kept, forward=forward, backward=nothing)
    assert_says(plugin, "forward", "failed", "predicting: forward writes to seen[0], which it may do in training only.")


def without_grad_x(x, weight, grad_output, grad_weight, grad_x):
    backward(x, weight, grad_output, grad_weight, grad_x[:, :0])


def into_the_gradient(x, weight, grad_output, grad_weight, grad_x):
    grad_output *= weight
    backward(x, weight, grad_output, grad_weight, grad_x)


def gathers(x, weight, grad_output, grad_weight, grad_x):
    before = grad_weight.copy()
    backward(x, weight, grad_output, grad_weight, grad_x)
    grad_weight += before


def for_somebody(x, weight, grad_output, grad_weight, grad_x):
    backward(x, weight, grad_output, grad_weight, grad_x)
    grad_x[0, 0] += 0


def only_if_wanted(x, weight, grad_output, grad_weight, grad_x):
    backward(x, weight, grad_output, grad_weight, grad_x)
    grad_weight *= grad_x.size


@pytest.mark.parametrize(
    ("backward", "said"),
    [
        (without_grad_x, "training: backward writes nothing to grad_x[0, 0]."),
        (into_the_gradient, "backward writes to grad_output[0, 0], which it is given to read."),
        (gathers, "not nan where all that it fills held 7.25 before."),
        (for_somebody, "IndexError: index 0 is out of bounds"),
        (only_if_wanted, "where grad_x is empty, for nobody needs it."),
    ],
)
def test_a_backward_that_does_not_fill_its_gradients_and_no_more_is_refused(backward, said):
    assert_says(layer(backward=backward), "backward", "failed", said)


def one_sample_only(x, weight, grad_output, grad_weight, grad_x):
    backward(x, weight, grad_output, grad_weight, grad_x)
    grad_weight[:] = x[0] * grad_output[0]


def wrong_at_one_place(x, weight, grad_output, grad_weight, grad_x):
    backward(x, weight, grad_output, grad_weight, grad_x)
    grad_x[-1:, 4:5] *= 1.001


@pytest.mark.parametrize(
    ("backward", "said"),
    [
        (one_sample_only, "mine() on 2 samples of shape (1,), training: grad_weight[0] is"),
        (wrong_at_one_place, "mine() on 3 samples of shape (5,), training: grad_x[2, 4] is"),
        (lambda x, weight, grad_output, grad_weight, grad_x: 1 / 0, "backward: tests/test_layer_checks.py, line"),
    ],
)
def test_a_gradient_that_is_no_slope_is_refused_at_its_place(backward, said):
    assert_says(layer(backward=backward), "gradient", "failed", said)


def centred(x, output):
    output[:] = x - x.sum() / max(x.size, 1)


def centred_backward(grad_output, grad_x):
    if grad_x.size:
        grad_x[:] = grad_output - grad_output.sum() / grad_output.size


def moving(x, output, seen, training):
    output[:] = x - seen
    if training:
        seen += 0.1 * (x.sum() - seen)


def saving(x, output, largest):
    largest[:] = x.sum()
    output[:] = x


def by_feature(x, output, start, stop):
    output[:, start:stop] = x[:, start:stop]


def over_all(x, output, start, stop):
    output[:] = x


def beside(x, output, start, stop):
    output[:, start : stop + 1] = x[:, start : stop + 1]


def first_only(x, output, start, stop):
    if start == 0 and stop == x.shape[1]:
        output[:] = x


def shared(x, output, largest, start, stop):
    output[:, start:stop] = x[:, start:stop]
    largest[:] = stop


def mean_gradient(x, weight, grad_output, grad_weight, grad_x):
    backward(x, weight, grad_output, grad_weight, grad_x)
    grad_weight /= max(x.shape[0], 1)


one_number = shape_only(saved={"largest": (1,)})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"forward": centred}, "as in the whole batch. If rows need each other, name start and stop."),
        ({"forward": moving, "build": kept}, "it writes to seen[0], as all threads would. Name start and stop."),
        ({"forward": saving, "build": one_number}, "as in the whole batch. All threads write it: name start and stop."),
        ({"forward": over_all}, "forward of start 1 and stop 1 writes to output[0, 0], and that of"),
        ({"forward": beside}, "forward of start 0 and stop 1 writes to output[0, 1]."),
        ({"forward": first_only}, "forward by start and stop [(0, 1), (1, 2), (2, 2)]: output[0, 0] is nan"),
        ({"forward": shared, "build": one_number}, "and that of start 0 and stop 1 does so at the same time."),
        ({"build": build, "forward": forward, "backward": mean_gradient}, "backward, by rows 0:"),
    ],
    ids=["rows", "kept", "saved", "all features", "next feature", "first", "shared", "mean"],
)
def test_a_layer_that_is_not_the_sum_of_its_parts_is_refused(changes, said):
    plugin = layer(**{"build": rows_only, "backward": nothing} | changes)
    assert_says(plugin, "division", "failed", said)


def test_a_layer_shared_out_by_features_passes():
    assert outcome(layer(build=rows_only, forward=by_feature, backward=nothing), "division").status == "passed"


def noisy(noise):
    return layer(("rate", float, field(default=0.5)), build=shape_only(), forward=noise, backward=nothing)


def test_noise_that_is_not_a_matter_of_key_and_training_is_refused():
    def deaf(x, output, key, training):
        output[:] = x

    def always(x, output, key, training):
        output[:] = x + uniform(key, 0)

    assert_says(noisy(deaf), "noise", "failed", "its forward names key, but no other key changes its output.")
    assert_says(noisy(always), "noise", "failed", "predicting: with another key output[0, 0] is")
    assert_says(layer(), "noise", "skipped", "it has no noise")


def test_noise_with_a_mean_of_its_own_is_told():
    def louder(x, output, key, training):
        output[:] = x + (uniform(key, 0) if training else 0)

    def balanced(x, output, key, training):
        output[:] = x + (uniform(key, 0) - 0.5 if training else 0)

    assert_says(noisy(louder), "mean of noise", "warning", "over 200 keys its output is 1.")
    assert outcome(noisy(balanced), "mean of noise").status == "passed"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (lambda grad_weight, n: grad_weight.__itruediv__(n), "backward of no rows makes grad_weight[0] nan, not 0."),
        (lambda grad_weight, n: None, "backward of no rows should make zeros, and writes nothing to grad_weight[0]."),
    ],
)
def test_a_part_without_rows_must_make_zeros(line, said):
    def divided(x, weight, grad_output, grad_weight, grad_x):
        if x.shape[0] or line(np.ones(1), 1) is not None:
            backward(x, weight, grad_output, grad_weight, grad_x)
        line(grad_weight, x.shape[0])

    assert_says(layer(backward=divided), "no rows", "failed", said)


def test_a_lost_nan_and_a_raising_kernel_are_refused_and_zeros_that_break_it_told():
    def largest(x, output):
        for i in range(x.shape[0]):
            best = 0.0
            for v in x[i]:
                best = v if v > best else best
            output[i] = best

    def grows(x, output):
        for i in range(x.shape[0]):
            output[i] = [2.0 ** float(v) for v in x[i]]

    def unit(x, output):
        for i in range(x.shape[0]):
            output[i] = x[i] / np.sqrt((x[i] ** 2).sum())

    rows = {"build": rows_only, "backward": nothing}
    assert_says(layer(forward=largest, **rows), "extreme inputs", "failed", "is NaN and no output is, though it takes")
    assert_says(layer(forward=grows, **rows), "extreme inputs", "failed", "all of x 1.8e+308: forward: tests")
    assert_says(
        layer(forward=unit, **rows), "extreme inputs", "warning", "all of x 0, as dead units give: output[0, 0]"
    )


@needs_compiler
def test_machine_code_that_computes_something_else_is_refused():
    def overflows(x, output, key, training):
        for i in range(x.shape[0]):
            for j in range(x.shape[1]):
                output[i, j] = x[i, j] + (key * 6364136223846793005 + i) % 7  # of more than 64 bits in Python

    def untyped(x, output):
        output[:] = eval("x")

    rows = {"build": rows_only, "backward": nothing}
    assert_says(layer(forward=overflows, **rows), "compiled", "failed", "compiled, forward: output[0, 0] is ")
    assert_says(layer(forward=untyped, **rows), "compiled", "failed", "test_layer_checks.py, line ")


@needs_compiler
@pytest.mark.parametrize(
    ("name", "said"),
    [("output", "compiled, forward twice: output[0, 0] is "), ("x", "compiled, forward writes to x[0, 0]; as plain")],
)
def test_machine_code_that_differs_each_time_or_writes_elsewhere_is_refused(name, said, monkeypatch):
    """As no plugin written in Python could make it do, but a fault of the compiler."""
    sound, calls = batches.run, itertools.count()

    def spoilt(operation, dtype, *, compiled, **settings):
        arrays, guards = sound(operation, dtype, compiled=compiled, **settings)
        if compiled:
            arrays[name][0, 0] += 1e-13 * next(calls) if name == "output" else 1
        return arrays, guards

    monkeypatch.setattr(batches, "run", spoilt)
    assert_says(layer(), "compiled", "failed", said)


@needs_compiler
def test_digits_lost_in_float32_are_refused():
    def far_off(x, output):
        for i in range(x.shape[0]):
            for j in range(x.shape[1]):
                output[i, j] = (x[i, j] + 1e6) - 1e6

    rows = {"build": rows_only, "backward": nothing}
    said = "in float32, forward: output[0, 0] is 0.125, not 0.125730217 as in float64."
    assert_says(layer(forward=far_off, **rows), "float32", "failed", said)


def test_options_are_tried_with_what_their_types_admit():
    assert values_of(Option("units", REQUIRED, Annotated[int, Ge(1)])) == [1, 2, 3, 4]
    assert values_of(Option("rate", 0.5, Annotated[float, Ge(0), Lt(1)])) == [0.5, 0.0, 0.1, 0.9]
    assert values_of(Option("far", 6.0, Annotated[float, Ge(5), Lt(6.5)]))[1:3] == [5.75, 5.0]
    options = {"on": Option("on", True, bool), "size": Option("size", REQUIRED, int)}
    assert next(required_sets(options)) == {"size": 3}
    sets = list(option_sets(options, {"size": 3}))
    assert sets[0] == {"on": True, "size": 3}
    assert {"on": False, "size": 3} in sets
    assert any(each["on"] is False and each["size"] != 3 for each in sets)


def test_a_mutated_helper_is_seen_by_the_mutant_alone(tmp_path):
    mutant = next(each for each in MUTANTS if each.helper == "_pooling.py")
    before = {name: module for name, module in sys.modules.items() if name.startswith("workbench.plugins.layers")}
    mutated, original = mutant.build(tmp_path), registry().get("layer", mutant.name)
    assert {name: sys.modules.get(name) for name in before} == before
    tables = [spec(padding="same").build((5, 5, 1)).tables["rows"][-1, 1] for spec in (mutated, original)]
    assert tables == [6, 5]
