"""The network: its interface, its reproducibility, and what it says when something is wrong."""

import copy
import json
import os
import pickle
import re
import warnings
from dataclasses import replace

import numpy as np
import pytest
from disk import full
from numba import config
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import workbench as wb
from workbench.errors import ConfigError, DataError, PluginError, TrainingDiverged, UnknownName
from workbench.jit.threads import thread_count
from workbench.network.diagnostics import diverged
from workbench.network.driver import compiled_driver
from workbench.registry import registry
from workbench.specs import Activation, Initializer

RNG = np.random.default_rng(0)
X = RNG.standard_normal((90, 6))
LABELS = X[:, :3].argmax(axis=1)
LAYERS = [{"dense": {"units": 8}}, "sigmoid", {"dense": {"units": 3}}, "softmax"]


def make(layers=LAYERS, loss="cross_entropy", **settings):
    return wb.Network(layers, loss, **{"epochs": 3, "batch_size": 32, **settings})


def bits(net):
    return b"".join(array.tobytes() for array in net.parameters().values())


def test_parameters_are_named_by_place_and_writable():
    net = make().initialize(input_shape=(6,), n_outputs=3)
    parameters = net.parameters()
    assert {k: v.shape for k, v in parameters.items()} == {
        "0.weight": (6, 8), "0.bias": (8,), "2.weight": (8, 3), "2.bias": (3,),
    }  # fmt: skip
    parameters["0.weight"][:] = 0
    assert (net.parameters()["0.weight"] == 0).all()
    loss, gradients = net.loss_and_gradients(X, LABELS)
    assert isinstance(loss, float)
    assert {k: v.shape for k, v in gradients.items()} == {k: v.shape for k, v in parameters.items()}


def test_training_learns_and_tells():
    net = make(epochs=30, optimizer={"adam": {"lr": 0.02}})
    seen = []
    net.fit(X, LABELS, validation_data=(X[:30], LABELS[:30]), on_epoch=lambda epoch, record: seen.append(epoch))
    assert seen == list(range(1, 31)) == [record["epoch"] for record in net.history]
    assert net.history[-1]["train/loss"] < 0.8 * net.history[0]["train/loss"]
    last = net.history[-1]
    assert last["val/accuracy"] == (net.predict(X[:30]) == LABELS[:30]).mean()
    assert net.predict_proba(X).sum(axis=1) == pytest.approx(1, abs=1e-6)
    assert len(last["gradients/norm_by_layer"]) == len(last["updates/ratio_by_layer"]) == 2
    assert last["gradients/first_layer"] == last["gradients/norm_by_layer"][0]
    assert 0 <= last["activations/saturated_by_layer"][0] <= 1


def test_diagnostics_are_what_they_say():
    """One step, plain SGD: the norms and ratios by hand."""
    net = make(epochs=1, batch_size=90, dtype="float64", optimizer={"sgd": {"lr": 0.1}}).initialize((6,))
    before = {k: v.copy() for k, v in net.parameters().items()}
    _, gradients = net.loss_and_gradients(X, LABELS)
    record = net.fit(X, LABELS).history[0]
    names = ["0.weight", "2.weight"]
    norms = [np.linalg.norm(gradients[n]) for n in names]
    ratios = [np.linalg.norm(net.parameters()[n] - before[n]) / np.linalg.norm(net.parameters()[n]) for n in names]
    np.testing.assert_allclose(record["gradients/norm_by_layer"], norms, rtol=1e-12)
    np.testing.assert_allclose(record["updates/ratio_by_layer"], ratios, rtol=1e-10)


def test_saturated_and_dead_units_are_counted():
    net = make([{"dense": {"units": 4}}, "relu", {"dense": {"units": 3}}, "softmax"], epochs=1, batch_size=90)
    net.initialize((6,))
    net.parameters()["0.bias"][:] = [-1e3, 1e3, 1e3, 1e3]
    record = net.fit(X, LABELS).history[0]
    assert record["activations/dead_by_layer"] == [0.25]
    assert record["activations/saturated_by_layer"] == [0.25]


