"""Kernel templates: the loops around a plugin's function. The plugin's functions are bound by name.

They run as plain Python (the reference) and compiled, one small kernel each, with the plugin inlined. All arrays are
C-contiguous; nothing is validated here.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np

from workbench.jit.retarget import reassociated

BLOCK = 1024  # numbers an update works on at a time, so that its passes find them in the first-level cache


def function(*arguments):
    raise NotImplementedError("bound to the plugin's function")


def derivative(*arguments):
    raise NotImplementedError("bound to the plugin's derivative or gradient")


def take_rows(source, order, target, start):
    """target[i] = source[order[start + i]]: a batch in the order of this epoch."""
    for i in range(target.shape[0]):
        row = order[start + i]
        for j in range(target.shape[1]):
            target[i, j] = source[row, j]


def put_rows(source, target, start):
    """target[start + i] = source[i]: keep what the network gave."""
    for i in range(source.shape[0]):
        for j in range(source.shape[1]):
            target[start + i, j] = source[i, j]


def count_correct(y_true, y_pred, correct, threshold, middle):
    """correct[0] += rows whose largest output is the target's; one output: on the same side of threshold and middle."""
    for i in range(y_true.shape[0]):
        if y_true.shape[1] == 1:
            correct[0] += (y_pred[i, 0] > threshold) == (y_true[i, 0] > middle)
            continue
        best = 0
        for j in range(1, y_pred.shape[1]):
            if y_pred[i, j] > y_pred[i, best]:
                best = j
        right = True
        for j in range(y_true.shape[1]):
            if y_true[i, j] > y_true[i, best]:
                right = False
        correct[0] += right


def count_slopes(slopes, counts, small):
    """counts[0] = slopes below ``small``, counts[1] = units without slope in any row; slopes are ones again after."""
    counts[:] = 0
    steepest = slopes[0]
    for i in range(slopes.shape[0]):
        found = 0
        for j in range(slopes.shape[1]):
            slope = abs(slopes[i, j])
            found += 1 if slope < small else 0
            steepest[j] = max(steepest[j], slope) if i > 0 else slope
        counts[0] += found
    for j in range(slopes.shape[1]):
        counts[1] += steepest[j] == 0
    slopes[:] = 1


def activate(z, output, options):
    """output = f(z), every number alike."""
    for i in range(z.size):
        output[i] = function(z[i], *options)


def activate_backward(z, output, grad_output, grad_x, options):
    """grad_x = grad_output f'(z), every number alike."""
    for i in range(grad_x.size):
        grad_x[i] = grad_output[i] * derivative(z[i], output[i], *options)


def activate_rows(z, output, options):
    """The same for activations of whole rows."""
    for i in range(z.shape[0]):
        function(z[i], output[i], *options)


def activate_rows_backward(z, output, grad_output, grad_x, options):
    """grad_x = (da/dz)^T grad_output, row by row."""
    for i in range(grad_x.shape[0]):
        derivative(grad_output[i], z[i], output[i], grad_x[i], *options)


def loss(y_true, y_pred, grad, total, scale, mean, samples, options):
    """total[0] = sum of the losses of all samples; grad = gradient of the reduced loss."""
    weight = scale / samples if mean else scale
    for i in range(y_true.size):
        grad[i] = weight * derivative(y_true[i], y_pred[i], *options)
    total[0] = 0
    for i in range(y_true.size):
        total[0] += function(y_true[i], y_pred[i], *options)


def loss_of_rows(y_true, y_pred, grad, total, scale, mean, samples, options):
    """The same for losses of whole rows, which give value and gradient together."""
    weight = scale / samples if mean else scale
    total[0] = 0
    for i in range(y_true.shape[0]):
        total[0] += function(y_true[i], y_pred[i], grad[i], *options)
        for j in range(grad.shape[1]):
            grad[i, j] *= weight


@reassociated
def sum_of_squares(values):
    """In float64: the square of a vanishing float32 gradient is no float32."""
    total = 0.0
    for i in range(values.size):
        total += np.float64(values[i]) * np.float64(values[i])
    return total


def part_none(state, start, stop):
    return ()


def part_one(state, start, stop):
    return (state[0][start:stop],)


def part_two(state, start, stop):
    return (state[0][start:stop], state[1][start:stop])


def part_three(state, start, stop):
    return (state[0][start:stop], state[1][start:stop], state[2][start:stop])


def load_none(state, i):
    return ()


def load_one(state, i):
    return (state[0][i],)


def load_two(state, i):
    return (state[0][i], state[1][i])


def load_three(state, i):
    return (state[0][i], state[1][i], state[2][i])


def store_none(state, i, new):
    pass


def store_one(state, i, new):
    state[0][i] = new[1]


def store_two(state, i, new):
    state[0][i] = new[1]
    state[1][i] = new[2]


def store_three(state, i, new):
    state[0][i] = new[1]
    state[1][i] = new[2]
    state[2][i] = new[3]


# By number of state arrays: written out, since a loop over them inside the loop over weights would keep it scalar.
STATE = (
    (part_none, load_none, store_none),
    (part_one, load_one, store_one),
    (part_two, load_two, store_two),
    (part_three, load_three, store_three),
)


def part_of_state(*arguments):
    raise NotImplementedError("bound to the entry of STATE for this optimizer, as are the two below")


load_state = store_state = part_of_state


def add_to(total, values):
    for i in range(total.size):
        total[i] += values[i]


def step_block(weight, grad, state, change, lr, step, options):
    """One optimizer step on a block. Slices from 0, for an index that might be negative cannot be vectorised."""
    for i in range(weight.size):
        new = function(weight[i], grad[i], *(load_state(state, i) + (lr, step) + options))
        change[i] = new[0] - weight[i]
        weight[i] = new[0]
        store_state(state, i, new)


def update(weight, grads, begin, state, change, lr, step, first, last, measured, norms, options):
    """One optimizer step on weight[first:last]; grads (shards, n), of weight[begin:], are summed into grads[0].

    norms[0:3] = squared norms of gradient, change and weight, of what lies before ``measured``.
    """
    norms[:] = 0
    for start in range(first, last, BLOCK):
        stop = min(start + BLOCK, last)
        part, grad, delta = weight[start:stop], grads[0][start - begin : stop - begin], change[: stop - start]
        for s in range(1, grads.shape[0]):
            add_to(grad, grads[s][start - begin : stop - begin])
        step_block(part, grad, part_of_state(state, start, stop), delta, lr, step, options)
        inside = max(0, measured - start)
        norms[0] += sum_of_squares(grad[:inside])
        norms[1] += sum_of_squares(delta[:inside])
        norms[2] += sum_of_squares(part[:inside])


def tally(norms, totals, broken, step):
    """Add this step's norms (layers, shards, ...) to the epoch's.

    broken[p] = the first step at which the gradient of layer p's weight was not finite.
    """
    for p in range(norms.shape[0]):
        gradient = 0.0
        change = 0.0
        weight = 0.0
        for s in range(norms.shape[1]):
            gradient += norms[p, s, 0]
            change += norms[p, s, 1]
            weight += norms[p, s, 2]
        totals[p, 0] += np.sqrt(gradient)
        if weight > 0:
            totals[p, 1] += np.sqrt(change / weight)
        if not np.isfinite(gradient) and broken[p] < 0:
            broken[p] = step
