"""Estimators with one mistake each."""

from mutants import Mutant

MUTANTS = [
    Mutant(
        "estimator", "mlp", "the seed is not handed on", "random_state=seed", "random_state=None", helper="_network.py"
    ),
    Mutant("estimator", "mlp", "the epochs are not handed on", "epochs=epochs", "epochs=0", helper="_network.py"),
    Mutant(
        "estimator",
        "mlp",
        "a classifier for both tasks",
        '(NetworkClassifier if task == "classification" else NetworkRegressor)(',
        "NetworkClassifier(",
        helper="_network.py",
    ),
    Mutant(
        "estimator",
        "network",
        "shares of 1 for numbers",
        "output=output",
        'output="softmax"',
        survives="it then refuses regression, as an estimator may",
        helper="_network.py",
    ),
    Mutant("estimator", "cnn", "images are not brought to rows", '    layers.append("flatten")\n', ""),
    Mutant(
        "estimator",
        "dqn",
        "data are refused with a traceback",
        'raise ConfigError(\n            f"learner {name!r} needs',
        'raise TypeError(\n            f"learner {name!r} needs',
        helper="_network.py",
    ),
]
