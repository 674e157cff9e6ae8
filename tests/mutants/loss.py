"""Slips in losses: signs, factors, sums, thresholds, options, overflow, logarithms of 0, NaN, fused forms, arrays."""

from mutants import Mutant

SQUARE = "return (y_pred - y_true) ** 2\n\n\ndef gradient(y_true, y_pred):\n    return 2 * (y_pred - y_true)"
STABLE = "    e = math.exp(-abs(z))\n    return (1.0 if z >= 0 else e) / (1 + e) - y_true"

MUTANTS = [
    Mutant("loss", "squared_error", "factor 2 missing", "return 2 * (y_pred - y_true)", "return y_pred - y_true"),
    Mutant(
        "loss", "squared_error", "sign of the gradient", "return 2 * (y_pred - y_true)", "return 2 * (y_true - y_pred)"
    ),
    Mutant(
        "loss", "squared_error", "half the square", "return (y_pred - y_true) ** 2", "return (y_pred - y_true) ** 2 / 2"
    ),
    Mutant(
        "loss",
        "squared_error",
        "to be maximised",
        SQUARE,
        SQUARE.replace("return (", "return -((").replace("** 2", "** 2)").replace("return 2", "return -2"),
    ),
    Mutant("loss", "squared_error", "misspelt reduction", '"half_sum")', '"half")'),
    Mutant(
        "loss", "absolute_error", "absolute value forgotten", "return abs(y_pred - y_true)", "return y_pred - y_true"
    ),
    Mutant(
        "loss",
        "absolute_error",
        "derivative by the target",
        "return 1.0 if y_pred > y_true else -1.0",
        "return 1.0 if y_true > y_pred else -1.0",
    ),
    Mutant("loss", "huber", "half of delta missing", "delta * (e - 0.5 * delta)", "delta * (e - delta)"),
    Mutant("loss", "huber", "option ignored in the threshold", "if e <= delta", "if e <= 1.0"),
    Mutant(
        "loss",
        "huber",
        "option ignored in the gradient",
        "min(max(y_pred - y_true, -delta), delta)",
        "min(max(y_pred - y_true, -1.0), 1.0)",
    ),
    Mutant("loss", "huber", "square forgotten", "0.5 * e**2", "0.5 * e"),
    Mutant("loss", "hinge", "sign of the margin", "1 - y_true * y_pred", "1 + y_true * y_pred"),
    Mutant("loss", "hinge", "sign of the gradient", "else -y_true", "else y_true"),
    Mutant(
        "loss",
        "hinge",
        "NaN hidden by the order of max",
        "return 0.0 if shortfall <= 0 else shortfall",
        "return max(0.0, shortfall)",
    ),
    Mutant(
        "loss",
        "hinge",
        "wrong kind of targets",
        'targets="sign"',
        'targets="real"',
        survives="it is a loss of any target; which are meant only its author knows",
    ),
    Mutant("loss", "binary_cross_entropy", "minus forgotten", "return -(y_true * log", "return (y_true * log"),
    Mutant(
        "loss",
        "binary_cross_entropy",
        "second term forgotten",
        " + (1 - y_true) * log_probability(1 - y_pred))",
        ")",
    ),
    Mutant(
        "loss",
        "binary_cross_entropy",
        "gradient divided by zero",
        "max(y_pred * (1 - y_pred), 1e-12)",
        "(y_pred * (1 - y_pred))",
    ),
    Mutant(
        "loss", "binary_cross_entropy", "logarithm of zero", "log_probability(1 - y_pred))", "math.log(1 - y_pred))"
    ),
    Mutant(
        "loss",
        "binary_cross_entropy",
        "fused form overflows",
        "max(z, 0.0) - y_true * z + math.log1p(math.exp(-abs(z)))",
        "math.log1p(math.exp(z)) - y_true * z",
    ),
    Mutant(
        "loss",
        "binary_cross_entropy",
        "fused gradient overflows",
        STABLE,
        "    return 1 / (1 + math.exp(-z)) - y_true",
    ),
    Mutant("loss", "binary_cross_entropy", "fused gradient without target", "/ (1 + e) - y_true", "/ (1 + e)"),
    Mutant("loss", "binary_cross_entropy", "fused form with the sign of z", "- y_true * z +", "+ y_true * z +"),
    Mutant("loss", "cross_entropy", "base forgotten in the gradient", "grad[i] = -unit * y_true", "grad[i] = -y_true"),
    Mutant(
        "loss",
        "cross_entropy",
        "base forgotten in the fused value",
        "return unit * (loss + math.log(total))",
        "return loss + math.log(total)",
    ),
    Mutant(
        "loss",
        "cross_entropy",
        "parentheses of the fused gradient",
        "unit * (grad[i] / total - y_true[i])",
        "unit * grad[i] / total - y_true[i]",
    ),
    Mutant("loss", "cross_entropy", "not added up", "loss -= y_true[i] * log", "loss = -y_true[i] * log"),
    Mutant("loss", "cross_entropy", "adds to grad", "grad[i] = -unit * y", "grad[i] -= unit * y"),
    Mutant("loss", "cross_entropy", "fused form overflows", "largest = max(z)", "largest = 0.0"),
    Mutant("loss", "cross_entropy", "fused with another activation", '{"softmax":', '{"sigmoid":'),
    Mutant(
        "loss",
        "cross_entropy",
        "clips the predictions it is given",
        "grad[i] = -unit * y_true[i] / max(y_pred[i], SMALLEST)",
        "y_pred[i] = max(y_pred[i], SMALLEST)\n        grad[i] = -unit * y_true[i] / y_pred[i]",
    ),
    Mutant(
        "loss",
        "kl_divergence",
        "fused form without entropy",
        "return cross_entropy.from_logits(y_true, z, grad) - entropy(y_true)",
        "return cross_entropy.from_logits(y_true, z, grad)",
    ),
    Mutant(
        "loss",
        "kl_divergence",
        "entropy added",
        "return cross_entropy.cross_entropy(y_true, y_pred, grad) - entropy",
        "return cross_entropy.cross_entropy(y_true, y_pred, grad) + entropy",
    ),
    Mutant(
        "loss",
        "kl_divergence",
        "sign of the entropy",
        "total -= p[i]",
        "total += p[i]",
        survives="it adds the same to every prediction's loss; no rule says what the least loss must be",
    ),
]