@pytest.mark.parametrize("optimizer", ["sgd", {"sgd": {"momentum": 0.9}}, "adam", "rmsprop", "adagrad", "adamw"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_reference_executor_agrees(optimizer, dtype):
    layers = [{"dense": {"units": 5}}, "gelu", "batch_norm", {"dropout": {"rate": 0.2}}, {"dense": {"units": 3}},
              "softmax"]  # fmt: skip
    fast = make(layers, optimizer=optimizer, dtype=dtype).fit(X, LABELS)
    slow = make(layers, optimizer=optimizer, dtype=dtype, executor="reference").fit(X, LABELS)
    # Plain Python computes in double what float32 kernels round at every step.
    tolerance = {"float32": 2e-4, "float64": 1e-9}[dtype]
    for name, expected in slow.parameters().items():
        np.testing.assert_allclose(fast.parameters()[name], expected, rtol=tolerance, atol=tolerance)
    assert fast.history[-1]["train/loss"] == pytest.approx(slow.history[-1]["train/loss"], rel=tolerance)


def test_who_asks_sees_the_network_before_it_trains():
    seen = []
    net = make().fit(X, LABELS, on_start=lambda network: seen.append((network, bits(network), list(network.history))))
    assert seen == [(net, bits(make().initialize((6,))), [])]


def test_what_every_layer_gives_when_predicting():
    """By hand, of more samples than a batch holds; dropout does nothing and batch_norm uses its running means."""
    layers = [{"dense": {"units": 5}}, "batch_norm", "relu", {"dropout": {"rate": 0.5}}, {"reshape": {"shape": [5, 1]}},
              "flatten", {"dense": {"units": 3}}, "softmax"]  # fmt: skip
    net = make(layers, dtype="float64").fit(X, LABELS)
    values, kept = net.parameters(), net.buffers()
    expected = [X @ values["0.weight"] + values["0.bias"]]
    normal = (expected[0] - kept["1.running_mean"]) / np.sqrt(kept["1.running_var"] + 1e-5)
    expected.append(values["1.weight"] * normal + values["1.bias"])
    expected.append(np.maximum(expected[1], 0))
    expected += [expected[2], expected[2][:, :, None], expected[2]]
    expected.append(expected[5] @ values["6.weight"] + values["6.bias"])
    powers = np.exp(expected[6])
    expected.append(powers / powers.sum(axis=1, keepdims=True))
    for layer, output in enumerate(expected):
        np.testing.assert_allclose(net.outputs(X, layer), output, rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(net.outputs(X, 7), net.predict_proba(X))


@pytest.mark.parametrize("layer", [-1, 4, 1.0, "dense"])
def test_a_layer_that_is_none_is_refused(layer):
    with pytest.raises(ConfigError, match="the layers of this network are 0 to 3"):
        make().initialize((6,)).outputs(X, layer)


def test_images_in_rows_are_the_same_to_dense_layers():
    rows = make(["flatten", *LAYERS], dtype="float64").fit(X, LABELS)
    images = make(["flatten", *LAYERS], dtype="float64").fit(X.reshape(90, 2, 3, 1), LABELS)
    assert bits(rows) == bits(images)


NOISY = LABELS.copy()
NOISY[:30] = RNG.permutation(LABELS[:30])
NORMALISED = [{"dense": {"units": 64}}, "batch_norm", "relu", {"dense": {"units": 3}}, "softmax"]


def overfit(**settings):
    """It learns wrong labels by heart; the last third says so."""
    settings = {"epochs": 40, "optimizer": {"adam": {"lr": 0.02}}, "batch_size": 60, **settings}
    return make(NORMALISED, **settings).fit(X[:60], NOISY[:60], validation_data=(X[60:], LABELS[60:]))


def everything(net):
    return b"".join(array.tobytes() for array in (net.parameters() | net.buffers()).values())


def test_early_stopping_ends_with_the_best_epochs_weights_and_running_means():
    whole, stopped = overfit(), overfit(patience=3)
    losses = [record["val/loss"] for record in whole.history]
    best = stopped.best_epoch
    assert losses[best - 1] == min(losses[: best + 3])
    assert len(stopped.history) == best + 3 < len(whole.history)
    assert stopped.history == whole.history[: best + 3]
    assert everything(stopped) == everything(overfit(epochs=best))
    assert stopped.evaluate(X[60:], LABELS[60:])["val/loss"] == losses[best - 1]
    assert whole.best_epoch is None


def test_patience_that_does_not_end_still_goes_back_to_the_best_epoch():
    best = overfit(patience=3).best_epoch
    patient = overfit(epochs=best + 2, patience=10)
    assert (patient.best_epoch, len(patient.history)) == (best, best + 2)
    assert everything(patient) == everything(overfit(epochs=best))


def test_patience_goes_with_the_network(tmp_path):
    net = overfit(patience=3)
    net.save(tmp_path / "model")
    assert wb.Network.load(tmp_path / "model").settings["patience"] == 3
    assert copy.copy(net).best_epoch == net.best_epoch


@pytest.mark.skipif(bool(config.DISABLE_JIT), reason="NUMBA_DISABLE_JIT=1: nothing is compiled")
def test_every_kernel_is_ready_when_training_starts():
    compiled_driver.cache_clear()
    ready = []
    net = make().fit(X, LABELS, on_start=lambda net: ready.append(compiled_driver.cache_info().currsize))
    assert ready == [1]
    assert len(net.history) == 3


def test_patience_needs_something_to_watch():
    with pytest.raises(ConfigError, match="patience = 3 waits for a lower validation loss: give fit validation_data"):
        make(patience=3).fit(X, LABELS)


def test_a_validation_loss_that_is_never_finite_is_no_reason_to_go_back():
    net = make([{"dense": {"units": 1}}], "squared_error", patience=2, epochs=5)
    net.fit(X, X[:, 0], validation_data=(1e30 * X, X[:, 0]))
    assert (net.best_epoch, len(net.history)) == (None, 2)
    assert bits(net) == bits(make([{"dense": {"units": 1}}], "squared_error", epochs=2).fit(X, X[:, 0]))


def test_an_evaluation_that_breaks_off_has_no_accuracy():
    """Not that of the samples before."""
    net = make([{"dense": {"units": 3}}, "softmax"]).fit(X, LABELS)
    net.parameters()["0.weight"][:] *= 10
    found = net.evaluate(np.concatenate([X, [[3e38] * 6]]), [*LABELS, 0])
    assert found.keys() == {"val/loss", "val/accuracy"}
    assert np.isnan([*found.values()]).all()
    assert net.evaluate(X, LABELS)["val/accuracy"] == (net.predict(X) == LABELS).mean()


def test_training_on_continues():
    once = make(epochs=4, dtype="float64").fit(X, LABELS)
    twice = make(epochs=2, dtype="float64").fit(X, LABELS).fit(X, LABELS)
    assert bits(once) == bits(twice)
    assert [r["epoch"] for r in twice.history] == [1, 2, 3, 4]


def test_save_and_load(tmp_path):
    layers = [{"dense": {"units": 5}}, "batch_norm", "relu", {"dense": {"units": 3}}, "softmax"]
    net = make(layers).fit(X, LABELS)
    net.save(tmp_path / "model.safetensors")
    loaded = wb.Network.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.predict_proba(X), net.predict_proba(X))
    assert list(tmp_path.iterdir()) == [tmp_path / "model.safetensors"]
    np.testing.assert_array_equal(loaded.predict(X), net.predict(X))  # labels
    (tmp_path / "other").write_bytes(b"\x80\x04no pickle is ever loaded")
    with pytest.raises(DataError, match="is not a saved network"):
        wb.Network.load(tmp_path / "other")


def test_a_model_that_cannot_be_written_leaves_the_old_one_and_nothing_else(tmp_path):
    net = make().fit(X, LABELS)
    net.save(tmp_path / "model")
    before = (tmp_path / "model").read_bytes()

    with full(100), pytest.raises(OSError, match="File too large"):
        net.fit(X, LABELS).save(tmp_path / "model")
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("model", before)]


def test_settings_may_be_numpys(tmp_path):
    layers = [{"dense": {"units": np.int64(3)}}, "softmax"]
    net = make(layers, batch_size=np.int64(32), epochs=np.int32(1), optimizer={"sgd": {"lr": np.float64(0.1)}})
    net.fit(X, LABELS).save(tmp_path / "model")
    assert wb.Network.load(tmp_path / "model").settings == net.settings


DAMAGE = {
    "list": lambda header, arrays: ([header], arrays),
    "no shape": lambda header, arrays: ({k: v for k, v in header.items() if k != "input_shape"}, arrays),
    "unknown setting": lambda header, arrays: (header | {"settings": header["settings"] | {"depth": 3}}, arrays),
    "wrong shape": lambda header, arrays: (header, arrays | {"0.weight": arrays["0.weight"][0]}),
    "missing": lambda header, arrays: (header, {k: v for k, v in arrays.items() if k != "2.bias"}),
    "one more": lambda header, arrays: (header, arrays | {"4.bias": np.zeros(3, "f4")}),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_file_is_refused(damage, tmp_path):
    make().initialize((6,)).save(tmp_path / "good")
    with safe_open(tmp_path / "good", framework="numpy") as file:
        header = json.loads(file.metadata()["workbench.network"])
    header, arrays = damage(header, load_file(tmp_path / "good"))
    save_file(arrays, tmp_path / "bad", {"workbench.network": json.dumps(header)})
    with pytest.raises(DataError, match="bad is not a saved network that can be loaded"):
        wb.Network.load(tmp_path / "bad")


@pytest.mark.parametrize("negative", [-1, 0])
def test_two_classes_keep_their_labels(negative, tmp_path):
    y = np.where(X[:, 0] > 0, 1, negative)
    net = make([{"dense": {"units": 1}}], "hinge", epochs=30, optimizer={"sgd": {"lr": 0.1}}).fit(X, y)
    assert set(net.predict(X)) == {negative, 1}
    assert (net.predict(X) == y).mean() == net.evaluate(X, y)["val/accuracy"] > 0.9
    net.save(tmp_path / "model")
    np.testing.assert_array_equal(wb.Network.load(tmp_path / "model").predict(X), net.predict(X))


def test_evaluation_does_not_change_what_is_predicted():
    net = make().fit(X, LABELS)
    assert "val/accuracy" not in net.evaluate(X, np.eye(3)[LABELS])
    assert net.predict(X).shape == (90,)
    rows = make().fit(X, np.eye(3)[LABELS])
    assert "val/accuracy" in rows.evaluate(X, LABELS)
    assert rows.predict(X).shape == (90, 3)


def test_a_copy_goes_its_own_way():
    net = make(epochs=1).fit(X, LABELS)
    for other in (copy.copy(net), pickle.loads(pickle.dumps(net))):
        other.fit(X, LABELS)
        assert (len(net.history), len(other.history)) == (1, 2)
    assert bits(other) == bits(net.fit(X, LABELS))


def test_targets_sparse_and_one_hot_agree():
    net = make(dtype="float64").initialize((6,))
    loss_1, one = net.loss_and_gradients(X, LABELS)
    loss_2, two = net.loss_and_gradients(X, np.eye(3)[LABELS])
    assert loss_1 == loss_2
    for name in one:
        np.testing.assert_array_equal(one[name], two[name])


def test_A2_deep_linear_network_collapses_to_one_layer():
    """A stack of linear layers is the product of its matrices."""
    layers = [entry for units in (7, 5, 4, 3) for entry in ({"dense": {"units": units}}, "linear")]
    net = make(layers, "squared_error", dtype="float64").initialize((6,))
    weight, bias = np.eye(6), np.zeros(6)
    for i in range(0, 8, 2):
        w, b = net.parameters()[f"{i}.weight"], net.parameters()[f"{i}.bias"]
        weight, bias = weight @ w, bias @ w + b
    assert abs(net.predict_proba(X) - (X @ weight + bias)).max() < 1e-14


def test_A2_optimum_of_a_deep_linear_network_is_least_squares():
    rng = np.random.default_rng(2)
    y = X @ rng.standard_normal((6, 1)) + 0.1 * rng.standard_normal((90, 1))
    net = make([{"dense": {"units": 6}}, "linear", {"dense": {"units": 1}}], "squared_error", dtype="float64",
               epochs=600, batch_size=90, optimizer={"sgd": {"lr": 0.05}}).fit(X, y)  # fmt: skip
    design = np.column_stack([X, np.ones(90)])
    expected = design @ np.linalg.lstsq(design, y, rcond=None)[0]
    np.testing.assert_allclose(net.predict_proba(X), expected, atol=1e-6)


def test_A2_xor_needs_an_activation():
    data, labels = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])

    def accuracy(activation):
        net = make([{"dense": {"units": 8}}, activation, {"dense": {"units": 2}}, "softmax"], epochs=400, batch_size=4,
                   optimizer={"adam": {"lr": 0.05}}).fit(data, labels)  # fmt: skip
        return (net.predict(data) == labels).mean()

    assert accuracy("tanh") == 1.0
    assert accuracy("linear") <= 0.75


