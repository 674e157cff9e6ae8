"""Schedules with one mistake each."""

from mutants import Mutant

MUTANTS = [
    Mutant("schedule", "constant", "one number for all steps", "np.ones(step.shape)", "1.0"),
    Mutant(
        "schedule",
        "cosine",
        "a whole cosine",
        "(1 + np.cos(np.pi * step / total_steps)) / 2",
        "np.cos(np.pi * step / total_steps)",
    ),
    Mutant(
        "schedule",
        "cosine",
        "counts places, not steps",
        "np.pi * step / total_steps",
        "np.pi * np.arange(step.size) / total_steps",
    ),
    Mutant(
        "schedule",
        "step",
        "writes to step",
        "return gamma ** (step // (step_size * steps_per_epoch))",
        "step //= step_size * steps_per_epoch\n    return gamma**step",
    ),
    Mutant("schedule", "step", "gamma forgotten", "gamma ** (step", "0.1 ** (step"),
    Mutant("schedule", "warm_up", "nothing is left after the rise", "max(total_steps - rise, 1)", "total_steps - rise"),
]
