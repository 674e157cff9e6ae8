"""Time of one training step, ours against the peers': ``python tests/benchmarks/training_step.py``.

Data of the digits' shape, 1792 x 64 in ten classes. All sides start from the same weights and must agree after a few
steps before the clock starts; then they take turns in this one process. What is timed is whole passes over the data as
each side's users make them: shuffling and, on our side, the diagnostics are in it.
"""

from dataclasses import dataclass

import harness

harness.limit_threads()

import numpy as np  # noqa: E402  (thread pools are made on import)
import peers  # noqa: E402

SAMPLES, FEATURES, CLASSES = 1792, 64, 10
ROUNDS = 7


@dataclass(frozen=True)
class Case:
    """A network, and how many times faster than PyTorch eager and the JAX scan it is meant to train."""

    depth: int
    width: int
    batch_size: int
    eager: float
    jax: float

    def __str__(self):
        return f"{self.depth} x {self.width}, batch {self.batch_size}"


CASES = (
    Case(2, 32, 32, eager=20, jax=2),
    Case(8, 32, 32, eager=20, jax=2),
    Case(20, 32, 32, eager=20, jax=2),
    Case(2, 256, 128, eager=2, jax=1.2),
    Case(4, 512, 256, eager=1.3, jax=1),
)


def glorot(rng, fan_in, fan_out):
    limit = np.sqrt(6 / (fan_in + fan_out))
    return rng.uniform(-limit, limit, (fan_in, fan_out)).astype(np.float32), np.zeros(fan_out, np.float32)


def agreed(case, X, y):
    """Every side that can be made here, once all have come to the same weights by as many steps as epochs."""
    rng = np.random.default_rng(0)
    widths = [FEATURES, *[case.width] * case.depth, CLASSES]
    weights = [glorot(rng, fan_in, fan_out) for fan_in, fan_out in zip(widths, widths[1:], strict=False)]
    sides = {}
    for side in peers.SIDES:
        try:
            made = side(weights, case.batch_size, harness.THREADS)
            made.train(X[: case.batch_size], y[: case.batch_size])  # one batch, so that no side's shuffling matters
        except ImportError as error:
            print(f"{side.name} is left out: {error}")
            continue
        sides[side.name] = made
    first, *others = sides.values()
    for other in others:
        for ours, theirs in zip(first.weights(), other.weights(), strict=True):
            # float32 carries 7 digits; a few steps of different summation order cost two of them
            np.testing.assert_allclose(theirs[0], ours[0], rtol=1e-4, atol=1e-5, err_msg=other.name)
            np.testing.assert_allclose(theirs[1], ours[1], rtol=1e-4, atol=1e-5, err_msg=other.name)
    moved = max(np.abs(ours - before).max() for (ours, _), (before, _) in zip(first.weights(), weights, strict=True))
    assert moved > 1e-3, "agreement would show nothing: no side has trained"
    return sides


def row(case, X, y):
    sides = agreed(case, X, y)
    for side in sides.values():
        side.tune(X, y)
    seconds = harness.alternate({name: lambda s=side: s.train(X, y) for name, side in sides.items()}, ROUNDS)
    steps = peers.EPOCHS * len(X) // case.batch_size
    ours = seconds["workbench"]
    times = [f"{seconds[s.name] / steps * 1e6:.0f}" if s.name in seconds else "-" for s in peers.SIDES]
    ratios = [
        f"{seconds[peer.name] / ours:.1f} ({target:g})" if peer.name in seconds else "-"
        for peer, target in ((peers.TorchEager, case.eager), (peers.Jax, case.jax))
    ]
    nearest = min((s for s in seconds if s != "workbench"), key=seconds.__getitem__, default=None)
    closest = f"{seconds[nearest] / ours:.2f} {nearest}" if nearest else "-"
    return [case, *times, *ratios, closest]


def main():
    rng = np.random.default_rng(0)
    X = rng.random((SAMPLES, FEATURES), dtype=np.float32)
    y = rng.integers(0, CLASSES, SAMPLES)
    names = [f"{side.name} µs" for side in peers.SIDES]
    harness.show(
        f"One training step, float32. {harness.machine('numba', 'torch', 'jax', 'scikit-learn')}",
        ["hidden layers", *names, "eager / ours (target)", "JAX / ours (target)", "best peer / ours"],
        [row(case, X, y) for case in CASES],
    )


if __name__ == "__main__":
    main()
