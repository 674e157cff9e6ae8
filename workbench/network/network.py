"""The network: what a user holds. It plans, initialises, trains, predicts, and tells what it saw."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workbench.compiler import compiler_is_off
from workbench.errors import ConfigError, DataError, PluginError, did_you_mean
from workbench.jit.threads import thread_count
from workbench.network import file
from workbench.network.architecture import Choice, Stage, build_stages, choose, choose_layers, gives_probabilities
from workbench.network.diagnostics import Diagnostics, Record, diverged
from workbench.network.driver import CompiledProgram, Program, ReferenceProgram, compiled_driver
from workbench.network.early_stopping import EarlyStopping
from workbench.network.operands import Operation
from workbench.network.plan import Plan, aligned
from workbench.network.targets import Classes, check_pair, check_samples, encode_targets

EXECUTORS = ("compiled", "reference")
PROBABILITIES = {"unit": "probabilities", "distribution": "probabilities that sum to one"}  # what targets ask for
_WORK_PER_CALL = 2e10  # operations between two looks at the keyboard: some tenths of a second


class Network:
    """A feed-forward network trained by gradient descent.

    ``layers``: names or ``{name: {options}}`` in order, activations by name among them. ``loss``, ``optimizer``,
    ``schedule`` and ``initializer`` likewise. ``reduction``: ``mean`` over the batch (default), ``sum``, or
    ``half_sum`` for squared error. ``patience``: stop after so many epochs without a lower ``val/loss``, and go back to
    the epoch that had the lowest (early stopping); None: train for all of ``epochs``. ``dtype`` ``float32`` or
    ``float64``. ``threads=None`` takes the cores there are; the result does not depend on it. ``executor``:
    ``compiled``, or ``reference``, the same in plain Python.

    ``history`` holds one dict per epoch: ``train/loss``, ``val/accuracy``, ... and lists per weight layer
    (``gradients/norm_by_layer``: mean over the epoch's steps of the L2 norm of the gradient of the weight matrix).
    ``best_epoch`` is the one that patience went back to, or None.
    Raises ``ConfigError`` and ``UnknownName`` at once for what is wrong without data.
    """

    def __init__(
        self,
        layers: Sequence[Choice],
        loss: Choice,
        optimizer: Choice = "sgd",
        schedule: Choice = "constant",
        initializer: Choice = "glorot_uniform",
        reduction: str = "mean",
        batch_size: int = 32,
        epochs: int = 5,
        patience: int | None = None,
        seed: int = 0,
        dtype: str = "float32",
        threads: int | None = None,
        executor: str | None = None,
    ) -> None:
        self.settings = _plain({
            "layers": layers, "loss": loss, "optimizer": optimizer, "schedule": schedule, "initializer": initializer,
            "reduction": reduction, "batch_size": batch_size, "epochs": epochs, "patience": patience,
            "seed": seed, "dtype": dtype, "threads": threads, "executor": executor,
        })  # fmt: skip
        self._layers = choose_layers(layers)
        if not self._layers:
            raise ConfigError("layers is empty: a network needs at least one layer.")
        self._loss = choose("loss", loss, "loss")
        self._optimizer = choose("optimizer", optimizer, "optimizer")
        self._schedule = choose("schedule", schedule, "schedule")
        self._initializer = choose("initializer", initializer, "initializer")
        self._reduction, self._dtype, self._threads = reduction, dtype, threads
        self._batch_size, self._epochs, self._patience, self._seed = (
            self.settings[name] for name in ("batch_size", "epochs", "patience", "seed")
        )
        for name, value, least in (
            ("batch_size", batch_size, 1), ("epochs", epochs, 0), ("seed", seed, 0),
            ("patience", 1 if patience is None else patience, 1), ("threads", 1 if threads is None else threads, 1),
        ):  # fmt: skip
            if not _is_whole(value, least):
                raise ConfigError(f"{name} = {value!r} should be a whole number of at least {least}.")
        if not isinstance(dtype, str) or dtype not in ("float32", "float64"):
            raise ConfigError(f"dtype = {dtype!r} should be 'float32' or 'float64'.")
        if reduction not in self._loss.spec.reductions:
            known = ", ".join(self._loss.spec.reductions)
            raise ConfigError(f"loss {self._loss.spec.name!r} has no reduction {reduction!r}. Known: {known}.")
        if executor not in (None, *EXECUTORS):
            raise ConfigError(f"no executor is named {executor!r}{did_you_mean(str(executor), EXECUTORS)}")
        self._executor = executor or ("reference" if compiler_is_off() else "compiled")
        self.history: list[Record] = []
        self.best_epoch: int | None = None
        self._plan: Plan | None = None
        self._steps = 0
        self._classes: Classes | None = None

    @property
    def stages(self) -> list[Stage]:
        """The layers with their shapes; needs ``initialize`` or ``fit`` first."""
        return self.plan.stages

    @property
    def plan(self) -> Plan:
        if self._plan is None:
            raise ConfigError("the network has no shapes yet: call initialize(input_shape) or fit(X, y) first.")
        return self._plan

    def initialize(self, input_shape: Sequence[int], n_outputs: int | None = None) -> Network:
        """Work out shapes for samples of ``input_shape`` and draw initial values; forgets any training."""
        stages = self._build(input_shape)
        if n_outputs is not None and math.prod(stages[-1].shape.output) != n_outputs:
            raise ConfigError(
                f"the last layer gives {math.prod(stages[-1].shape.output)} outputs, but {n_outputs} are needed."
            )
        return self._begin(stages, self._batch_size)

    def parameters(self) -> dict[str, np.ndarray]:
        """Every trained array by ``"<place in layers>.<name>"``, in layer order; writable views."""
        return dict(self.plan.parameters)

    def buffers(self) -> dict[str, np.ndarray]:
        """Arrays that layers keep but the optimizer does not touch, such as running means."""
        return dict(self.plan.buffers)

    def loss_and_gradients(self, X: Any, y: Any) -> tuple[float, dict[str, np.ndarray]]:
        """The reduced loss over all of ``X`` as one batch and its gradients, in training mode; nothing is updated."""
        X = self._samples(X)
        plan = self._make_plan(self.stages, len(X))
        plan.weights[:] = self.plan.weights
        for name, values in self.plan.buffers.items():
            plan.buffers[name][...] = values
        y, _ = self._targets(y, len(X), self.stages)
        order = np.arange(len(X))
        program = self._program(plan, plan.gradient_operations(X, y, order))
        program.run(len(X), len(X), 0, 1, np.zeros(1), self._steps, self._noise_seed, True, thread_count(self._threads))
        return plan.reduced(float(plan.losses[:, 0].sum()), len(X)), plan.gradients()

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        validation_data: tuple[Any, Any] | None = None,
        on_start: Callable[[Network], None] | None = None,
        on_epoch: Callable[[int, Record], None] | None = None,
    ) -> Network:
        """Train for ``epochs`` passes, on from where the network is.

        ``on_start(network)`` is called once memory, values and kernels are there, ``on_epoch(epoch, record)`` after
        each pass.
        ``X`` (n_samples, *input_shape); ``y`` whole class labels (n_samples,), or one-hot rows or real values
        (n_samples, n_outputs). Raises ``DataError``, ``ConfigError`` where layers, loss and memory do not go together
        or ``patience`` has no validation data to watch, ``PluginError`` for an initializer or schedule that fails, or
        ``TrainingDiverged`` with epoch and layer.
        """
        X = check_samples(X, self._dtype, self.stages[0].input_shape if self._plan else None)
        stages = self.stages if self._plan else self._build(X.shape[1:])
        if not any(stage.n_parameters for stage in stages):
            raise ConfigError("no layer has parameters, so there is nothing to train: add a dense layer, say.")
        y, classes = self._targets(y, len(X), stages)
        held_out = None
        if validation_data is None and self._patience is not None:
            raise ConfigError(
                f"patience = {self._patience} waits for a lower validation loss: give fit validation_data, "
                "or take patience=None."
            )
        if validation_data is not None:
            X_val, y_val = check_pair(validation_data)
            X_val = check_samples(X_val, self._dtype, stages[0].input_shape)
            held_out = X_val, *self._targets(y_val, len(X_val), stages)
        if len(X) < self._batch_size:
            warnings.warn(
                f"batch_size {self._batch_size} is larger than the {len(X)} samples: training in one batch",
                stacklevel=2,
            )
        rows = min(self._batch_size, len(X))
        if self._plan is None:
            self._begin(stages, rows)
        elif rows != self._plan.batch_size:
            self._plan = self._resized(self._plan, rows)
        plan, self._classes = self.plan, classes
        validation = self._evaluation(*held_out) if held_out else None
        order = np.arange(len(X))
        program = self._program(plan, plan.train_operations(X, y, order))
        diagnostics = Diagnostics(plan, self._program)
        steps = -(-len(X) // self._batch_size)
        rates = self._rates(steps)
        done = len(self.history)
        stopping = None if self._patience is None else EarlyStopping(plan.arrays, self._patience)
        if on_start is not None:
            on_start(self)
        try:
            for epoch in range(done + 1, done + self._epochs + 1):
                order[:] = self._shuffle.permutation(len(X))
                total = self._run_epoch(program, len(X), rates[epoch - done - 1], epoch)
                record: Record = {"epoch": epoch, "train/loss": plan.reduced(total, len(X))}
                if classes is not None:
                    record["train/accuracy"] = float(plan.correct.sum() / len(X))
                record.update(diagnostics.record(steps, len(X) - (steps - 1) * self._batch_size))
                if validation is not None:  # last: it overwrites the batch that the slopes are taken from
                    record.update(validation())
                self.history.append(record)
                if on_epoch is not None:
                    on_epoch(epoch, record)
                if stopping is not None and stopping.is_due(epoch, record["val/loss"]):
                    break
        finally:  # also where training broke off: the best epoch is what it was kept for
            if stopping is not None:
                self.best_epoch = stopping.restore()
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """The outputs of the last layer, (n_samples, n_outputs)."""
        outputs = self.outputs(X, len(self.stages) - 1)
        return outputs.reshape(len(outputs), -1)

    def outputs(self, X: Any, layer: int) -> np.ndarray:
        """What entry number ``layer`` of ``layers`` gives when predicting, (n_samples, *output shape of the layer)."""
        if not _is_whole(layer, 0) or layer >= len(self.stages):
            raise ConfigError(f"layer = {layer!r}: the layers of this network are 0 to {len(self.stages) - 1}.")
        X, plan = self._samples(X), self.plan
        shape = self.stages[layer].shape.output
        into = aligned((len(X), math.prod(shape)), self._dtype)
        program = self._program(plan, plan.output_operations(X, np.arange(len(X)), into, layer))
        self._run(program, len(X), training=False)
        return into.reshape(len(X), *shape)

    def predict(self, X: Any) -> np.ndarray:
        """Labels, as they were given, where the network was trained on class labels, else the outputs."""
        outputs = self.predict_proba(X)
        if self._classes is None:
            return outputs[:, 0] if outputs.shape[1] == 1 else outputs
        if outputs.shape[1] > 1:
            return outputs.argmax(axis=1)
        return np.where(outputs[:, 0] > (0.0 if self._loss.spec.targets == "sign" else 0.5), *self._classes[::-1])

    def evaluate(self, X: Any, y: Any) -> Record:
        """``{"val/loss": ..., "val/accuracy": ...}`` on other data (accuracy for class labels).

        NaN both where the loss is not finite.
        """
        X = self._samples(X)
        return self._evaluation(X, *self._targets(y, len(X), self.stages))()

    def table(self) -> list[tuple[str, tuple[int, ...], int]]:
        """(layer, output shape, number of parameters) for every entry of ``layers``."""
        return [(s.name, s.shape.output, s.n_parameters) for s in self.stages]

    def save(self, path: str | Path) -> None:
        """Write ``<path>`` (safetensors) with the settings in its JSON header; replaces the file in one step."""
        header = {
            "settings": self.settings, "input_shape": self.stages[0].input_shape, "rows": self.plan.batch_size,
            "classes": self._classes,
        }  # fmt: skip
        file.save(Path(path), header, self.plan.arrays)

    @classmethod
    def load(cls, path: str | Path) -> Network:
        """The network ``save`` wrote. Raises ``DataError`` for a file that is none."""
        try:
            header, arrays = file.load(Path(path))
            network = cls(**header["settings"])
            network._restore(header["input_shape"], header["rows"], arrays)
            network._classes = header["classes"] and tuple(header["classes"])
        except (LookupError, OSError, TypeError, ValueError) as error:
            raise DataError(f"{path} is not a saved network that can be loaded: {error}") from None
        return network

    def __getstate__(self) -> dict[str, Any]:
        """Settings and values; memory and machine code are made anew by whoever copies it."""
        arrays = {name: array.copy() for name, array in self.plan.arrays.items()} if self._plan else None
        shape = self.stages[0].input_shape if self._plan else None
        rows = self._plan.batch_size if self._plan else None
        state = self._plan.state.copy() if self._plan else None
        return {
            "settings": self.settings, "input_shape": shape, "rows": rows, "arrays": arrays, "optimizer_state": state,
            "history": list(self.history), "best_epoch": self.best_epoch, "steps": self._steps,
            "classes": self._classes,
            "shuffle": self._shuffle.bit_generator.state if self._plan else None,
        }  # fmt: skip

    def __setstate__(self, state: dict[str, Any]) -> None:
        Network.__init__(self, **state["settings"])
        if state["input_shape"] is not None:
            self._restore(state["input_shape"], state["rows"], state["arrays"])
            self.plan.state[...] = state["optimizer_state"]
            self._shuffle.bit_generator.state = state["shuffle"]
        self.history, self._steps, self._classes = state["history"], state["steps"], state["classes"]
        self.best_epoch = state["best_epoch"]

    def _restore(self, input_shape: Sequence[int], rows: int, arrays: Mapping[str, np.ndarray]) -> None:
        """Be what a network of these layers was. Raises ``DataError`` for arrays that are not theirs."""
        self._begin(self._build(input_shape), rows)
        own = self.plan.arrays
        if {name: a.shape for name, a in own.items()} != {name: a.shape for name, a in arrays.items()}:
            raise DataError("its arrays are not those of its layers.")
        for name, array in own.items():
            array[...] = arrays[name]

    def _build(self, input_shape: Sequence[int]) -> list[Stage]:
        """The stages for samples of this shape. Raises ``ConfigError``."""
        if not isinstance(input_shape, Sequence) or not input_shape or not all(_is_whole(n, 1) for n in input_shape):
            raise ConfigError(f"input_shape = {input_shape!r} should hold whole numbers of at least 1, such as (64,).")
        stages = build_stages(self._layers, tuple(map(int, input_shape)))
        self._check_ending(stages)
        return stages

    def _check_ending(self, stages: Sequence[Stage]) -> None:
        """A loss of probabilities after anything else is a forgotten activation."""
        loss = self._loss.spec
        if loss.fused and loss.targets in PROBABILITIES and not gives_probabilities(stages, loss):
            raise ConfigError(
                f"loss {loss.name!r} needs {PROBABILITIES[loss.targets]}, but {stages[-1]} gives other numbers: "
                f"end the layers with {' or '.join(repr(name) for name in loss.fused)}."
            )

    def _begin(self, stages: Sequence[Stage], rows: int) -> Network:
        """Plan for batches of ``rows`` and draw initial values. Raises ``PluginError`` where an initializer fails."""
        plan = self._make_plan(stages, rows)
        for stage, sequence in zip(stages, self._seeds(0).spawn(len(stages)), strict=True):
            rng = np.random.default_rng(sequence)
            for name, parameter in stage.shape.parameters.items():
                chosen = choose("initializer", parameter.initializer) if parameter.initializer else self._initializer
                shape, fans = parameter.shape, (parameter.fan_in, parameter.fan_out)
                with chosen.asked(f"values of shape {shape}"):
                    values = chosen.spec.function(rng, shape, *fans, **chosen.options)
                    if np.shape(values) != shape:
                        raise PluginError(
                            f"{chosen.owner}: gave an array of shape {np.shape(values)} where {shape} was asked."
                        )
                    plan.arrays[f"{stage.index}.{name}"][...] = values
        self._plan, self._steps, self.history, self.best_epoch = plan, 0, [], None
        self._shuffle = np.random.default_rng(self._seeds(1))
        self._noise_seed = int(self._seeds(2).generate_state(1, np.uint32)[0] >> 1) << 32
        return self

    def _samples(self, X: Any) -> np.ndarray:
        return check_samples(X, self._dtype, self.stages[0].input_shape)

    def _targets(self, y: Any, n_samples: int, stages: Sequence[Stage]) -> tuple[np.ndarray, Classes | None]:
        return encode_targets(y, n_samples, stages[-1].shape.output, self._loss.spec, self._dtype)

    def _make_plan(self, stages: Sequence[Stage], rows: int) -> Plan:
        try:
            return Plan(stages, self._loss, self._reduction, self._optimizer, rows, self._dtype)
        except ConfigError:
            raise
        except (MemoryError, ValueError):  # ValueError: more numbers than an array can hold
            raise ConfigError(
                f"batches of {rows} samples through layers of {sum(s.n_parameters for s in stages)} parameters do not "
                "fit into memory: take a smaller batch_size or fewer units."
            ) from None

    def _resized(self, plan: Plan, rows: int) -> Plan:
        """The same network, values and views of them included, for batches of ``rows``."""
        resized = self._make_plan(plan.stages, rows)
        resized.weights, resized.buffers, resized.state = plan.weights, plan.buffers, plan.state
        return resized

    def _program(self, plan: Plan, operations: Sequence[Operation]) -> Program:
        if self._executor == "reference":
            return ReferenceProgram(operations, plan.shards, plan.losses)
        compiled_driver()  # made ready with the kernels, not in the first epoch
        return CompiledProgram(operations, plan.shards, plan.losses, self._dtype)

    def _evaluation(self, X: np.ndarray, y: np.ndarray, classes: Classes | None) -> Callable[[], Record]:
        """Loss and accuracy on these data, whenever asked."""
        plan = self.plan
        program = self._program(plan, plan.evaluate_operations(X, y, np.arange(len(X))))

        def record() -> Record:
            plan.correct[:] = 0
            total, _, broke = self._run(program, len(X), training=False)
            found = {"val/loss": plan.reduced(total, len(X))}
            if classes is not None:
                found["val/accuracy"] = float(plan.correct.sum() / len(X))
            return dict.fromkeys(found, math.nan) if broke else found

        return record

    def _seeds(self, purpose: int) -> np.random.SeedSequence:
        """0: initial values, 1: orders, 2: noise."""
        return np.random.SeedSequence(int(self._seed)).spawn(3)[purpose]

    def _rates(self, steps_per_epoch: int) -> np.ndarray:
        """The learning rate of every step, (epochs, steps_per_epoch)."""
        epochs = max(1, self._epochs)  # a check trains for none, and is to find what is wrong with the schedule
        schedule, steps = self._schedule, np.arange(epochs * steps_per_epoch)
        with schedule.asked(f"factors of {len(steps)} steps"):
            factors = schedule.spec.function(steps, len(steps), steps_per_epoch, **schedule.options)
            if np.shape(factors) != steps.shape:
                raise PluginError(
                    f"{schedule.owner}: gave factors of shape {np.shape(factors)} where {steps.shape} was asked."
                )
            rates = self._optimizer.options["lr"] * np.ascontiguousarray(factors, dtype=np.float64)
        return rates.reshape(epochs, steps_per_epoch)[: self._epochs]

    def _run_epoch(self, program: Program, n: int, rates: np.ndarray, epoch: int) -> float:
        plan = self.plan
        plan.totals[:], plan.broken[:], plan.correct[:] = 0, -1, 0
        total, stopped, broke = self._run(program, n, training=True, rates=rates)
        if broke or (plan.broken >= 0).any():
            raise diverged(plan, self._steps, epoch, stopped + 1)
        self._steps += len(rates)
        return total

    def _run(
        self, program: Program, n: int, training: bool, rates: np.ndarray | None = None
    ) -> tuple[float, int, bool]:
        """Run a program once over ``n`` samples, in calls short enough for an interrupt to be noticed between them.

        The sum of losses, the step it stopped at, and whether it broke off there.
        """
        plan, total = self.plan, 0.0
        steps = -(-n // plan.batch_size)
        rates = np.zeros(steps) if rates is None else rates
        seed = self._noise_seed if training else 0
        chunk = max(1, int(_WORK_PER_CALL / max(1.0, plan.work)))
        stopped, broke = 0, False
        for first in range(0, steps, chunk):
            last = min(first + chunk, steps)
            loss, stopped, broke = program.run(
                n, plan.batch_size, first, last, rates, self._steps, seed, training, thread_count(self._threads)
            )
            total += loss
            if broke:
                break
        return total, stopped, broke


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and int(value) >= least


def _plain(choice: Any) -> Any:
    """Lists, dicts and numbers as JSON has them, whatever mapping, sequence or NumPy scalar the caller used."""
    if isinstance(choice, Mapping):
        return {str(k): _plain(v) for k, v in choice.items()}
    if isinstance(choice, Sequence) and not isinstance(choice, str):
        return [_plain(v) for v in choice]
    return choice.item() if isinstance(choice, np.generic) else choice
