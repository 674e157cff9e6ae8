"""Convolutional networks, ours against PyTorch's in both its layouts: ``python tests/benchmarks/convolution.py``.

All sides start from the same weights and must agree before the clock starts; then they take turns in this one process.
Training is whole passes over the data as each side's users make them, shuffling and, on our side, diagnostics included.
The memory of training is taken in a process of its own for each side: ``convolution.py SIDE`` prints it.
"""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import harness

harness.limit_threads()

import numpy as np  # noqa: E402  (thread pools are made on import)

BATCH, ROUNDS, LR = 32, 15, 0.01
REPEATS = (
    100  # of a short call in a row: for a while after its own the other side's threads spin, waiting for more work
)
LAYOUTS = {"PyTorch": False, "PyTorch channels_last": True}


@dataclass(frozen=True)
class Case:
    """A network: its convolutions (filters, kernel, stride, padding), pooling behind each, and dense layers."""

    name: str
    image: tuple
    samples: int
    epochs: int
    convolutions: tuple
    pool: int
    dense: tuple
    outputs: int

    def layers(self):
        """As we write them."""
        found = []
        for filters, kernel, stride, padding in self.convolutions:
            options = {"filters": filters, "kernel_size": kernel, "stride": stride, "padding": padding}
            found += [{"conv2d": options}, "relu"] + [{"max_pool2d": {"kernel_size": self.pool}}] * (self.pool > 1)
        found.append("flatten")
        for units in self.dense:
            found += [{"dense": {"units": units}}, "relu"]
        return [*found, {"dense": {"units": self.outputs}}, "softmax"]

    def data(self):
        rng = np.random.default_rng(0)
        return rng.random((self.samples, *self.image), dtype=np.float32), rng.integers(0, self.outputs, self.samples)


DQN = Case("DQN, 84x84x4", (84, 84, 4), 640, 2, ((32, 8, 4, 0), (64, 4, 2, 0), (64, 3, 1, 0)), 1, (512,), 6)
DIGITS = Case("small CNN, 8x8x1", (8, 8, 1), 1792, 10, ((16, 3, 1, 1), (32, 3, 1, 1)), 2, (), 10)


class Workbench:
    """``Network.fit`` and ``Network.predict_proba``."""

    def __init__(self, case, threads=harness.THREADS):
        import workbench as wb

        self.network = wb.Network(
            case.layers(), "cross_entropy", {"sgd": {"lr": LR}}, batch_size=BATCH, epochs=case.epochs, threads=threads
        ).initialize(case.image, case.outputs)

    def train(self, X, y):
        self.network.fit(X, y)

    def predict(self, X):
        return self.network.predict_proba(X)

    def weights(self):
        return list(self.network.parameters().values())