def test_A4_two_class_softmax_is_the_sigmoid_of_the_difference():
    net = make([{"dense": {"units": 2}}, "softmax"], dtype="float64").initialize((6,))
    z = X @ net.parameters()["0.weight"] + net.parameters()["0.bias"]
    p = net.predict_proba(X)
    np.testing.assert_allclose(p[:, 1], 1 / (1 + np.exp(z[:, 0] - z[:, 1])), rtol=1e-13)
    np.testing.assert_allclose(p[:, 0], 1 - p[:, 1], rtol=1e-12)


def test_L1_the_wrong_pair_learns_slowly():
    """A saturated sigmoid under squared error passes on almost no gradient; cross-entropy does."""
    norms = {}
    for loss in ("squared_error", "binary_cross_entropy"):
        net = make([{"dense": {"units": 1}}, "sigmoid"], loss, dtype="float64").initialize((6,))
        net.parameters()["0.bias"][:] = -12.0  # sure, and wrong
        _, gradients = net.loss_and_gradients(X, np.ones((90, 1)))
        norms[loss] = np.linalg.norm(gradients["0.weight"])
    assert norms["squared_error"] < 1e-4 * norms["binary_cross_entropy"]


@pytest.mark.parametrize(
    ("layers", "loss", "y", "message"),
    [
        (LAYERS, "cross_entropy", LABELS + 1, "label 3 is out of range"),
        (LAYERS, "cross_entropy", LABELS + 0.5, "whole labels"),
        (LAYERS, "cross_entropy", RNG.standard_normal((90, 3)), "sum to one"),
        ([{"dense": {"units": 1}}, "sigmoid"], "binary_cross_entropy", RNG.standard_normal(90), "between 0 and 1"),
        ([{"dense": {"units": 1}}, "linear"], "hinge", RNG.standard_normal(90), "-1 and"),
        (LAYERS, "squared_error", RNG.standard_normal((90, 2)), "3 outputs"),
        (LAYERS, "cross_entropy", LABELS[:50], "y has 50"),
        (LAYERS, "cross_entropy", np.array(["cat"] * 90), "text labels"),
        (LAYERS, "cross_entropy", np.tile([1.5, -0.5, 0], (90, 1)), "least entry is -0.5"),
        (LAYERS, "cross_entropy", None, "one entry per sample, but None"),
        (LAYERS, "cross_entropy", 3, "one entry per sample, but 3"),
        (LAYERS, "cross_entropy", [[1, 0, 0], [0, 1]] * 45, "y is not an array of numbers"),
        (LAYERS, "cross_entropy", LABELS + 0j, "of complex128"),
        (LAYERS, "cross_entropy", np.ma.masked_equal(LABELS, 1), "y has masked values"),
        (LAYERS, "cross_entropy", 1e30 * LABELS, "whole labels"),
        ([{"dense": {"units": 1}}], "squared_error", np.full(90, 1e300), r"y\[0\] is 1e\+300.*finite in float32"),
    ],
)  # fmt: skip
def test_L1_targets_that_do_not_fit_the_loss(layers, loss, y, message):
    with pytest.raises(DataError, match=message):
        make(layers, loss).fit(X, y)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.where(np.arange(540).reshape(90, 6) == 100, np.nan, X), r"X\[16, 4\] is nan"),
        (np.where(np.arange(540).reshape(90, 6) == 7, np.inf, X), r"X\[1, 1\] is inf"),
        (X[:0], "at least one sample"),
        (X[:, :0], "at least one sample"),
        (X[:, 0], "at least one sample"),
        ([["a", "b"]] * 90, "not an array of numbers"),
        ([["1", "2"]] * 90, "encode text as numbers"),
        ([[1, 2], [3]], "not an array of numbers"),
        (X + 0j, "of complex128"),
        (np.ma.masked_less(X, 0), "X has masked values"),
        (1e300 * X, "not finite in float32"),
        (None, "one entry per sample, but None"),
    ],
)
def test_bad_samples(samples, message):
    with pytest.raises(DataError, match=message):
        make().fit(samples, LABELS)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"layers": [{"dens": {"units": 3}}]}, UnknownName, "did you mean 'dense'"),
        ({"layers": ["sigmoyd"]}, UnknownName, "did you mean 'sigmoid'"),
        ({"layers": [{"dense": {"units": 0}}]}, ConfigError, r"layers\[0\].*units = 0"),
        ({"layers": [{"dense": {"unit": 3}}]}, ConfigError, "did you mean 'units'"),
        ({"layers": [{"dense": {"units": 2.5}}]}, ConfigError, "units = 2.5"),
        ({"layers": []}, ConfigError, "empty"),
        ({"layers": "dense"}, ConfigError, "must be a list"),
        ({"loss": "crossentropy"}, UnknownName, "did you mean 'cross_entropy'"),
        ({"loss": "cross_entropy", "reduction": "half_sum"}, ConfigError, "no reduction 'half_sum'"),
        ({"optimizer": {"sgd": {"rate": 0.1}}}, ConfigError, "no option 'rate'"),
        ({"optimizer": {"sgd": {"lr": "fast"}}}, ConfigError, "lr = 'fast'"),
        ({"batch_size": 0}, ConfigError, "batch_size = 0"),
        ({"batch_size": True}, ConfigError, "batch_size = True"),
        ({"dtype": "float16"}, ConfigError, "float16"),
        ({"dtype": np.dtype("float32")}, ConfigError, "should be 'float32' or"),
        ({"patience": 0}, ConfigError, "patience = 0"),
        ({"patience": 2.0}, ConfigError, "patience = 2.0"),
        ({"threads": 0}, ConfigError, "threads = 0"),
        ({"threads": 1.5}, ConfigError, "threads = 1.5"),
        ({"executor": "referense"}, ConfigError, "did you mean 'reference'"),
        ({"optimizer": {"adam": {"lr": 0.0}}}, ConfigError, "lr = 0.0 should be greater than 0"),
        ({"optimizer": {"sgd": {"lr": -0.1}}}, ConfigError, "lr = -0.1"),
        ({"optimizer": {"sgd": {"lr": np.nan}}}, ConfigError, "lr = nan"),
        ({"optimizer": {"sgd": {"lr": np.inf}}}, ConfigError, "lr = inf"),
    ],
)
def test_bad_settings(settings, error, message):
    with pytest.raises(error, match=message):
        make(**{"layers": LAYERS, **settings})


