"""Gaussian mixture: each cluster is a normal distribution, and a point is of all of them in shares; fitted by EM.

Dempster, Laird and Rubin, "Maximum likelihood from incomplete data via the EM algorithm" (1977); Bishop, "Pattern
recognition and machine learning" (2006), section 9.2.
"""

import math
from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

import numpy as np
from annotated_types import Ge

from workbench import Clustering, clusterer, get, hookimpl
from workbench.clustering.metric import nearest
from workbench.clustering.seeding import initial_centers
from workbench.errors import DataError


class Mixture(NamedTuple):
    """p(x) = Σ_k weight_k N(x; mean_k, covariance_k).

    ``log_weights`` (n_clusters,), ``means`` (n_clusters, n_features); a covariance is a matrix (full), a variance for
    each feature (diag), or one for all (spherical).
    """

    log_weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray


def gaussian_mixture(
    X,
    rng,
    *,
    n_clusters: Annotated[int, Ge(1)] = 8,
    covariance_type: Literal["full", "diag", "spherical"] = "full",
    reg_covar: Annotated[float, Ge(0)] = 1e-6,
    tol: Annotated[float, Ge(0)] = 1e-3,
    max_iter: Annotated[int, Ge(1)] = 100,
    n_init: Annotated[int, Ge(1)] = 1,
    init: Literal["kmeans", "random"] | np.ndarray | Sequence[Sequence[float]] = "kmeans",
):
    """The normal distributions that make the points most likely; a point's label is that of its largest share.

    ``init`` is where the means start: ``kmeans``, ``random`` points, or the means themselves, (n_clusters, n_features);
    weights start equal, and covariances as that of all points about their nearest mean. Of ``n_init`` starts that are
    not given the one with the likeliest end is taken. EM ends when the mean log-likelihood changes by less than
    ``tol``, or after ``max_iter`` steps; ``reg_covar`` is added to every variance.

    ``weights_``, ``means_`` and ``covariances_`` are scikit-learn's, in float64 like all that is computed here;
    ``lower_bounds_`` are the mean log-likelihoods at first and after each step, ``lower_bound_`` the last, and
    ``converged_`` says whether ``tol`` was met. ``DataError`` where a covariance turns singular.
    """
    from threadpoolctl import threadpool_limits

    X = X.astype(np.float64, copy=False)
    fitted = []
    with threadpool_limits(1, "blas"):  # how many threads share a product shows in its last bits
        for _ in range(n_init if isinstance(init, str) else 1):
            mixture = begin(X, n_clusters, init, covariance_type, reg_covar, rng)
            fitted.append(fit(X, mixture, covariance_type, reg_covar, tol, max_iter))
    mixture, log_shares, bounds, converged = max(fitted, key=lambda each: each[2][-1])
    attributes = {
        "weights": np.exp(mixture.log_weights),
        "means": mixture.means,
        "covariances": mixture.covariances,
        "lower_bound": bounds[-1],
        "lower_bounds": bounds,
        "converged": converged,
    }
    return Clustering(log_shares.argmax(axis=1).astype(np.int32), n_iter=len(bounds) - 1, attributes=attributes)


def begin(X, n_clusters, init, covariance_type, reg_covar, rng):
    """The mixture that EM starts from."""
    if isinstance(init, str) and init == "kmeans":
        seed = int(rng.integers(2**31))
        means = get("clusterer", "kmeans")(n_clusters=n_clusters, random_state=seed).fit(X).cluster_centers_
    else:
        means = initial_centers(X, n_clusters, init, "euclidean", rng)
    labels, _ = nearest(X, means, "euclidean")
    shared = covariance(X - means[labels], np.full(len(X), 1 / len(X)), covariance_type, reg_covar)
    return Mixture(np.full(n_clusters, -math.log(n_clusters)), means, np.array([shared] * n_clusters))


