"""k-means, ours against scikit-learn's, its Intel extension's and faiss': ``python tests/benchmarks/clustering.py``.

Uniform random points, float32, all sides from the same centres. First 20 steps, in which every side must have come to
the same inertia before the clock starts; then steps until no label changes, where sides may part over a rounding, so
that their number is told. What is timed is ``fit`` as users call it: checks of the data and, on our side, the history
are in it. Growth with the number of points, and the memory that fitting adds to a process that has them, are taken in a
process of its own for each number: ``clustering.py N`` prints it.
"""

import sys
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import harness

harness.limit_threads()

import numpy as np  # noqa: E402  (thread pools are made on import)

ROUNDS, STEPS, MANY = 7, 20, 1000
TURN = 0.3  # seconds


@dataclass(frozen=True)
class Case:
    """So many points of so many features into so many clusters, and by what factor we mean to beat the best."""

    n: int
    d: int
    k: int
    target: float

    def __str__(self):
        return f"{self.n:,} x {self.d}, {self.k} clusters"

    def data(self):
        rng = np.random.default_rng(0)
        X = rng.random((self.n, self.d), np.float32)
        return X, X[rng.choice(self.n, self.k, replace=False)].copy()


TWENTY = (
    Case(100_000, 2, 3, 7),
    Case(1_000_000, 2, 3, 5),
    Case(100_000, 2, 50, 8),
    Case(100_000, 16, 10, 3),
    Case(100_000, 64, 100, 2.5),
)
CONVERGED = (Case(100_000, 2, 3, 3), Case(100_000, 2, 50, 3), Case(100_000, 16, 10, 3), Case(100_000, 64, 100, 3))
GROWTH = (100_000, 1_000_000, 10_000_000)


def workbench(X, centers, max_iter):
    import workbench as wb

    model = wb.get("clusterer", "kmeans")(
        n_clusters=len(centers), init=centers, max_iter=max_iter, tol=0.0, threads=harness.THREADS
    )
    return lambda: (lambda fitted: (fitted.inertia_, fitted.n_iter_))(model.fit(X))


def scikit_learn(X, centers, max_iter, algorithm="lloyd"):
    from sklearn.cluster import KMeans

    model = KMeans(len(centers), init=centers, n_init=1, max_iter=max_iter, tol=0, algorithm=algorithm)
    return lambda: (lambda fitted: (fitted.inertia_, fitted.n_iter_))(model.fit(X))


def elkan(X, centers, max_iter):
    return scikit_learn(X, centers, max_iter, "elkan")


def intel(X, centers, max_iter):
    from sklearnex.cluster import KMeans

    model = KMeans(len(centers), init=centers, n_init=1, max_iter=max_iter, tol=0, algorithm="lloyd")
    return lambda: (lambda fitted: (fitted.inertia_, fitted.n_iter_))(model.fit(X))


def faiss(X, centers, max_iter):
    import faiss

    faiss.omp_set_num_threads(harness.THREADS)
    k, d = centers.shape

    def fit():
        clustering = faiss.Clustering(d, k)
        clustering.niter, clustering.nredo = max_iter, 1
        clustering.min_points_per_centroid, clustering.max_points_per_centroid = 1, len(X)
        faiss.copy_array_to_vector(centers.ravel(), clustering.centroids)
        index = faiss.IndexFlatL2(d)
        clustering.train(X, index)
        squares, _ = index.search(X, 1)
        return float(squares.sum(dtype=np.float64)), max_iter

    return fit


SIDES = {"workbench": workbench, "lloyd": scikit_learn, "elkan": elkan, "sklearnex": intel, "faiss": faiss}


def made(case, max_iter):
    """Every side that can be made here, and what it comes to."""
    X, centers = case.data()
    sides, ends = {}, {}
    for name, side in SIDES.items():
        if name == "faiss" and max_iter == MANY:
            continue  # it knows no end
        try:
            sides[name] = side(X, centers, max_iter)
        except ImportError as error:
            print(f"{name} is left out: {error}")
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn warns of the steps it was not given
            ends[name] = sides[name]()
    return sides, ends


