"""What is asked of a layer: that it builds, that its gradients are slopes, and that nothing but its batch matters."""

from __future__ import annotations

import inspect
import itertools
import math
import numbers
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from workbench.errors import UnknownName, WorkbenchError
from workbench.network.operands import Shard, is_wide
from workbench.registry import registry
from workbench.specs import LayerShape, LayerSpec, Parameter
from workbench.testing.checks import CheckSkipped, CheckWarning, refuse
from workbench.testing.instruments.batches import (
    Batch,
    Case,
    Part,
    after,
    batch_of,
    build,
    cases,
    place,
    random_batch,
    told,
    tried,
    without_owner,
)
from workbench.testing.instruments.kernels import compare, needs_compiler, record_of
from workbench.testing.instruments.options import in_words, values_of
from workbench.testing.instruments.slopes import Slope, slope

PARTS: tuple[Part, Part] = ("forward", "backward")
GARBAGE = 7.25  # what an array may hold before it is filled, besides nothing at all
DIRECTIONS = 2  # random ones, along which a gradient is compared with a slope: a wrong entry shows in each
SAME = 1e-12  # sums in another order, relative to the largest entry
COMPILED = 1e-11  # and products added without rounding, and an exp of our own
SINGLE = 1e-4  # float32 has seven digits, of which sums that cancel lose some
COMPILED_CASES, MANY_ROWS = 24, 19
NOISY_CASES, KEYS = 6, 200  # noises to average over
ENTRIES = 20  # of the input, each made NaN alone


def check_build(plugin: LayerSpec) -> str | None:
    """It can be built for some shape of samples, and names what its kernels take, in valid shapes."""
    found = tried(plugin)
    for error in found.broken.values():
        if error.__cause__ is None or not found.cases:  # a shape it cannot take may make it raise anything
            refuse(plugin, without_owner(plugin, error))
    if not found.cases:
        needed = {name: values_of(option) for name, option in plugin.options.items() if option.required}
        for name in needed:
            if not needed[name]:
                annotation = plugin.options[name].annotation
                raise CheckWarning(f"nothing was tried: no value of its option {name}, {annotation}, could be guessed")
        guessed = f" Values of {', '.join(needed)} were guessed from the types." if needed else ""
        said = "".join(f" Samples of shape {shape}: {error}" for shape, error in list(found.refused.items())[-3:])
        refuse(plugin, f"no shape of samples was found that it can be built for.{guessed}{said}")
    for case in found.cases:
        _check_shape(plugin, case)
        again = build(plugin, case.stage.chosen.options, case.shape).shape
        if part := _difference(case.stage.shape, again):
            refuse(plugin, f"built twice for samples of shape {case.shape} it differs in its {part}.")
    shapes = sorted({case.shape for case in found.cases}, key=lambda shape: (len(shape), shape))
    return f"{'a view of' if found.cases[0].stage.is_view else 'for'} samples of shape {', '.join(map(str, shapes))}"


def check_refusals(plugin: LayerSpec) -> str | None:
    """What it cannot be built for it refuses with a ConfigError that says why."""
    found = tried(plugin)
    for error in found.broken.values():
        why = without_owner(plugin, error).removesuffix(".")
        raise CheckWarning(f"{why}; for a shape it cannot take it should raise workbench.errors.ConfigError")
    for shape, refusal in found.refused.items():
        if not str(refusal):
            raise CheckWarning(f"it refuses samples of shape {shape} without a word")
    return next((f"{shape}: {refusal}" for shape, refusal in found.refused.items()), "none: it took all that was tried")


def check_options_matter(plugin: LayerSpec) -> str | None:
    """Every option changes something: a shape, a number or what it can be built for."""
    found = tried(plugin)
    compared: dict[str, str] = {}
    matters: set[str] = set()
    for case in found.cases:
        options = case.stage.chosen.options
        for name in options:
            if name not in matters and options[name] != found.base[name]:
                other = {**options, name: found.base[name]}
                compared.setdefault(name, f"{found.base[name]!r} and {options[name]!r}")
                if _matters(plugin, case, other):
                    matters.add(name)
    for name, values in compared.items():
        if name not in matters:
            refuse(plugin, f"its option {name} changes nothing: with {values}, say, all is the same.")
    return ", ".join(found.base) or "none"


