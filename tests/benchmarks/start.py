"""What it costs to begin: ``python tests/benchmarks/start.py``.

Cold and warm start of ``workbench run`` on one small job with their peak memory, and the compile time of an activation
never seen before.
"""

import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import harness

ROUNDS = 5
TARGET = 0.6  # seconds for a new activation
JOB = [str(Path(sys.executable).parent / "workbench"), "run", "dataset=digits", "learner=mlp", "learner.epochs=1"]
ACTIVATION = '''"""One of many curves: a = z / (1 + {slope} z²)."""
from workbench import Activation, hookimpl


def curve(z):
    return z / (1 + {slope} * z * z)


def derivative(z, a):
    return (1 - {slope} * z * z) / (1 + {slope} * z * z) ** 2


@hookimpl
def register_activations():
    return [Activation("curve_{number}", curve, derivative)]
'''


def starts(temporary):
    """Processes that found the kernel cache empty, and processes that found it filled."""
    cold, warm = [], []
    for number in range(-1, ROUNDS):  # round -1 warms the file cache
        folder = Path(temporary, f"start_{number}")
        folder.mkdir()
        for processes in (cold, warm):
            process = harness.timed(JOB, folder, WORKBENCH_CACHE_DIR=str(folder / "cache"))
            if number >= 0:
                processes.append(process)
    return cold, warm


def new_activations(temporary):
    """Seconds that a first fit with a new activation takes beyond a second fit, for several new ones."""
    plugins = Path(temporary, "plugins")
    plugins.mkdir()
    for number in range(ROUNDS):
        (plugins / f"curve_{number}.py").write_text(ACTIVATION.format(number=number, slope=number + 0.5))
    os.environ["WORKBENCH_PLUGINS_DIR"] = str(plugins)
    os.environ["WORKBENCH_CACHE_DIR"] = str(Path(temporary, "cache"))
    import numpy as np

    import workbench as wb

    rng = np.random.default_rng(0)
    X, y = rng.random((64, 64), dtype=np.float32), rng.integers(0, 10, 64)

    def fit(activation):
        layers = [{"dense": {"units": 32}}, activation, {"dense": {"units": 10}}, "softmax"]
        start = time.perf_counter()
        wb.Network(layers=layers, loss="cross_entropy", epochs=1).fit(X, y)
        return time.perf_counter() - start

    fit("sigmoid")  # compiles everything but an activation's own kernels
    return [fit(f"curve_{number}") - fit(f"curve_{number}") for number in range(ROUNDS)]


def main():
    harness.limit_threads()
    with tempfile.TemporaryDirectory() as temporary:
        cold, warm = starts(temporary)
        compiled = new_activations(temporary)
    rows = [
        [f"`workbench run`, {name} kernel cache", f"{median(p.seconds for p in processes):.2f} s",
         f"{max(p.mebibytes for p in processes):.0f} MiB"]
        for name, processes in (("empty", cold), ("filled", warm))
    ]  # fmt: skip
    rows.append(["compiling a new activation", f"{median(compiled):.2f} s (at most {TARGET} s)", ""])
    harness.show(
        f"Starting, digits for one epoch. {harness.machine('numba', 'mlflow', 'hydra-core')}",
        ["", "time", "peak memory"],
        rows,
    )


if __name__ == "__main__":
    main()