def in_turns(sides, rounds):
    """Median seconds a call; short ones come several in a row, since the other side's threads spin for a while."""
    calls = {}
    for name, fit in sides.items():
        start = time.perf_counter()
        fit()
        calls[name] = max(1, round(TURN / (time.perf_counter() - start)))
    turns = {name: lambda fit=fit, n=calls[name]: [fit() for _ in range(n)] for name, fit in sides.items()}
    return {name: seconds / calls[name] for name, seconds in harness.alternate(turns, rounds).items()}


def row(case, max_iter, rounds):
    sides, ends = made(case, max_iter)
    inertia, steps = ends["workbench"]
    if max_iter == STEPS:
        for name, (other, taken) in ends.items():
            assert taken == steps == STEPS, f"{name} took {taken} steps, we took {steps}"
            # points on a border go to either side by rounding, and 20 steps carry that on
            np.testing.assert_allclose(other, inertia, rtol=1e-3, err_msg=name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        seconds = in_turns(sides, rounds)
    ours = seconds["workbench"]
    same = {name for name, (_, taken) in ends.items() if taken == steps}
    rivals = {name: taken for name, taken in seconds.items() if name != "workbench" and name in same}
    ratio = f"{min(rivals.values()) / ours:.1f} ({case.target:g})" if rivals else "none took as many steps"
    shown = []
    for name in SIDES:
        told = f"{1000 * seconds[name]:.3g}" if name in seconds else ""
        shown.append(f"{told} in {ends[name][1]}" if told and max_iter == MANY else told)
    return [case, *shown, ratio]


def print_growth(n):
    """ns a point and step, and MiB: of the points, of their labels, and what fitting took besides."""
    import workbench as wb

    case = Case(n, 2, 3, 0)
    X, centers = case.data()
    options = {"n_clusters": 3, "init": centers, "max_iter": STEPS, "tol": 0.0, "threads": harness.THREADS}
    wb.get("clusterer", "kmeans")(**options).fit(X[:50_000])  # what is made once per process
    Path("/proc/self/clear_refs").write_text("5")  # the peak is now
    before = resident("VmRSS")
    model = wb.get("clusterer", "kmeans")(**options).fit(X)
    besides = resident("VmHWM") - before - model.labels_.nbytes / 2**20
    taken = []
    for _ in range(5):
        start = time.perf_counter()
        model.fit(X)
        taken.append(time.perf_counter() - start)
    per_point = 1e9 * sorted(taken)[2] / n / model.n_iter_
    print(f"{per_point:.2f} {X.nbytes / 2**20:.1f} {model.labels_.nbytes / 2**20:.1f} {besides:.1f}")


def resident(what):
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith(what)).split()[1]) / 1024


def growth():
    with tempfile.TemporaryDirectory() as folder:
        for n in GROWTH:
            harness.timed([sys.executable, str(Path(__file__).resolve()), str(n)], Path(folder))
            yield [f"{n:,}", *(Path(folder) / "output.txt").read_text().split()]


def main():
    about = harness.machine("numba", "scikit-learn", "scikit-learn-intelex", "faiss-cpu")
    columns = ["", *SIDES, "best peer / ours (target)"]
    rows = [row(case, STEPS, ROUNDS) for case in TWENTY]
    harness.show(f"k-means, float32, {STEPS} steps, milliseconds. {about}", columns, rows)
    rows = [row(case, MANY, 3) for case in CONVERGED]
    harness.show(
        "k-means until no label changes, milliseconds in so many steps; ratio to those of as many", columns, rows
    )
    columns = ["points", "ns a point and step", "points, MiB", "labels, MiB", "besides, MiB"]
    harness.show("k-means in 2 features, 3 clusters", columns, growth())


if __name__ == "__main__":
    print_growth(int(sys.argv[1])) if len(sys.argv) > 1 else main()
