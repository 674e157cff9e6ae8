"""Optimizers against PyTorch's, step by step on plain Python numbers in float64; row B6."""

import inspect
import math
from itertools import product

import pytest

from workbench import get
from workbench.errors import ConfigError
from workbench.registry import registry

PYTORCH = {"adagrad": "Adagrad", "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop", "sgd": "SGD"}
OPTIONS = {
    "adagrad": [{"lr_decay": [0.0, 0.1], "weight_decay": [0.0, 0.3], "initial_accumulator_value": [0.0, 0.5]}],
    "adam": [{"beta1": [0.9, 0.5], "beta2": [0.999, 0.9], "weight_decay": [0.0, 0.3], "eps": [1e-8, 0.1]}],
    "adamw": [{"beta1": [0.9, 0.5], "beta2": [0.999, 0.9], "weight_decay": [0.0, 0.01, 0.3], "eps": [1e-8, 0.1]}],
    "rmsprop": [{"alpha": [0.99, 0.5], "momentum": [0.0, 0.9], "centered": [False, True], "weight_decay": [0.0, 0.3]}],
    "sgd": [
        {"momentum": [0.0, 0.9], "weight_decay": [0.0, 0.3]},
        {"momentum": [0.5], "nesterov": [True], "weight_decay": [0.0, 0.3]},
    ],
}
CASES = [
    (name, dict(zip(grid, values, strict=True)))
    for name, grids in OPTIONS.items()
    for grid in grids
    for values in product(*grid.values())
]
STARTS = [0.5, -1.25, 0.0]


def slope(weight):
    """The gradient of a bumpy valley, which changes sign and size along the way."""
    return weight - 0.3 + math.cos(5 * weight)


def rules(optimizer, options):
    """The full update rule and, where there is one, the simpler."""
    simpler = optimizer.simpler and optimizer.simpler(options)
    return [optimizer.function, simpler] if simpler else [optimizer.function]


def descend(rule, options, weight, steps=20):
    """The weights after each step; ``rule`` takes of ``options`` those it names."""
    parameters = inspect.signature(rule).parameters
    required = sum(p.default is p.empty for p in parameters.values())
    state = (0.0,) * (required - len(("weight", "grad", "lr", "step")))
    own = {name: value for name, value in options.items() if name in parameters}
    path = []
    for step in range(1, steps + 1):
        weight, *state = rule(weight, slope(weight), *state, step=step, **own)
        path.append(weight)
    return path


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_B6_twenty_steps_equal_pytorch(name, options, torch):
    theirs = {key: value for key, value in options.items() if not key.startswith("beta")}
    if "beta1" in options:
        theirs["betas"] = (options["beta1"], options["beta2"])
    weights = torch.tensor(STARTS, dtype=torch.float64, requires_grad=True)
    reference = getattr(torch.optim, PYTORCH[name])([weights], lr=0.05, **theirs)
    expected = []
    for _ in range(20):
        weights.grad = torch.tensor([slope(w) for w in weights.tolist()], dtype=torch.float64)
        reference.step()
        expected.append(weights.tolist())
    optimizer = get("optimizer", name)
    options = optimizer.check(options | {"lr": 0.05})
    for rule in rules(optimizer, options):
        paths = [descend(rule, options, start) for start in STARTS]
        for found, target in zip(zip(*paths, strict=True), expected, strict=True):
            # rounding differs by a few ulp a step, and the slope's slope, up to 6, passes it on
            assert found == pytest.approx(target, rel=1e-11, abs=1e-12)


@pytest.mark.parametrize("name", OPTIONS)
def test_defaults_are_pytorchs(name, torch):
    theirs = {
        key: parameter.default
        for key, parameter in inspect.signature(getattr(torch.optim, PYTORCH[name])).parameters.items()
    }
    if "betas" in theirs:
        theirs["beta1"], theirs["beta2"] = theirs["betas"]
    ours = {option.name: option.default for option in get("optimizer", name).options.values()}
    if name == "sgd":
        assert ours.pop("lr") == 0.01
    assert ours == {option: theirs[option] for option in ours}


def test_every_built_in_has_a_case():
    built_in = {e.spec.name for e in registry().entries() if e.spec.kind == "optimizer" and e.origin == "built-in"}
    assert built_in == OPTIONS.keys()


@pytest.mark.parametrize(
    ("name", "options", "state"),
    [
        ("sgd", {}, 0),
        ("sgd", {"nesterov": True}, 0),
        ("sgd", {"momentum": 0.9}, 1),
        ("rmsprop", {}, 1),
        ("rmsprop", {"momentum": 0.9}, 3),
        ("rmsprop", {"centered": True}, 3),
    ],
    ids=str,
)
def test_the_cheapest_rule_has_the_least_state(name, options, state):
    optimizer = get("optimizer", name)
    cheapest = rules(optimizer, optimizer.check(options))[-1]
    assert len(cheapest(0.5, 0.1, *[0.0] * state, lr=0.1, step=1)) == 1 + state


@pytest.mark.parametrize(
    ("name", "option", "bad"),
    [("sgd", "momentum", -0.1), ("sgd", "nesterov", 1), ("adam", "beta2", 1.0), ("adamw", "eps", -1e-8)],
)
def test_options_out_of_range_are_refused(name, option, bad):
    with pytest.raises(ConfigError, match=f"optimizer '{name}': {option} = "):
        get("optimizer", name).check({option: bad})