def check_forward(plugin: LayerSpec) -> str | None:
    """Forward fills its output with finite numbers, the same each time, and changes nothing it is given."""
    moved: set[str] = set()
    for batch in _batches(plugin):
        ran = batch.run("forward")
        if at := ran.first_unwritten(["output"]):
            refuse(plugin, f"{batch}: forward does not fill its output: nothing is written to {at}.")
        if (where := _first(~np.isfinite(ran["output"]))) is not None:
            refuse(plugin, f"{batch}: forward: {place('output', where)} is {ran['output'][where]}.")
        if at := ran.first_changed(["x", *batch.case.stage.shape.tables, *batch.trained]):
            refuse(plugin, f"{batch}: forward writes to {at}, which it is given to read.")
        if not batch.training and (at := ran.first_changed(batch.kept)):
            refuse(plugin, f"{batch}: forward writes to {at}, which it may do in training only.")
        moved |= {name for name in batch.kept if ran.first_changed([name])}
        filled = ["output", *batch.kept]
        if difference := _difference_of(ran.batch, batch.run("forward").batch, filled):
            refuse(plugin, f"{batch}: forward run again: {difference}. Noise is workbench.noise.uniform(key, i).")
        if difference := _difference_of(ran.batch, batch.run("forward", garbage=GARBAGE).batch, filled):
            refuse(plugin, f"{batch}: forward: {difference} where all that it fills held {GARBAGE} before.")
    return f"training moves {', '.join(sorted(moved))}" if moved else None


def check_backward(plugin: LayerSpec) -> str | None:
    """Backward fills every gradient, whatever was there before, and changes nothing it is given."""
    for batch in _batches(plugin, "forward"):
        ran = batch.run("backward")
        grad_x, *others = batch.filled("backward")
        if at := ran.first_unwritten([grad_x, *others]):
            refuse(plugin, f"{batch}: backward writes nothing to {at}.")
        given = ["x", "output", "grad_output", *batch.parameters, *batch.case.stage.shape.tables]
        if at := ran.first_changed(given):
            refuse(plugin, f"{batch}: backward writes to {at}, which it is given to read.")
        again = batch.run("backward", garbage=GARBAGE).batch
        if difference := _difference_of(ran.batch, again, [grad_x, *others]):
            refuse(plugin, f"{batch}: backward: {difference} where all that it fills held {GARBAGE} before.")
        nobody = batch.with_({"grad_x": np.empty((batch.case.rows, *(0 for _ in batch.case.shape)))})
        if difference := _difference_of(ran.batch, nobody.run("backward").batch, others):
            refuse(plugin, f"{batch}: backward: {difference} where grad_x is empty, for nobody needs it.")
    return None


def check_gradient(plugin: LayerSpec) -> str | None:
    """Every gradient is the slope of the output: differences in float64, training and predicting."""
    entries, seen = 0, 0
    for batch in _batches(plugin, "backward"):
        for name in ("x", *batch.trained):
            if found := _wrong_slope(batch, name):
                refuse(plugin, f"{batch}: {found}")
            entries += batch.arrays[name].size
        seen += 1
    return f"{entries:,} entries in {seen} batches"


def check_division(plugin: LayerSpec) -> str | None:
    """However threads share a batch out, the parts make the whole, and no two write to the same place."""
    for case in cases(plugin):
        several = Case(case.stage, 7) if case.rows == 3 else case
        for training in _ways(case):
            batch = random_batch(several, training=training)
            for part in PARTS:
                whole = batch.run(part).batch
                (_check_features if batch.wide(part) else _check_rows)(plugin, batch, whole, part)
                batch = whole
    wide = [is_wide(getattr(cases(plugin)[0].stage.layer, part)) for part in PARTS]
    return ", ".join(f"{part} by {'features' if is_so else 'rows'}" for part, is_so in zip(PARTS, wide, strict=True))


