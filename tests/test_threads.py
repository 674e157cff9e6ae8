"""A step divided into shards over threads: the same bits for any number of them, and never a wait without end."""

import functools
import os
import signal
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numba import config

import workbench as wb
from workbench.network import plan

pytestmark = pytest.mark.skipif(bool(config.DISABLE_JIT), reason="NUMBA_DISABLE_JIT=1: the reference has no threads")

RNG = np.random.default_rng(1)
X, LABELS = RNG.standard_normal((1000, 64)), RNG.integers(0, 10, 1000)
LAYERS = [{"dense": {"units": 64}}, "tanh", {"dropout": {"rate": 0.3}}, {"dense": {"units": 64}}, "sigmoid",
          {"dense": {"units": 10}}, "softmax"]  # fmt: skip
CONVOLUTIONAL = [{"reshape": {"shape": [8, 8, 1]}}, {"conv2d": {"filters": 20, "padding": "same"}}, "batch_norm",
                 "relu", "max_pool2d", {"conv2d": {"filters": 33, "stride": 2}}, "tanh", "global_avg_pool2d",
                 {"dense": {"units": 40}}, "batch_norm", "sigmoid", {"dense": {"units": 10}}, "softmax"]  # fmt: skip


@pytest.fixture
def shards(monkeypatch):
    """Four for any step, however small."""
    monkeypatch.setattr(plan, "_SHARD_WORK", ((4, 0.0),))


def make(layers=LAYERS, **settings):
    return wb.Network(layers, "cross_entropy", **{"epochs": 2, "batch_size": 128, "optimizer": "adam", **settings})


def bits(net):
    return b"".join(array.tobytes() for array in net.parameters().values())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layers", [LAYERS, CONVOLUTIONAL], ids=["dense", "convolutional"])
def test_same_seed_same_bits_for_any_number_of_threads(shards, layers, dtype):
    """Dropout and a last batch that leaves shards empty (1000 = 7 x 128 + 104, and 30 rows to validate on) included."""
    results = []
    for threads in (1, 2, 4):
        net = make(layers, threads=threads, dtype=dtype, seed=3)
        net.fit(X, LABELS, validation_data=(X[:30], LABELS[:30]))
        assert len(net.plan.shards) == 4
        results.append((bits(net), net.history, net.predict_proba(X).tobytes()))
    assert results[0] == results[1] == results[2]
    assert bits(make(layers, dtype=dtype, seed=4).fit(X, LABELS)) != results[0][0]


def test_large_steps_are_divided_without_being_asked():
    wide = [{"dense": {"units": 512}}, "tanh", {"dense": {"units": 512}}, "tanh", {"dense": {"units": 10}}, "softmax"]
    assert len(make(wide).initialize((64,)).plan.shards) == 2
    assert len(make().initialize((64,)).plan.shards) == 1
    assert len(make(["batch_norm", *wide]).initialize((64,)).plan.shards) == 2
    assert len(make(CONVOLUTIONAL, batch_size=3000).initialize((64,)).plan.shards) == 4


@pytest.mark.parametrize("layers", [LAYERS, CONVOLUTIONAL], ids=["dense", "convolutional"])
def test_four_shards_change_nothing_but_rounding(monkeypatch, layers):
    layers = [entry for entry in layers if entry != {"dropout": {"rate": 0.3}}]
    whole = make(layers, dtype="float64").initialize((64,))
    loss_1, one = whole.loss_and_gradients(X, LABELS)
    monkeypatch.setattr(plan, "_SHARD_WORK", ((4, 0.0),))
    divided = make(layers, dtype="float64").initialize((64,))
    loss_2, two = divided.loss_and_gradients(X, LABELS)
    assert loss_1 == pytest.approx(loss_2, rel=1e-13)
    for name in one:  # sums in another order
        np.testing.assert_allclose(one[name], two[name], rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("rows", [128, 20])
def test_slopes_are_counted_over_all_shards(monkeypatch, rows):
    """Of the last batch as it was in training, whatever is evaluated afterwards; ``rows`` 20 leaves shards empty."""
    layers = [entry for entry in LAYERS if entry != {"dropout": {"rate": 0.3}}]
    records = []
    for work in ((), ((4, 0.0),)):
        monkeypatch.setattr(plan, "_SHARD_WORK", work)
        for validation in (None, (50 * X, LABELS)):
            net = make(layers, epochs=1, dtype="float64").initialize((64,))
            net.parameters()["0.bias"][:20] = 1000  # saturated, the slope too small even for double
            records.append(net.fit(X[: 128 + rows], LABELS[: 128 + rows], validation_data=validation).history[0])
    for key in ("activations/saturated_by_layer", "activations/dead_by_layer"):
        assert records[0][key] == records[1][key] == records[2][key] == records[3][key]
        assert records[0][key][0] == pytest.approx(20 / 64, abs=0.02)


class SlowPool(ThreadPoolExecutor):
    """Gives others time to come in between."""

    def submit(self, *arguments):
        time.sleep(0.002)
        return super().submit(*arguments)


def test_networks_train_side_by_side(shards, monkeypatch):
    """From several Python threads at once, each divided over several of its own; and after a fork."""
    monkeypatch.setattr("workbench.jit.threads._pool", functools.cache(SlowPool))

    def train(seed):
        return bits(make(threads=4, seed=seed).fit(X, LABELS))

    alone = [train(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(train, range(4))) == alone
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 advises against forking with threads
        child = os.fork()
    if child == 0:
        os._exit(0 if train(0) == alone[0] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_an_interrupt_leaves_no_thread_waiting(shards, monkeypatch):
    """Between the start of the other threads and this one's own part: they are at the first barrier by then."""

    class Interrupted(SlowPool):
        def submit(self, *arguments):
            future = super().submit(*arguments)
            time.sleep(0.05)
            os.kill(os.getpid(), signal.SIGUSR1)
            return future

    def interrupt(*_):
        raise KeyboardInterrupt

    earlier = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with monkeypatch.context() as patch:
            patch.setattr("workbench.jit.threads._pool", functools.cache(Interrupted))
            with pytest.raises(KeyboardInterrupt):
                make(threads=2).fit(X, LABELS)
    finally:
        signal.signal(signal.SIGUSR1, earlier)
    expected = bits(make(threads=1).fit(X, LABELS))
    assert bits(make(threads=2).fit(X, LABELS)) == expected
