"""Clusterers with one mistake each."""

from mutants import Mutant

MUTANTS = [
    Mutant(
        "clusterer", "kmeans", "one cluster too many", "centers(X, n_clusters, init", "centers(X, n_clusters + 1, init"
    ),
    Mutant(
        "clusterer",
        "kmeans",
        "one cluster too few",
        "centers(X, n_clusters, init",
        "centers(X, max(n_clusters - 1, 1), init",
    ),
    Mutant(
        "clusterer",
        "kmeans",
        "the option metric is not handed on",
        "centers, metric, algorithm",
        'centers, "euclidean", algorithm',
    ),
    Mutant(
        "clusterer",
        "kmeans",
        "the points are brought to length one, in place",
        "    starts = (",
        "    X /= (X**2).sum(axis=1, keepdims=True) ** 0.5\n    starts = (",
    ),
    Mutant(
        "clusterer",
        "kmedoids",
        "the seed is ignored",
        "medoids = first_medoids(distance, n_clusters, init, rng)",
        "medoids = first_medoids(distance, n_clusters, init, np.random.default_rng())",
    ),
    Mutant(
        "clusterer",
        "kmedoids",
        "new points are compared by another metric",
        "n_iter, metric=metric, adds",
        "n_iter, adds",
    ),
    Mutant(
        "clusterer",
        "kmedoids",
        "the squares are added up",
        "distance[medoids].min(axis=0).sum()",
        "(distance[medoids].min(axis=0) ** 2).sum()",
    ),
    Mutant(
        "clusterer",
        "kmedoids",
        "indices for centres",
        "Clustering(labels, centers,",
        "Clustering(labels, medoids[:, None],",
    ),
    Mutant(
        "clusterer",
        "mini_batch_kmeans",
        "the generator that all share",
        "order = rng.permutation(len(X))",
        "order = np.random.permutation(len(X))",
    ),
    Mutant(
        "clusterer",
        "mini_batch_kmeans",
        "labels and inertia of the last batch",
        "return settled(X, found)",
        "return found",
    ),
    Mutant(
        "clusterer",
        "mini_batch_kmeans",
        "labels of the centres before the last batch",
        'labels, costs = nearest(X, centers, "euclidean")\n    return replace',
        'labels, costs = nearest(X, centers[::-1].copy(), "euclidean")\n    return replace',
    ),
    Mutant("clusterer", "mean_shift", "labels from 1", "Clustering(labels, centers", "Clustering(labels + 1, centers"),
    Mutant(
        "clusterer",
        "mean_shift",
        "inertia without the square",
        "float(costs.sum(dtype=np.float64))",
        "float(np.sqrt(costs).sum(dtype=np.float64))",
    ),
    Mutant(
        "clusterer",
        "mean_shift",
        "moves the points themselves",
        "centers, weights = start.copy(),",
        "centers, weights = start,",
    ),
    Mutant("clusterer", "dbscan", "noise is labelled 0", ".max, -1, first)", ".max, 0, first)"),
    Mutant(
        "clusterer", "dbscan", "the metric is ignored", '    if metric != "euclidean":\n\n', '    if metric == "":\n\n'
    ),
    Mutant(
        "clusterer", "dbscan", "predict gives the core point, not its cluster", "labels[k], -1).astype", "k, -1).astype"
    ),
    Mutant(
        "clusterer",
        "dbscan",
        "labels are real numbers",
        "np.full(len(X), -1, np.int32)\n    labels[core]",
        "np.full(len(X), -1.0)\n    labels[core]",
    ),
    Mutant(
        "clusterer",
        "agglomerative",
        "one merge too many",
        "n_merges = len(X) - n_clusters if",
        "n_merges = len(X) - n_clusters + 1 if",
    ),
    Mutant(
        "clusterer",
        "gaussian_mixture",
        "the least of all shares",
        "log_shares.argmax(axis=1)",
        "log_shares.argmin(axis=1)",
    ),
    Mutant(
        "clusterer",
        "gaussian_mixture",
        "new points go to the nearest mean",
        "return joint(X.astype(np.float64, copy=False), mixture).argmax(axis=1).astype(np.int32)",
        'return nearest(X.astype(np.float64, copy=False), mixture.means, "euclidean")[0]',
    ),
    Mutant(
        "clusterer", "gaussian_mixture", "predict forgets the logarithm", "np.log(model.weights_)", "model.weights_"
    ),
    Mutant(
        "clusterer",
        "gaussian_mixture",
        "a mean of shares that do not add up to one",
        "np.exp(log_shares - log_n).T",
        "np.exp(log_shares).T",
        survives="it tells groups apart all the same: how well a model fits is for its own tests to say",
    ),
]
