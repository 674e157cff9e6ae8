"""Initializers with one mistake each."""

from mutants import Mutant

MUTANTS = [
    Mutant("initializer", "orthogonal", "NumPy's global generator", "rng.normal(size=", "np.random.normal(size="),
    Mutant("initializer", "orthogonal", "seed ignored", "rng.normal(size=", "np.random.default_rng(0).normal(size="),
    Mutant("initializer", "orthogonal", "only the first axis is counted", "math.prod(shape[:-1])", "shape[0]"),
    Mutant("initializer", "orthogonal", "gain forgotten", "return gain * (q if", "return (q if"),
    Mutant(
        "initializer",
        "he_normal",
        "fan_in and fan_out swapped",
        "def he_normal(rng, shape, fan_in, fan_out)",
        "def he_normal(rng, shape, fan_out, fan_in)",
    ),
    Mutant("initializer", "zeros", "whole numbers", "np.zeros(shape)", "np.zeros(shape, int)"),
    Mutant(
        "initializer",
        "glorot_uniform",
        "one number, not an array",
        "rng.uniform(-limit, limit, shape)",
        "rng.uniform(-limit, limit)",
    ),
    Mutant(
        "initializer",
        "uniform",
        "limit forgotten",
        "rng.uniform(-limit, limit, shape)",
        "rng.uniform(-0.05, 0.05, shape)",
    ),
]