def check_noise(plugin: LayerSpec) -> str | None:
    """Another key gives other noise in training, and changes nothing in prediction."""
    differs = False
    for batch in _batches(plugin):
        if not _names_key(batch):
            raise CheckSkipped("it has no noise")
        one, other = (batch.with_({}, key=batch.key + i).run("forward").batch for i in range(2))
        difference = _difference_of(one, other, ["output"])
        if difference and not batch.training:
            refuse(plugin, f"{batch}: with another key {difference}; there should be no noise.")
        differs |= bool(difference)
    if not differs:
        refuse(plugin, "its forward names key, but no other key changes its output.")
    return None


def check_mean_of_noise(plugin: LayerSpec) -> str | None:
    """On average over its noise, training gives what prediction gives."""
    large = [case for case in cases(plugin) if case.rows * math.prod(case.shape) >= 30] or [cases(plugin)[-1]]
    for case in large[:NOISY_CASES]:
        batch = random_batch(case)
        if not _names_key(batch):
            raise CheckSkipped("it has no noise")
        batch = batch.with_({"x": 1 + 0.25 * np.tanh(batch.arrays["x"])})  # of one sign, or all means were zero
        predicted = batch.with_({}, training=False).run("forward")["output"].mean()
        means = np.array([batch.with_({}, key=key).run("forward")["output"].mean() for key in range(KEYS)])
        # five standard errors of the mean, and 2 % for what is meant to be roughly so
        if not abs(means.mean() - predicted) <= 5 * means.std() / math.sqrt(KEYS) + 0.02 * abs(predicted):
            raise CheckWarning(
                f"{case}: over {KEYS} keys its output is {means.mean():.3g} on average in training and "
                f"{predicted:.3g} in prediction: layers behind it learn from other inputs than they predict from"
            )
    return None


def check_no_rows(plugin: LayerSpec) -> str | None:
    """A part of a batch that has no rows makes gradients of zero."""
    for batch in _batches(plugin, "forward"):
        for part in PARTS:
            if batch.wide(part):
                continue
            ran = batch.run(part, shard=Shard(1, 2, batch.case.rows, 0))
            gradients = [] if part == "forward" else batch.filled(part)[1:]
            if at := ran.first_unwritten(gradients):
                refuse(plugin, f"{batch}: backward of no rows should make zeros, and writes nothing to {at}.")
            for name in gradients:
                if (where := _first(ran[name] != 0)) is not None:
                    refuse(
                        plugin, f"{batch}: backward of no rows makes {place(name, where)} {ran[name][where]}, not 0."
                    )
    return None


def check_extreme_inputs(plugin: LayerSpec) -> str | None:
    """A NaN that matters shows in the output, and no number makes its kernels raise."""
    broken = ""
    for case in _one_of_each_rank(cases(plugin)):
        for training in _ways(case):
            batch = random_batch(case, training=training)
            _check_nan(plugin, batch)
            limits = np.finfo(np.float64)
            for value in (0.0, limits.tiny, limits.max, -limits.max, math.inf, -math.inf, math.nan):
                there = batch.with_({"x": np.full_like(batch.arrays["x"], value)}, about=f", all of x {value:.3g}")
                ran = there.run("forward").batch.run("backward").batch
                for name in ("output", *batch.filled("backward")):
                    if value == 0 and (where := _first(~np.isfinite(ran.arrays[name]))) is not None:
                        found = f"{place(name, where)} is {ran.arrays[name][where]}"
                        broken = broken or f"{there}, as dead units give: {found}"
    if broken:
        raise CheckWarning(broken)
    return None


def check_compiled(plugin: LayerSpec) -> str | None:
    """Compiled it computes what it does as plain Python, the same bits each time, and writes within its arrays."""
    needs_compiler()
    for case in _to_compile(plugin):
        for training in _ways(case):
            batch = random_batch(case, training=training)
            for part in PARTS:
                plain, ran = batch.run(part), batch.run(part, compiled=True)
                filled = [name for name in (*batch.filled(part), *batch.kept) if name in ran.named]
                if found := compare(plain.batch.arrays, ran.batch.arrays, filled, COMPILED, COMPILED):
                    refuse(plugin, f"{batch}: compiled, {part}: {found} as in plain Python.")
                if at := ran.first_changed([name for name in plain.named if not plain.first_changed([name])]):
                    refuse(plugin, f"{batch}: compiled, {part} writes to {at}; as plain Python it does not.")
                if difference := _difference_of(ran.batch, batch.run(part, compiled=True).batch, filled):
                    refuse(plugin, f"{batch}: compiled, {part} twice: {difference}.")
                batch = plain.batch
    return None