def test_softmax_over_one_output_is_refused():
    with pytest.raises(ConfigError, match="single output"):
        make([{"dense": {"units": 1}}, "softmax"]).fit(X, np.zeros(90))


@pytest.mark.parametrize("ending", [[], ["relu"], ["tanh"], ["linear"], ["softplus"], ["sigmoid"], ["relu", "linear"]])
def test_a_forgotten_output_activation_is_noticed(ending):
    with pytest.raises(ConfigError, match="needs probabilities.*end the layers with 'softmax'"):
        make([{"dense": {"units": 3}}, *ending]).fit(X, LABELS)


@pytest.mark.parametrize(
    ("ending", "loss"),
    [
        (["softmax", "linear"], "cross_entropy"),
        (["softmax"], "binary_cross_entropy"),
        (["hard_sigmoid"], "binary_cross_entropy"),
        (["sigmoid", "linear"], "binary_cross_entropy"),
        (["relu"], "squared_error"),
        ([], "hinge"),
    ],
)
def test_an_ending_that_fits_the_loss_is_allowed(ending, loss):
    make([{"dense": {"units": 3}}, *ending], loss).initialize((6,))


@pytest.mark.parametrize("shape", [6, None, (), (-6,), "6", (0,), (2.7,), (True,)])
def test_a_shape_that_is_none_is_refused(shape):
    with pytest.raises(ConfigError, match="input_shape = .* whole numbers"):
        make().initialize(shape)


