"""One network, trained by us and by our peers: sigmoid hidden layers, softmax with cross-entropy, plain SGD, float32.

Each side is made from initial weights, a pair ``(weight (in, out), bias (out,))`` per layer, and a number of threads.
"""

import functools
import time

import numpy as np

LR = 0.1
EPOCHS = 10


class Side:
    """What is timed."""

    def tune(self, X, y):
        """Choose what a side is free to choose, by trying."""

    def train(self, X, y):
        """Pass ``EPOCHS`` times over the data in shuffled batches, on from where the weights are."""
        raise NotImplementedError

    def weights(self):
        """The pairs of weight and bias as they stand."""
        raise NotImplementedError


class Workbench(Side):
    """``Network.fit``, diagnostics and history included."""

    name = "workbench"

    def __init__(self, weights, batch_size, threads):
        import workbench as wb

        *hidden, outputs = [bias.size for _, bias in weights]
        layers = [layer for units in hidden for layer in ({"dense": {"units": units}}, "sigmoid")]
        self.network = wb.Network(
            layers=[*layers, {"dense": {"units": outputs}}, "softmax"],
            loss="cross_entropy",
            optimizer={"sgd": {"lr": LR}},
            batch_size=batch_size,
            epochs=EPOCHS,
            dtype="float32",
            threads=threads,
        )
        self.network.initialize(weights[0][0].shape[:1], outputs)
        for pair, ours in zip(weights, self.weights(), strict=True):
            for given, own in zip(pair, ours, strict=True):
                own[...] = given

    def train(self, X, y):
        self.network.fit(X, y)

    def weights(self):
        parameters = self.network.parameters()
        places = [name.removesuffix(".weight") for name in parameters if name.endswith(".weight")]
        return [(parameters[f"{place}.weight"], parameters[f"{place}.bias"]) for place in places]


class TorchEager(Side):
    """``nn.Sequential``, ``CrossEntropyLoss`` and ``optim.SGD``; batches are rows of a tensor in memory, no loader."""

    name = "PyTorch eager"

    def __init__(self, weights, batch_size, threads):
        import torch
        from torch import nn

        self.torch, self.batch_size, self.threads = torch, batch_size, threads
        layers = []
        for weight, bias in weights:
            dense = nn.Linear(*weight.shape)
            with torch.no_grad():
                dense.weight.copy_(torch.from_numpy(weight.T))
                dense.bias.copy_(torch.from_numpy(bias))
            layers += [dense, nn.Sigmoid()]
        self.model = nn.Sequential(*layers[:-1])
        self.loss = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=LR)

    def step(self, X, y):
        self.optimizer.zero_grad()
        self.loss(self.model(X), y).backward()
        self.optimizer.step()

    def tune(self, X, y):
        """Take one thread where that is faster, as it is for small networks."""
        seconds = {}
        for threads in (self.threads, 1):
            self.threads = threads
            self.train(X, y)  # to warm up
            start = time.perf_counter()
            self.train(X, y)
            seconds[threads] = time.perf_counter() - start
        self.threads = min(seconds, key=seconds.__getitem__)

    def train(self, X, y):
        self.torch.set_num_threads(self.threads)
        X, y = self.torch.from_numpy(X), self.torch.from_numpy(y)
        for _ in range(EPOCHS):
            for rows in self.torch.randperm(len(X)).split(self.batch_size):
                self.step(X[rows], y[rows])

    def weights(self):
        return [(dense.weight.detach().numpy().T, dense.bias.detach().numpy()) for dense in self.model[::2]]


class TorchCompiled(TorchEager):
    """The same through ``torch.compile``: forward, backward and update."""

    name = "PyTorch compiled"

    def __init__(self, weights, batch_size, threads):
        super().__init__(weights, batch_size, threads)
        self.torch._dynamo.reset()  # or the networks of earlier cases count as recompilations of this one
        self.step = self.torch.compile(super().step)


class Jax(Side):
    """One jitted call for all epochs: a scan over epochs of a scan over batches."""

    name = "JAX scan"

    def __init__(self, weights, batch_size, threads):
        import jax
        import jax.numpy as jnp

        self.jax, self.parameters, self.key = jax, jax.tree.map(jnp.array, weights), jax.random.key(0)

        def loss(parameters, X, y):
            a = X
            for weight, bias in parameters[:-1]:
                a = jax.nn.sigmoid(a @ weight + bias)
            weight, bias = parameters[-1]
            log_p = jax.nn.log_softmax(a @ weight + bias)
            return -jnp.take_along_axis(log_p, y[:, None], axis=1).mean()

        @functools.partial(jax.jit, donate_argnums=0)
        def train(parameters, keys, X, y):
            def step(parameters, rows):
                grads = jax.grad(loss)(parameters, X[rows], y[rows])
                return jax.tree.map(lambda p, g: p - LR * g, parameters, grads), None

            def epoch(parameters, key):
                batches = jax.random.permutation(key, len(X)).reshape(-1, batch_size)
                return jax.lax.scan(step, parameters, batches)

            return jax.lax.scan(epoch, parameters, keys)[0]

        self._train = train

    def train(self, X, y):
        self.key, key = self.jax.random.split(self.key)
        keys = self.jax.random.split(key, EPOCHS)
        self.parameters = self.jax.block_until_ready(self._train(self.parameters, keys, X, y))

    def weights(self):
        return self.jax.tree.map(np.asarray, self.parameters)


class ScikitLearn(Side):
    """``MLPClassifier.partial_fit``, one call an epoch."""

    name = "scikit-learn"

    def __init__(self, weights, batch_size, threads):
        from sklearn.neural_network import MLPClassifier

        self.model = MLPClassifier(
            [bias.size for _, bias in weights[:-1]],
            activation="logistic",
            solver="sgd",
            alpha=0.0,
            batch_size=batch_size,
            learning_rate_init=LR,
            momentum=0.0,
        )
        classes = np.arange(weights[-1][1].size)
        n_features = weights[0][0].shape[0]
        self.model.partial_fit(
            np.zeros((batch_size, n_features), np.float32), np.zeros(batch_size, int), classes=classes
        )
        for (weight, bias), coefs, intercepts in zip(weights, self.model.coefs_, self.model.intercepts_, strict=True):
            coefs[:], intercepts[:] = weight, bias

    def train(self, X, y):
        for _ in range(EPOCHS):
            self.model.partial_fit(X, y)

    def weights(self):
        return list(zip(self.model.coefs_, self.model.intercepts_, strict=True))


SIDES = (Workbench, TorchEager, TorchCompiled, Jax, ScikitLearn)