class PyTorch:
    """``nn.Sequential``, ``CrossEntropyLoss`` and ``optim.SGD``; batches are rows of a tensor in memory, no loader."""

    def __init__(self, case, weights, channels_last, threads=harness.THREADS):
        import torch
        from torch import nn

        self.torch, self.case, self.threads = torch, case, threads
        self.layout = torch.channels_last if channels_last else torch.contiguous_format
        height, width, channels = case.image
        layers = []
        for filters, kernel, stride, padding in case.convolutions:
            layers += [nn.Conv2d(channels, filters, kernel, stride, padding), nn.ReLU()]
            layers += [nn.MaxPool2d(case.pool)] * (case.pool > 1)
            height, width = (((size + 2 * padding - kernel) // stride + 1) // case.pool for size in (height, width))
            channels = filters
        layers.append(nn.Flatten())
        features = height * width * channels
        self.last = height, width, channels
        for units in case.dense:
            layers += [nn.Linear(features, units), nn.ReLU()]
            features = units
        self.model = nn.Sequential(*layers, nn.Linear(features, case.outputs)).to(memory_format=self.layout)
        with torch.no_grad():
            for parameter, array in zip(self.model.parameters(), weights, strict=True):
                parameter.copy_(torch.from_numpy(self.ours_to_theirs(array)))
        self.optimizer, self.loss = torch.optim.SGD(self.model.parameters(), LR), nn.CrossEntropyLoss()

    def ours_to_theirs(self, array):
        """Kernels and images channels first; the rows of the first dense weight in the order that flattens them."""
        if array.ndim == 4:
            return array.transpose(3, 2, 0, 1)
        if array.ndim == 1:
            return array
        height, width, channels = self.last
        if len(array) == height * width * channels:
            array = array.reshape(height, width, channels, -1).transpose(2, 0, 1, 3).reshape(array.shape)
        return np.ascontiguousarray(array.T)

    def images(self, X):
        return self.torch.from_numpy(X).permute(0, 3, 1, 2).contiguous(memory_format=self.layout)

    def train(self, X, y):
        self.torch.set_num_threads(self.threads)
        for _ in range(self.case.epochs):
            order = self.torch.randperm(len(y))
            for start in range(0, len(y), BATCH):
                rows = order[start : start + BATCH]
                self.optimizer.zero_grad()
                self.loss(self.model(X[rows]), y[rows]).backward()
                self.optimizer.step()

    def predict(self, X):
        self.torch.set_num_threads(self.threads)
        with self.torch.no_grad():
            parts = [self.model(X[i : i + BATCH]).softmax(1) for i in range(0, len(X), BATCH)]
        return self.torch.cat(parts).numpy()


def agreed(case, threads):
    """Both layouts and ours, each with its copy of the data, once they predict and learn alike."""
    X, y = case.data()
    ours = Workbench(case)
    initial = [weight.copy() for weight in ours.weights()]
    expected = ours.predict(X)
    ours.train(X[:BATCH], y[:BATCH])  # one batch, so that no side's shuffling matters
    moved = [new - old for new, old in zip(ours.weights(), initial, strict=True)]
    sides = {"workbench": (ours, X, y)}
    for name, channels_last in LAYOUTS.items():
        side = PyTorch(case, initial, channels_last, threads)
        images, labels = side.images(X), side.torch.from_numpy(y)
        # float32 carries 7 digits; sums of some thousand terms in another order cost three of them
        np.testing.assert_allclose(side.predict(images), expected, rtol=1e-4, atol=1e-6, err_msg=name)
        side.train(images[:BATCH], labels[:BATCH])
        for parameter, old, change in zip(side.model.parameters(), initial, moved, strict=True):
            theirs = parameter.detach().numpy() - side.ours_to_theirs(old)
            change = side.ours_to_theirs(change)
            assert abs(change).max() > 1e-6, "agreement would show nothing: no weight has moved"
            np.testing.assert_allclose(theirs, change, rtol=0, atol=2e-3 * abs(change).max(), err_msg=name)
        sides[name] = (side, images, labels)
    return sides


def network_rows(case, goals, threads=harness.THREADS):
    sides = agreed(case, threads)
    steps = -(-case.samples // BATCH)
    calls = {
        "training step": {name: lambda s=s, X=X, y=y: s.train(X, y) for name, (s, X, y) in sides.items()},
        "inference": {name: lambda s=s, X=X: s.predict(X) for name, (s, X, _) in sides.items()},
    }
    for what, goal in goals.items():
        passes = case.epochs if what == "training step" else 1
        yield row(f"{case.name}, {what}", harness.alternate(calls[what], ROUNDS), steps * passes, goal)


def layer_rows():
    """A 3x3 convolution ``same``, 32x32x32 to 64, as one layer: no loss, no update, no copies of its batch."""
    import torch

    import workbench as wb
    from workbench.network.driver import CompiledProgram

    before = {"conv2d": {"filters": 32, "kernel_size": 1}}  # whose gradient asks for the input gradient of the next
    network = wb.Network([before, {"conv2d": {"filters": 64, "padding": "same"}}], "squared_error", batch_size=BATCH)
    network.initialize((32, 32, 32))
    plan, rng = network.plan, np.random.default_rng(0)
    x, output, grad, grad_x = plan.outputs[0], plan.outputs[1], plan.grads[1], plan.grads[0]
    x[...], grad[...] = rng.standard_normal(x.shape), rng.standard_normal(grad.shape)
    operations = plan.gradient_operations(plan.x, plan.y, np.arange(BATCH))
    forward = [o for o in operations if o.name == "conv2d_forward"][1:]
    backward = [o for o in operations if o.name == "conv2d_backward"][:1]

    def program(operations):
        compiled = CompiledProgram(operations, plan.shards, plan.losses, "float32")
        return lambda: compiled.run(BATCH, BATCH, 0, 1, np.zeros(1), 0, 0, True, harness.THREADS)

    calls = {
        "forward": {"workbench": program(forward)},
        "forward + backward": {"workbench": program(forward + backward)},
    }
    calls["forward + backward"]["workbench"]()
    gradients = plan.gradients()
    for name, channels_last in LAYOUTS.items():
        layout = torch.channels_last if channels_last else torch.contiguous_format
        torch.set_num_threads(harness.THREADS)
        images, upstream = (torch.from_numpy(a).permute(0, 3, 1, 2).clone(memory_format=layout) for a in (x, grad))
        images.requires_grad_(True)
        layer = torch.nn.Conv2d(32, 64, 3, padding=1).to(memory_format=layout)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(network.parameters()["1.weight"].transpose(3, 2, 0, 1)))
            layer.bias.zero_()

        def both(images=images, layer=layer, upstream=upstream):
            images.grad = layer.weight.grad = layer.bias.grad = None
            result = layer(images)
            result.backward(upstream)
            return result.detach()

        def inference(images=images, layer=layer):
            with torch.no_grad():
                layer(images)

        pairs = [(both().permute(0, 2, 3, 1), output), (images.grad.permute(0, 2, 3, 1), grad_x)]
        pairs += [
            (layer.weight.grad.permute(2, 3, 1, 0), gradients["1.weight"]),
            (layer.bias.grad, gradients["1.bias"]),
        ]
        for theirs, ours in pairs:
            np.testing.assert_allclose(theirs.numpy(), ours, rtol=0, atol=1e-4 * abs(ours).max(), err_msg=name)
        calls["forward"][name], calls["forward + backward"][name] = inference, both
    for what, sides in calls.items():
        calls_in_a_row = {name: lambda call=call: [call() for _ in range(REPEATS)] for name, call in sides.items()}
        yield row(f"3x3 same, 32x32x32 to 64, {what}", harness.alternate(calls_in_a_row, ROUNDS), REPEATS, 1.0)


def row(name, seconds, steps, goal):
    times = [f"{seconds[side] / steps * 1e3:.3g}" for side in ("workbench", *LAYOUTS)]
    return [name, *times, f"{min(seconds[side] for side in LAYOUTS) / seconds['workbench']:.2f} ({goal:g})"]


def resident(field):
    """MiB of this process as Linux tells it: ``VmRSS`` now, ``VmHWM`` at its peak since the last reset."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024


def print_memory(side):
    """MiB that the DQN network and training it on one batch add, at their peak, to a process that has all the rest."""
    X, y = DQN.data()
    X, y = X[:BATCH].copy(), y[:BATCH]
    small = Workbench(DIGITS)
    small.train(*DIGITS.data())  # what is made once per process
    if side != "workbench":
        theirs = PyTorch(DIGITS, small.weights(), LAYOUTS[side])
        theirs.train(theirs.images(DIGITS.data()[0]), theirs.torch.from_numpy(DIGITS.data()[1]))
        weights = Workbench(DQN).weights()
    Path("/proc/self/clear_refs").write_text("5")  # the peak is now
    before = resident("VmRSS")
    if side == "workbench":
        made = Workbench(DQN)
    else:
        made = PyTorch(DQN, weights, LAYOUTS[side])
        X, y = made.images(X), made.torch.from_numpy(y)
    for _ in range(3):
        made.train(X, y)
    print(f"{resident('VmHWM') - before:.0f}")


def memory():
    with tempfile.TemporaryDirectory() as folder:
        for side in ("workbench", *LAYOUTS):
            harness.timed([sys.executable, str(Path(__file__).resolve()), side], Path(folder))
            yield (Path(folder) / "output.txt").read_text().split()[-1]


def main():
    rows = [
        *network_rows(DQN, {"training step": 1.4, "inference": 1.5}),
        *layer_rows(),
        *network_rows(DIGITS, {"training step": 10}, threads=1),  # the faster number for PyTorch here
    ]
    harness.show(
        f"Convolution, float32, batch {BATCH}, milliseconds. {harness.machine('numba', 'torch')}",
        ["", *("workbench", *LAYOUTS), "best PyTorch / ours (target)"],
        rows,
    )
    harness.show("Memory that training DQN adds to a process, MiB", ["workbench", *LAYOUTS], [list(memory())])


if __name__ == "__main__":
    print_memory(sys.argv[1]) if len(sys.argv) > 1 else main()