@pytest.mark.parametrize("layers", [["softmax"], ["relu"], [{"dropout": {"rate": 0.1}}]])
def test_a_network_without_parameters_cannot_be_trained(layers):
    with pytest.raises(ConfigError, match="nothing to train"):
        make(layers, "squared_error").fit(X, X)


@pytest.mark.parametrize("validation_data", [X, (X,), (X, LABELS, LABELS), 5])
def test_validation_data_are_a_pair(validation_data):
    with pytest.raises(DataError, match=r"must be a pair \(X, y\)"):
        make().fit(X, LABELS, validation_data=validation_data)


@pytest.mark.parametrize("size", [10**15, 10**30])  # more than is addressable, more than can be counted
def test_what_does_not_fit_into_memory_is_refused(size):
    for settings in ({"batch_size": size}, {"layers": [{"dense": {"units": size}}]}):
        with pytest.raises(ConfigError, match="0{15}.* do not fit into memory"):
            make(**{"loss": "squared_error", **settings}).initialize((6,))


def test_plugins_that_give_the_wrong_thing_are_named(monkeypatch):
    def flat(rng, shape, fan_in, fan_out):
        return np.zeros(shape[-1])

    def curved(z, kind="soft"):
        return z

    offered = [
        (Initializer("flat", flat), "zeros"),
        (Activation("curved", curved, lambda z, a, kind="soft": 1.0), "linear"),
    ]
    for spec, like in offered:
        monkeypatch.setitem(
            registry()._entries, (spec.kind, spec.name), replace(registry().entry(spec.kind, like), spec=spec)
        )
    net = make(initializer="flat")
    with pytest.raises(PluginError, match=r"plugin 'flat'.*shape \(8,\) where \(6, 8\)"):
        net.initialize((6,))
    with pytest.raises(ConfigError, match="no shapes yet"):
        net.parameters()
    with pytest.raises(PluginError, match=r"layers\[0\]: plugin 'curved'.*kind = 'soft' should be a number"):
        make(["curved"])


