"""Data sets with one mistake each."""

from mutants import Mutant

MUTANTS = [
    Mutant("dataset", "moons", "the seed is ignored", "random_state=seed", "random_state=0"),
    Mutant("dataset", "circles", "the seed is left out", ", random_state=seed", ""),
    Mutant("dataset", "circles", "one name for two classes", '["outer", "inner"]', '["outer"]'),
    Mutant(
        "dataset", "outlets", "another generator every time", "np.random.default_rng(seed)", "np.random.default_rng()"
    ),
    Mutant("dataset", "blobs", "n_samples is ignored", "make_blobs(n_samples,", "make_blobs(400,"),
    Mutant(
        "dataset",
        "blobs",
        "n_samples of each class",
        "make_blobs(n_samples,",
        "make_blobs(n_samples * centers,",
    ),
    Mutant(
        "dataset",
        "wine",
        "the class is called a feature, too",
        "list(data.feature_names)",
        '[*data.feature_names, "class"]',
    ),
    Mutant("dataset", "diabetes", "numbers for classes", 'task="regression"', 'task="classification"'),
    Mutant("dataset", "iris", "classes from 1", "data.target, list", "data.target + 1, list"),
    Mutant(
        "dataset",
        "digits",
        "images without their labels",
        "data.target, names",
        "data.target if flat else data.target[:100], names",
    ),
    Mutant("dataset", "xor", "all are of one class", ".sum(axis=1) == 1", ".sum(axis=1) == 3"),
    Mutant("dataset", "sine_curve", "noise outside the sine's domain", "np.sin(", "np.arcsin("),
]
