"""Learning-rate schedules against PyTorch's."""

import numpy as np
import pytest

from workbench import get
from workbench.errors import ConfigError

EPOCHS, STEPS_PER_EPOCH = 12, 7
TOTAL = EPOCHS * STEPS_PER_EPOCH
STEPS = np.arange(TOTAL)


def factors(name, **options):
    schedule = get("schedule", name)
    return schedule.function(STEPS, TOTAL, STEPS_PER_EPOCH, **schedule.check(options))


def reference(torch, make, steps=TOTAL):
    """The learning rates of a PyTorch scheduler that starts from 1."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = make(torch.optim.lr_scheduler, optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def test_constant_stays():
    assert (factors("constant") == 1).all()


def test_step_equals_pytorch_by_epoch(torch):
    by_epoch = reference(torch, lambda lr, optimizer: lr.StepLR(optimizer, step_size=5, gamma=0.5), EPOCHS)
    np.testing.assert_allclose(
        factors("step", step_size=5, gamma=0.5), np.repeat(by_epoch, STEPS_PER_EPOCH), rtol=1e-14
    )


@pytest.mark.parametrize("final", [0.0, 0.1])
def test_cosine_equals_pytorch_by_step(final, torch):
    expected = reference(torch, lambda lr, optimizer: lr.CosineAnnealingLR(optimizer, TOTAL, eta_min=final))
    # PyTorch multiplies its way from step to step, which costs it a few digits towards the end
    np.testing.assert_allclose(factors("cosine", final=final), expected, rtol=1e-11)


@pytest.mark.parametrize(("then", "fraction", "rise"), [("constant", 0.1, 8), ("cosine", 0.25, 21)])
def test_warm_up_equals_pytorch_by_step(then, fraction, rise, torch):
    def make(lr, optimizer):
        rising = lr.LinearLR(optimizer, start_factor=1 / rise, total_iters=rise - 1)
        after = lr.ConstantLR(optimizer, 1.0) if then == "constant" else lr.CosineAnnealingLR(optimizer, TOTAL - rise)
        return lr.SequentialLR(optimizer, [rising, after], milestones=[rise])

    found = factors("warm_up", fraction=fraction, then=then)
    np.testing.assert_allclose(found, reference(torch, make), rtol=1e-11)


@pytest.mark.parametrize("then", ["constant", "cosine"])
def test_warm_up_may_last_from_no_time_to_all_of_it(then):
    np.testing.assert_array_equal(factors("warm_up", fraction=0.0, then=then)[:1], [1.0])
    np.testing.assert_allclose(factors("warm_up", fraction=1.0, then=then), (STEPS + 1) / TOTAL, rtol=1e-15)


@pytest.mark.parametrize(
    ("name", "option", "bad"),
    [("step", "step_size", 0), ("step", "gamma", 0.0), ("cosine", "final", 1.5), ("warm_up", "then", "linear")],
)
def test_options_out_of_range_are_refused(name, option, bad):
    with pytest.raises(ConfigError, match=f"schedule '{name}': {option} = "):
        get("schedule", name).check({option: bad})