def test_a_failed_first_fit_leaves_the_shape_open():
    net = make()
    with pytest.raises(DataError):
        net.fit(X[:, :4], LABELS - 1)
    with pytest.raises(DataError):
        net.fit(X[:, :4], LABELS, validation_data=(X, LABELS))
    assert bits(net.fit(X, LABELS)) == bits(make().fit(X, LABELS))


def test_memory_of_columns_is_read_as_rows():
    net = make([{"dense": {"units": 3}}], "squared_error", dtype="float64").initialize((6,))
    y = RNG.standard_normal((90, 3))
    assert net.loss_and_gradients(X, y)[0] == net.loss_and_gradients(np.asfortranarray(X), np.asfortranarray(y))[0]


def test_batch_larger_than_the_data_warns_and_takes_one():
    with pytest.warns(UserWarning, match="larger than the 90 samples"):
        large = make(batch_size=500, dtype="float64").fit(X, LABELS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exact = make(batch_size=90, dtype="float64").fit(X, LABELS)
    assert bits(large) == bits(exact)


def test_a_batch_beyond_memory_takes_what_rows_there_are(tmp_path):
    with pytest.warns(UserWarning, match="larger than the 90 samples"):
        net = make(batch_size=10**15).fit(X, LABELS)
    net.save(tmp_path / "model")
    for other in (copy.copy(net), wb.Network.load(tmp_path / "model")):
        np.testing.assert_array_equal(other.predict_proba(X), net.predict_proba(X))


def test_a_change_of_rows_keeps_what_was_learned():
    """Values, views of them and the optimizer's memory."""
    net = make(batch_size=60, optimizer="adam", epochs=1).fit(X, LABELS)
    view = net.parameters()["0.weight"]
    small = make()
    small.__setstate__(net.__getstate__() | {"settings": net.settings | {"batch_size": 30}, "rows": 30})
    with pytest.warns(UserWarning, match="larger than the 30"):
        net.fit(X[:30], LABELS[:30])
    assert bits(net) == bits(small.fit(X[:30], LABELS[:30]))
    np.testing.assert_array_equal(view, net.parameters()["0.weight"])
    assert net.evaluate(X, LABELS)["val/accuracy"] == (net.predict(X) == LABELS).mean()  # of more samples than rows


@pytest.mark.parametrize("threads", [1, 2])
def test_divergence_says_epoch_and_layer(threads):
    layers = [{"dense": {"units": 8}}, "relu", {"dense": {"units": 8}}, "relu", {"dense": {"units": 1}}]
    net = make(layers, "squared_error", optimizer={"sgd": {"lr": 1e6}}, threads=threads, epochs=50)
    with pytest.raises(TrainingDiverged, match=r"epoch \d+, step \d+.*layer \d \(dense\).*learning rate"):
        net.fit(1e3 * X, LABELS.astype(float))


def test_divergence_names_the_step_where_the_loss_broke():
    """From weight 0 on x = y = 1, one step at lr 1e30 reaches about 1e30, whose square float32 does not hold."""
    net = make([{"dense": {"units": 1}}], "squared_error", optimizer={"sgd": {"lr": 1e30}}, batch_size=1)
    net.initialize((1,)).parameters()["0.weight"][:] = 0
    with pytest.raises(TrainingDiverged, match=r"the loss .* epoch 1, step 2: .*the loss, of outputs as large as 4"):
        net.fit(np.ones((5, 1)), np.ones(5))


@pytest.mark.parametrize("threads", [1, 2])
def test_divergence_names_the_gradient_that_broke_first(threads):
    """The second layer's gradient overflows while outputs, the loss and what flows further down stay small."""
    layers = [{"dense": {"units": 1}}, "relu", {"dense": {"units": 1}}]
    net = make(layers, "absolute_error", reduction="sum", batch_size=32, threads=threads).initialize((1,))
    values = net.parameters()
    values["0.weight"][:], values["2.weight"][:] = 1e38, 0
    with pytest.raises(TrainingDiverged, match=r"a gradient .* epoch 1, step 1: .* the gradient of layer 2 \(dense\)"):
        net.fit(np.ones((64, 1)), np.ones(64))


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ([9, 8], "step 3: .* layer 2"),
        ([8, 9], "step 3: .* layer 0"),
        ([8, 8], "step 3: .* layer 2"),
        ([-1, 9], "step 4: .* layer 2"),
    ],
)
def test_divergence_names_the_earliest_step_and_there_the_layer_nearest_the_output(broken, said):
    net = make().initialize((6,))
    net.plan.broken[:] = broken
    assert re.search(said, str(diverged(net.plan, steps_before=5, epoch=2, step=9)))