def check_float32(plugin: LayerSpec) -> str | None:
    """In float32, compiled, it computes nearly what it does in float64."""
    needs_compiler()
    for case in _to_compile(plugin):
        for training in _ways(case):
            wide, narrow = (random_batch(case, dtype, training) for dtype in ("float64", "float32"))
            for part in PARTS:
                filled = ["output", *wide.kept] if part == "forward" else wide.filled(part)
                wide, narrow = wide.run(part).batch, narrow.run(part, compiled=True).batch
                if found := compare(wide.arrays, narrow.arrays, filled, SINGLE, SINGLE):
                    refuse(plugin, f"{wide}: in float32, {part}: {found} as in float64.")
    return None


CHECKS = (
    check_build,
    check_refusals,
    check_options_matter,
    check_forward,
    check_backward,
    check_gradient,
    check_division,
    check_noise,
    check_no_rows,
    check_extreme_inputs,
    check_mean_of_noise,
    check_compiled,
    check_float32,
)


def _batches(plugin: LayerSpec, upto: Part | None = None) -> Iterator[Batch]:
    """Every case, in training and in prediction, once its kernels up to this one have run."""
    for case in cases(plugin):
        for training in _ways(case):
            yield after(case, training, upto)


def _ways(case: Case) -> tuple[bool, ...]:
    """Training and prediction, where they can differ."""
    kernels = case.stage.layer.forward, case.stage.layer.backward  # type: ignore[union-attr]
    named = {name for kernel in kernels if kernel is not None for name in inspect.signature(kernel).parameters}
    keeps = any(not parameter.trainable for parameter in case.stage.shape.parameters.values())
    return (True, False) if keeps or named & {"training", "key"} else (True,)


def _check_shape(plugin: LayerSpec, case: Case) -> None:
    shape = case.stage.shape
    built = f"built for samples of shape {case.shape} with {in_words(case.stage.chosen.options) or 'no options'}"
    arrays: dict[str, Any] = {name: parameter.shape for name, parameter in shape.parameters.items()}
    for name, given in {**arrays, **shape.workspace, **shape.saved}.items():
        if not isinstance(given, tuple) or not all(isinstance(n, int | np.integer) and n >= 0 for n in given):
            refuse(plugin, f"{built}, {name} has the shape {given!r}; it must be a tuple of whole numbers.")
    for name, constant in shape.constants.items():
        if not isinstance(constant, numbers.Real):
            refuse(plugin, f"{built}, its constant {name} is {constant!r}; it must be a number.")
    for name, parameter in shape.parameters.items():
        _check_parameter(plugin, f"{built}, its parameter {name}", parameter)
    if not case.stage.is_view:
        batch = batch_of(case)
        for part in PARTS:
            with told(batch, part):
                batch.operation(part)


def _check_parameter(plugin: LayerSpec, which: str, parameter: Parameter) -> None:
    for fan in ("fan_in", "fan_out"):
        if not getattr(parameter, fan) > 0:
            refuse(plugin, f"{which} has {fan} = {getattr(parameter, fan)}; initial values divide by it.")
    if parameter.initializer is not None:
        try:
            registry().get("initializer", parameter.initializer)
        except UnknownName as error:
            refuse(plugin, f"{which}: {error}")


def _difference(one: LayerShape, other: LayerShape) -> str | None:
    """The first field in which they differ."""
    for field in fields(LayerShape):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if field.name == "tables":
            a, b = ({name: table.tolist() for name, table in tables.items()} for tables in (a, b))
        if a != b:
            return field.name
    return None