def fit(X, mixture, covariance_type, reg_covar, tol, max_iter):
    """EM from ``mixture`` on: the mixture, log shares in it, mean log-likelihoods by step, and whether they settled."""
    log_shares, bound = expectation(X, mixture)
    bounds = [bound]
    for _ in range(max_iter):
        mixture = maximization(X, log_shares, covariance_type, reg_covar)
        log_shares, bound = expectation(X, mixture)
        bounds.append(bound)
        if abs(bounds[-1] - bounds[-2]) < tol:
            return mixture, log_shares, bounds, True
    return mixture, log_shares, bounds, False


def expectation(X, mixture):
    """Logarithms of the points' shares in each cluster, (n_samples, n_clusters), and the mean of log p(x)."""
    from scipy.special import logsumexp

    log_joint = joint(X, mixture)
    log_p = logsumexp(log_joint, axis=1)
    return log_joint - log_p[:, None], float(log_p.mean())


def maximization(X, log_shares, covariance_type, reg_covar):
    """The likeliest mixture for these shares."""
    from scipy.special import logsumexp

    log_n = logsumexp(log_shares, axis=0)
    parts = np.exp(log_shares - log_n).T  # of a cluster, each point's; shares may all underflow, these cannot
    means = parts @ X
    pairs = zip(means, parts, strict=True)
    covariances = np.array([covariance(X - mean, part, covariance_type, reg_covar) for mean, part in pairs])
    return Mixture(log_n - math.log(len(X)), means, covariances)


def covariance(centred, part, covariance_type, reg_covar):
    """Covariance of points ``centred`` (n_samples, n_features), each counted by its ``part`` (n_samples,) of one."""
    if covariance_type == "full":
        shared = centred * np.sqrt(part)[:, None]
        return shared.T @ shared + reg_covar * np.eye(centred.shape[1])
    variances = part @ centred**2 + reg_covar
    return variances if covariance_type == "diag" else variances.mean()


def joint(X, mixture):
    """log p(x, k) of each point and cluster, (n_samples, n_clusters)."""
    normals = zip(mixture.means, mixture.covariances, strict=True)
    return mixture.log_weights + np.stack([log_normal(X, mean, each) for mean, each in normals], axis=1)


def log_normal(X, mean, covariance):
    """log N(x; mean, covariance) = -(d log 2π + log |covariance| + |z|²) / 2, where z has unit covariance."""
    from scipy.linalg import solve_triangular

    d = len(mean)
    if covariance.ndim == 2:
        root = square_root(covariance)
        z, spread = solve_triangular(root, (X - mean).T, lower=True).T, np.diag(root)
    else:
        spread = np.broadcast_to(square_root(covariance), d)
        z = (X - mean) / spread
    return -0.5 * (d * math.log(2 * math.pi) + (z**2).sum(axis=1)) - np.log(spread).sum()


def square_root(covariance):
    """L with L Lᵀ = covariance: Cholesky's triangle, or standard deviations. Raises ``DataError`` if there is none."""
    try:
        root = np.linalg.cholesky(covariance) if covariance.ndim == 2 else np.sqrt(covariance)
    except np.linalg.LinAlgError:
        root = np.zeros(1)
    if not (np.isfinite(root).all() and np.all(np.diag(root) if root.ndim == 2 else root)):
        raise DataError(
            "gaussian_mixture: the points of a cluster lie in fewer dimensions than they have features, so that its "
            "covariance is singular: raise reg_covar, ask for fewer clusters, or take a simpler covariance_type."
        )
    return root


def predict(model, X):
    with np.errstate(divide="ignore"):  # a cluster that lost all its points may weigh less than there are numbers for
        mixture = Mixture(np.log(model.weights_), model.means_, model.covariances_)
    return joint(X.astype(np.float64, copy=False), mixture).argmax(axis=1).astype(np.int32)


@hookimpl
def register_clusterers():
    return [clusterer("gaussian_mixture", gaussian_mixture, predict=predict)]