def test_threads_are_kept_where_the_system_tells_no_affinity(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert thread_count(3) == 3
    assert thread_count() == os.cpu_count()


def test_plan_states_its_workspace():
    net = make().initialize((6,))
    activations = 32 * 4 * (6 + 3 + 2 * (8 + 8 + 3 + 3))
    assert activations <= net.plan.workspace_bytes <= 2 * activations
    assert net.table() == [("dense", (8,), 56), ("sigmoid", (8,), 0), ("dense", (3,), 27), ("softmax", (3,), 0)]


@pytest.mark.parametrize("last", ["global_avg_pool2d", {"reshape": {"shape": [3]}}], ids=str)
def test_a_forgotten_softmax_is_noticed_behind_layers_without_parameters(last):
    layers = [{"conv2d": {"filters": 3, "kernel_size": 8 if isinstance(last, dict) else 3}}, last]
    with pytest.raises(ConfigError, match="needs probabilities that sum to one.*end the layers with 'softmax'"):
        wb.Network(layers, "cross_entropy").initialize((8, 8, 1))


def test_softmax_of_an_image_is_refused():
    with pytest.raises(
        ConfigError, match=r"layers\[1\]: softmax takes one row of numbers, not samples of shape \(6, 6"
    ):
        wb.Network([{"conv2d": {"filters": 4}}, "softmax"], "cross_entropy").initialize((8, 8, 1))


def test_a_step_of_convolutions_counts_every_pixel():
    """Or an interrupt would wait for a whole epoch: calls are made short by this number."""
    net = wb.Network([{"conv2d": {"filters": 4}}, "relu", "flatten", {"dense": {"units": 2}}], "squared_error")
    work = net.initialize((10, 12, 3)).plan.work
    assert work == 6 * 32 * (8 * 10 * 4 * 27 + 320 * 2)


def test_early_stopping_keeps_the_best_epoch_of_a_training_that_diverges():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((64, 4)), rng.standard_normal(64)
    layers = [{"dense": {"units": 8}}, "relu", {"dense": {"units": 1}}]
    net = wb.Network(layers, "squared_error", {"sgd": {"lr": 0.01, "momentum": 0.5}}, patience=3, epochs=50)
    kept = {}

    def blow_up(epoch, record):
        kept[epoch] = {name: array.copy() for name, array in net.parameters().items()}
        if epoch == 5:
            net.plan.state[:] = 1e30  # the velocity of the next step

    with pytest.raises(TrainingDiverged):
        net.fit(X, y, validation_data=(X, y), on_epoch=blow_up)
    assert net.best_epoch == 5
    for name, array in net.parameters().items():
        np.testing.assert_array_equal(array, kept[5][name])