def _matters(plugin: LayerSpec, case: Case, options: Mapping[str, Any]) -> bool:
    """Whether a case is another with these options."""
    try:
        stage = build(plugin, options, case.shape)
    except WorkbenchError:
        return True
    one, two = case.stage.shape, stage.shape
    if any(getattr(one, each) != getattr(two, each) for each in ("output", "parameters", "workspace", "saved")):
        return True
    if stage.is_view:
        return False
    other = Case(stage, case.rows)
    names = ["output", "grad_x", *(f"grad_{name}" for name in after(case, True, None).trained)]
    return any(
        _difference_of(after(case, training, "backward"), after(other, training, "backward"), [*names, *two.parameters])
        for training in (True, False)
    )


def _wrong_slope(batch: Batch, name: str) -> str | None:
    """Where the gradient of the array ``name`` is not the slope, and what it is there."""
    grad, called = batch.arrays[f"grad_{name}"], f"grad_{name}"
    if (at := _first(~np.isfinite(grad))) is not None:
        return f"{place(called, at)} is {grad[at]}."
    rng = np.random.default_rng(1)
    for _ in range(DIRECTIONS):
        direction = rng.standard_normal(grad.shape)
        if not _slope_along(batch, name, direction).refuses((grad * direction).sum()):
            continue
        places = list(np.ndindex(grad.shape))
        while len(places) > 1:  # the half that is more to blame
            halves = places[: len(places) // 2], places[len(places) // 2 :]
            places = max(halves, key=lambda half: _off(batch, name, _only(half, direction)))
        (at,) = places
        expected = _slope_along(batch, name, _only(places, np.ones(grad.shape)))
        slopes = f"{expected.low:.6g} to {expected.high:.6g}" if expected.kink else f"{expected.low:.6g}"
        return (
            f"{place(called, at)} is {grad[at]:.6g}, but for each 1 that {place(name, at)} grows "
            f"sum(output * grad_output) grows by {slopes}."
        )
    return None


def _slope_along(batch: Batch, name: str, direction: np.ndarray) -> Slope:
    """How sum(output * grad_output) grows as the array ``name`` moves along ``direction``."""
    own = {each: array.copy() for each, array in batch.arrays.items()}
    operation = batch.with_(own).operation("forward")
    shard = Shard(0, 1, 0, batch.case.rows)
    record = record_of(shard, batch.case.rows, batch.training, batch.key)

    def total(t: float) -> float:
        for moved in (name, *batch.kept):  # what is kept for prediction, training changes
            own[moved][...] = batch.arrays[moved]
        own[name] += t * direction
        operation.run(shard, record)
        return float((own["output"] * batch.arrays["grad_output"]).sum())

    return slope(total, 0.0)


def _off(batch: Batch, name: str, direction: np.ndarray) -> float:
    """By how many times the uncertainty the gradient misses the slope along ``direction``."""
    expected, found = _slope_along(batch, name, direction), (batch.arrays[f"grad_{name}"] * direction).sum()
    return float(max(expected.low - found, found - expected.high) / expected.slack)


def _only(places: Sequence[tuple[int, ...]], array: np.ndarray) -> np.ndarray:
    kept = np.zeros_like(array)
    for at in places:
        kept[at] = array[at]
    return kept


def _check_rows(plugin: LayerSpec, batch: Batch, whole: Batch, part: Part) -> None:
    """Shards see rows of their own; gradients of parameters, of which each has its own, are added up."""
    rows, (by_row, *others) = batch.case.rows, batch.filled(part)
    together = [by_row, *batch.case.stage.shape.workspace] if part == "forward" else [by_row]
    ends = [*itertools.pairwise(sorted({0, rows // 3, rows // 2, rows})), (rows, rows)]
    sums = {name: np.zeros_like(whole.arrays[name]) for name in others} if part == "backward" else {}
    for i, (first, end) in enumerate(ends):
        ran = batch.run(part, shard=Shard(i, len(ends), first, end - first))
        which = f"{batch}: {part} of rows {first} to {end - 1}, as one thread of several"
        for name in together if end > first else ():
            here, there = ({name: arrays[name][first:end]} for arrays in (whole.arrays, ran.batch.arrays))
            if found := compare(here, there, [name], SAME, SAME):
                refuse(plugin, f"{which}: {found} as in the whole batch. If rows need each other, name start and stop.")
        shared = [*batch.case.stage.shape.saved, *batch.kept] if part == "forward" and end > first else []
        if found := compare(whole.arrays, ran.batch.arrays, shared, SAME, SAME):
            refuse(plugin, f"{which}: {found} as in the whole batch. All threads write it: name start and stop.")
        if at := ran.first_changed(batch.kept):
            refuse(plugin, f"{which}: it writes to {at}, as all threads would. Name start and stop.")
        for name in sums:
            sums[name] += ran[name]
    if found := compare(whole.arrays, sums, sums, SAME, SAME):
        refuse(plugin, f"{batch}: backward, by rows {', '.join(f'{a}:{b}' for a, b in ends)}, added up: {found}.")


def _check_features(plugin: LayerSpec, batch: Batch, whole: Batch, part: Part) -> None:
    """Shards see all rows, and each place is written by one of them."""
    by_feature = batch.filled(part)[0]
    features = batch.arrays["output" if part == "forward" else "x"].shape[-1]
    ends = [*itertools.pairwise(sorted({0, 1, features // 2, features})), (features, features)]
    made: dict[str, np.ndarray] = {}
    writer: dict[str, np.ndarray] = {}
    for i, (start, stop) in enumerate(ends):
        ran = batch.run(part, start=start, stop=stop)
        which = f"{batch}: {part} of start {start} and stop {stop}"
        for name in ran.named:
            written = ran.written(name)
            made.setdefault(name, ran.guards.zones[name].given)[written] = ran[name][written]
            earlier = writer.setdefault(name, np.full(written.shape, -1))
            if (at := _first(written & (earlier >= 0))) is not None:
                other = "start {} and stop {}".format(*ends[earlier[at]])
                refuse(plugin, f"{which} writes to {place(name, at)}, and that of {other} does so at the same time.")
            earlier[written] = i
            if name == by_feature:
                inside = (np.arange(features) >= start) & (np.arange(features) < stop)
                if (at := _first(written & ~inside)) is not None:
                    refuse(plugin, f"{which} writes to {place(name, at)}.")
    filled = [name for name in (*batch.filled(part), *batch.kept) if name in made]
    if found := compare(whole.arrays, made, filled, SAME, SAME):
        refuse(plugin, f"{batch}: {part} by start and stop {ends}: {found} as at once.")


def _check_nan(plugin: LayerSpec, batch: Batch) -> None:
    """Each of the first entries alone is NaN, if it matters."""
    output = batch.run("forward")["output"]
    for at in itertools.islice(np.ndindex(batch.arrays["x"].shape), ENTRIES):
        outputs = []
        for value in (batch.arrays["x"][at] + 1, np.nan):
            x = batch.arrays["x"].copy()
            x[at] = value
            outputs.append(batch.with_({"x": x}).run("forward")["output"])
        moved, lost = outputs
        if not np.array_equal(moved, output) and not np.isnan(lost).any():
            refuse(
                plugin,
                f"{batch}: {place('x', at)} is NaN and no output is, though it takes part: "
                "a network that has diverged would go on.",
            )


def _one_of_each_rank(all_cases: Sequence[Case]) -> list[Case]:
    found: dict[int, Case] = {}
    for case in all_cases:
        if case.rows > 1 and math.prod(case.shape) > 1:
            found.setdefault(len(case.shape), case)
    return list(found.values()) or list(all_cases[:1])


def _to_compile(plugin: LayerSpec) -> list[Case]:
    """Cases of one number of axes, for each is compiled anew; the largest also on many rows."""
    axes = min(len(case.shape) for case in cases(plugin))
    found = [case for case in cases(plugin) if len(case.shape) == axes]
    return [*found[:: -(-len(found) // COMPILED_CASES)], Case(found[-1].stage, MANY_ROWS)]


def _names_key(batch: Batch) -> bool:
    return "key" in batch.operation("forward").operands


def _difference_of(one: Batch, other: Batch, names: Sequence[str]) -> str | None:
    """The first place where two batches differ, to the bit."""
    return compare(one.arrays, other.arrays, names, 0.0, 0.0)


def _first(marked: np.ndarray) -> tuple[int, ...] | None:
    return tuple(int(i) for i in np.unravel_index(marked.argmax(), marked.shape)) if marked.any() else None
