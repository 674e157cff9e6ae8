"""Figures of clusterings draw what was found, half-step by half-step, and their findings say what the numbers say."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import synthetic
from PIL import Image

import workbench as wb
from workbench.clustering import Clustering
from workbench.experiment.run import Run
from workbench.experiment.sweep import Sweep
from workbench.plugins.datasets import _san_francisco
from workbench.plugins.figures import _clusters, animation, filmstrip, how_many_clusters

TWO = [[-1.0, 0.0], [1.0, 0.0]]  # km
MOVED = [[-1.5, 0.5], [0.5, 0.5]]


def config(name: str = "trial", learner: str = "kmeans", standardise: bool = False, **dataset) -> dict:
    dataset = {"name": "outlets", "n_samples": 60} | dataset
    return {"name": name, "standardise": standardise, "seed": 0, "dataset": dataset, "learner": {"name": learner}}


def points(chosen: dict) -> np.ndarray:
    options = dict(chosen["dataset"])
    return wb.get("dataset", options.pop("name")).function(**options).X


def stepping(root: Path, inertia=(300.0, 200.0, 150.25, 99.123), **options) -> Run:
    """A run whose two centres move once, after the first half-step."""
    chosen = config(**options)
    X = points(chosen)
    history = synthetic.history(X, TWO, MOVED, inertia=inertia)
    found = Clustering(np.asarray(history[-1]["labels"]), np.array(MOVED), inertia[-1], len(inertia) // 2, history)
    return synthetic.clustered(root, chosen, found, {"cluster/inertia": inertia[-1]})


def titles(figure) -> list[str]:
    return [ax.get_title() for ax in figure.axes if ax.get_title()]


def draw(name: str, record, path: Path):
    figure = wb.get("figure", name).function(record)
    figure.savefig(path / f"{name}.png")
    for ax in figure.axes:
        if ax.axison and ax.get_subplotspec().is_last_row() and len(ax.get_xticks()):
            assert ax.get_xlabel(), name
    return figure


def sweep_of(root: Path, varied: list[str]) -> Sweep:
    sweep = Sweep.start("made_up", "made_up", varied, 0, {}, root=root)
    sweep.end("FINISHED")
    sweep.close()
    return sweep


# --- frames ---------------------------------------------------------------------------------------------------------


def test_frames_say_step_half_inertia_and_how_many_points_change(tmp_path: Path) -> None:
    run = stepping(tmp_path)
    first, changed = (np.hypot(*(points(config())[:, None] - np.array(at)).T).argmin(axis=0) for at in (TWO, MOVED))
    figure = draw("filmstrip", run, tmp_path)
    assert titles(figure) == [
        "step 1, assign: 300.0 km²",
        "step 1, update: 200.0 km²",
        f"step 2, assign: 150.2 km², {(first != changed).sum()} points change",
        "step 2, update: 99.12 km²",
    ]
    assert figure.get_suptitle().startswith("trial: how the clusters come about\n(stars: centres")
    assert figure.axes[0].get_ylabel() == "km north of City Hall"


def test_a_frame_shows_points_by_cluster_centres_and_the_border_between_them(tmp_path: Path) -> None:
    run = stepping(tmp_path)
    frame = draw("filmstrip", run, tmp_path).axes[1]
    X = points(config())
    first = np.hypot(*(X[:, None] - np.array(TWO)).T).argmin(axis=0)
    dots = [line for line in frame.lines if line.get_marker() == "."]
    for cluster, line in enumerate(dots):
        np.testing.assert_array_equal(line.get_xydata(), X[first == cluster])
    stars = [line.get_xydata()[0].tolist() for line in frame.lines if line.get_marker() == "*"]
    assert stars == MOVED
    starts = [
        line.get_xydata().tolist() for line in frame.lines if line.get_color() == "black" and len(line.get_xdata()) == 2
    ]
    assert starts == [[TWO[0], MOVED[0]], [TWO[1], MOVED[1]]]
    border = np.concatenate(
        [path for lines in frame.collections for path in lines.get_paths()[0].to_polygons(closed_only=False)]
    )
    np.testing.assert_allclose(border[:, 0], -0.5, atol=1e-5)  # half way from -1.5 to 0.5


def test_the_map_lies_under_places_in_san_francisco_only(tmp_path: Path) -> None:
    def names(run):
        return {text.get_text() for text in draw("filmstrip", run, tmp_path).axes[0].texts}

    assert {"Geary Blvd", "Fillmore St", "Market St"} <= names(stepping(tmp_path))
    assert names(stepping(tmp_path, standardise=True)) == set()
    assert titles(draw("filmstrip", stepping(tmp_path, standardise=True), tmp_path))[0] == "step 1, assign: 300.0"
    run = stepping(tmp_path, standardise=True)
    assert draw("filmstrip", run, tmp_path).axes[3].get_xlabel() == "east_km, standardised"


def test_degrees_elsewhere_are_not_drawn_on_the_map(tmp_path: Path, monkeypatch) -> None:
    run = stepping(tmp_path)
    X = points(config(coordinates="degrees"))
    for shift, coordinates in ((0, "degrees"), (1, "")):
        data = SimpleNamespace(X_train=X + shift, feature_names=["latitude", "longitude"])
        monkeypatch.setattr(Run, "data", lambda run, data=data: data)
        assert _clusters.on_map(run) == coordinates


def test_degrees_are_drawn_where_they_are(tmp_path: Path) -> None:
    chosen = config(coordinates="degrees")
    X = points(chosen)
    centers = np.column_stack(_san_francisco.to_degrees(*np.transpose(MOVED)))
    history = synthetic.history(X, centers, inertia=(3.0, 2.0))
    run = synthetic.clustered(
        tmp_path, chosen, Clustering(history[-1]["labels"], centers, 2.0, 1, history, "haversine"), {}
    )
    figure = draw("filmstrip", run, tmp_path)
    assert titles(figure) == ["step 1, assign: 3 km²", "step 1, update: 2 km²"]
    stars = [line.get_xydata()[0] for line in figure.axes[0].lines if line.get_marker() == "*"]
    np.testing.assert_allclose(stars, MOVED, atol=1e-9)


def test_of_many_half_steps_the_first_the_decisive_and_the_last_are_shown() -> None:
    inertia = [100.0 - i for i in range(40)]
    for i in range(20, 25):
        inertia[i:] = [value - 5 for value in inertia[i:]]
    history = [{"inertia": value} for value in inertia]
    assert filmstrip.frames(history) == [0, 1, 2, 3, 4, 5, 20, 21, 22, 23, 24, 39]
    assert filmstrip.frames(history[:12]) == list(range(12))
    assert filmstrip.frames(history[:1]) == [0]


def test_the_film_shows_every_half_step_and_holds_the_last(tmp_path: Path) -> None:
    run = stepping(tmp_path)
    run = Run.replay(run.directory)
    wb.get("figure", "animation").function(run).save(tmp_path / "it.gif", writer="pillow", dpi=80)
    with Image.open(tmp_path / "it.gif") as film:
        shown = []
        for i in range(film.n_frames):
            film.seek(i)
            shown.append(film.info["duration"])
    assert shown == [800, 800, 800, 3200]


def test_a_long_film_is_thinned_out_and_goes_by_faster(tmp_path: Path, monkeypatch) -> None:
    run = stepping(tmp_path, inertia=[100.0 - i for i in range(40)])
    monkeypatch.setattr(animation, "FRAMES", 10)
    monkeypatch.setattr(animation, "SECONDS", 1)
    film = wb.get("figure", "animation").function(run)
    frames = list(film.new_frame_seq())
    film.save(tmp_path / "it.gif", writer="pillow", dpi=40)
    assert (len(set(frames)), frames[0], frames[-4:]) == (10, 0, [39] * 4)
    with Image.open(tmp_path / "it.gif") as picture:
        assert (picture.n_frames, picture.info["duration"]) == (10, 300)


def test_of_many_points_so_many_are_drawn_each_in_its_own_colour(tmp_path: Path) -> None:
    chosen = config(n_samples=25_000)
    X = points(chosen)
    model = wb.get("clusterer", "kmeans")(n_clusters=3, max_iter=3, random_state=0).fit(X)
    run = synthetic.clustered(tmp_path, chosen, model._clustering, {})
    for film in (_clusters.film(run), _clusters.film(run, 2000)):
        assert 1000 < len(film.xy) <= _clusters.POINTS
        away = np.hypot(*(film.xy[:, None] - film.history[0]["centers"]).T)
        assert (film.labels(0) == away.argmin(axis=0)).mean() > 0.999
    assert len(_clusters.film(run, 2000).xy) <= 2000


@pytest.mark.parametrize("name", ["filmstrip", "animation"])
def test_there_are_no_frames_without_half_steps_or_with_more_features(name: str, tmp_path: Path) -> None:
    figure = wb.get("figure", name)
    without = synthetic.clustered(tmp_path, config(), Clustering(np.zeros(60, np.int32)), {})
    chosen = config(name="blobs", n_features=3)
    chosen["dataset"]["name"] = "blobs"
    X = points(chosen)
    history = [{"step": 1, "half": "assign", "inertia": 1.0, "centers": X[:2], "labels": np.zeros(60, np.uint8)}]
    history = [step | {"stride": 1, "digest": 0, "changed": 60} for step in history]
    three = synthetic.clustered(tmp_path, chosen, Clustering(np.zeros(60, np.int32), X[:2], 1.0, 1, history), {})
    assert [figure.function(run) for run in (without, three)] == [None, None]


# --- outlets found --------------------------------------------------------------------------------------------------

BEST = np.array([_san_francisco.to_km(*_san_francisco.LANDMARKS[name]) for name in ("Japantown", "Union Square")])


def outlets(root: Path, *ends: tuple[np.ndarray, float], varied=("seed",), **dataset) -> Sweep:
    """A start a seed, that ended with these outlets and this inertia."""
    sweep = sweep_of(root, list(varied))
    for seed, (centers, inertia) in enumerate(ends):
        chosen = config(f"seed={seed}", **dataset) | {"seed": seed}
        labels = np.hypot(*(points(chosen)[:, None] - centers).T).argmin(axis=0).astype(np.int32)
        synthetic.clustered(sweep.directory, chosen, Clustering(labels, centers, inertia), {}, sweep)
    return Sweep.replay(sweep.directory)


def test_the_finding_on_outlets_names_places_distance_and_what_other_starts_are_worse_by(tmp_path: Path) -> None:
    other, third = BEST + [0.5, 0], BEST - [0, 0.3]
    sweep = outlets(tmp_path, (other, 12.0), (BEST, 10.0), (BEST[::-1] + 0.04, 10.001), (third, 15.0), (third, 15.0))
    away = np.hypot(*(points(config())[:, None] - BEST).T).min(axis=0).mean()
    spec = wb.get("figure", "outlets_found")
    assert spec.finding(sweep) == (
        f"2 outlets near Japantown (0.00 km) and Union Square (0.00 km): a customer is {away:.2f} km from the nearest "
        "on average, as the crow flies, at an inertia of 10 km². 2 of 5 starts end there, within 100 m; the others in "
        "2 other local optima, up to 50.0% worse."
    )
    figure = draw("outlets_found", sweep, tmp_path)
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert legend == ["2 starts: 10 km², the best", "1 start: 20.0% above", "2 starts: 50.0% above"]
    ticks = [label.get_text() for label in figure.axes[1].get_yticklabels()]
    assert ticks == ["seed=1", "seed=2", "seed=0", "seed=3", "seed=4"]
    assert {"near Japantown", "near Union Square"} <= {text.get_text() for text in figure.axes[0].texts}


def test_starts_that_all_end_alike_are_said_to_and_one_start_is_a_reason_for_caution(tmp_path: Path) -> None:
    finding = wb.get("figure", "outlets_found").finding
    assert finding(outlets(tmp_path, *[(BEST, 10.0)] * 3)).endswith("All 3 starts end there, within 100 m.")
    two = outlets(tmp_path, (BEST, 10.0), (BEST + [0.5, 0], 11.0))
    assert finding(two).endswith("within 100 m; the other in another local optimum, 10.0% worse.")
    one = outlets(tmp_path, (BEST, 10.0), varied=())
    assert finding(one).endswith("With one start, there may be better places.")
    draw("outlets_found", one, tmp_path)


def test_outlets_that_are_not_on_the_map_or_of_several_rules_are_not_compared(tmp_path: Path) -> None:
    spec = wb.get("figure", "outlets_found")
    for sweep in (
        outlets(tmp_path, *[(BEST, 10.0)] * 2, standardise=True),
        outlets(tmp_path, *[(BEST, 10.0)] * 2, varied=["learner.n_clusters", "seed"]),
    ):
        assert (spec.function(sweep), spec.finding(sweep)) == (None, "")


# --- how many clusters ----------------------------------------------------------------------------------------------


def counted(root: Path, monkeypatch, data, ks=(1, 2, 3, 4, 5), seeds=(0, 1)) -> Sweep:
    """k-means on ``data(seed)`` for each number of clusters."""
    monkeypatch.setattr(how_many_clusters, "REFERENCES", 5)

    def prepared(run):
        return SimpleNamespace(X_train=data(run.params["seed"]), feature_names=["x1", "x2"])

    monkeypatch.setattr(Run, "data", prepared)
    sweep = sweep_of(root, ["learner.n_clusters", "seed"])
    for seed in seeds:
        for k in ks:
            found = wb.get("clusterer", "kmeans")(n_clusters=k, n_init=5, random_state=seed).fit(data(seed))._clustering
            chosen = config(f"{k} {seed}") | {"seed": seed, "learner": {"name": "kmeans", "n_clusters": k, "n_init": 2}}
            measured = {"cluster/inertia": found.inertia}
            synthetic.clustered(sweep.directory, chosen, found, measured, sweep)
    return sweep


def blobs(seed: int) -> np.ndarray:
    at = np.array([[0, 0], [8, 0], [0, 8]])
    return np.random.default_rng(seed).normal(at[np.arange(120) % 3], 0.5)


def even(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 1, (120, 2))


HOW_MANY = "how_many_clusters"


def test_a_number_of_clusters_that_stands_out_is_named(tmp_path: Path, monkeypatch) -> None:
    sweep = counted(tmp_path, monkeypatch, blobs)
    text = wb.get("figure", HOW_MANY).finding(sweep)
    assert text.startswith(
        "k=3 stands out: the elbow is at k=3 (2 of 2 seeds), sharper than in uniform data; the silhouette is highest "
        "at k=3 (2 of 2 seeds), 0.8"
    )
    assert "standard errors above that of k=" in text
    assert "the gap statistic prefers k=3 (2 of 2 seeds), meeting its rule by" in text
    figure = draw(HOW_MANY, sweep, tmp_path)
    assert titles(figure) == [
        "elbow: k=3 (2 of 2 seeds)",
        "highest silhouette: k=3 (2 of 2 seeds)",
        "first gap not below the next less its s: k=3 (2 of 2 seeds)",
        "silhouette of every point, k=3",
    ]
    assert [label.get_text() for label in figure.axes[3].get_yticklabels()] == ["40 points"] * 3


def test_where_nothing_is_to_be_found_no_k_stands_out(tmp_path: Path, monkeypatch) -> None:
    sweep = counted(tmp_path, monkeypatch, even)
    text = wb.get("figure", HOW_MANY).finding(sweep)
    assert text.startswith("No k stands out")
    assert "no sharper than in uniform data" in text
    assert "the gap statistic prefers k=1 (2 of 2 seeds)" in text
    draw(HOW_MANY, sweep, tmp_path)


def test_one_seed_is_a_reason_for_caution_and_two_numbers_are_too_few(tmp_path: Path, monkeypatch) -> None:
    spec = wb.get("figure", HOW_MANY)
    one = counted(tmp_path, monkeypatch, blobs, seeds=(0,))
    assert spec.finding(one).startswith("k=3 stands out: the elbow is at k=3, sharper")
    assert spec.finding(one).endswith("With one seed, any difference may be chance.")
    few = counted(tmp_path, monkeypatch, blobs, ks=(2, 3))
    assert (spec.function(few), spec.finding(few)) == (None, "")


def planted(inertia: list[float], references: list[list[float]]) -> how_many_clusters.Curve:
    by_k = dict(enumerate(inertia, start=1))
    points = {k: np.array([0.2, 0.4, 0.6]) + k / 100 * np.array([1, 2, 3]) for k in by_k if k > 1}
    return how_many_clusters.Curve(by_k, points, {}, np.array(references), "")


def test_the_gap_statistic_is_that_of_its_authors() -> None:
    curve = planted(
        [np.e**5, np.e**3, np.e**2.9, np.e**2.7],
        [[np.e**5, np.e**4, np.e**3.8, np.e**3.5], [np.e**5.4, np.e**4.2, np.e**3.6, np.e**3.7]],
    )
    np.testing.assert_allclose(list(curve.gap.values()), [0.2, 1.1, 0.8, 0.9])
    np.testing.assert_allclose(list(curve.s.values()), np.array([0.2, 0.1, 0.1, 0.1]) * np.sqrt(1.5))
    assert curve.first_gap == 2  # 1.1 >= 0.8 - s, but 0.2 < 1.1 - s
    assert curve.margin(2) == pytest.approx(0.3 / (0.1 * np.sqrt(1.5)) + 1)
    rising = planted([np.e**5, np.e**3, np.e], [[np.e**5] * 3, [np.e**5.01] * 3])
    assert rising.first_gap is None


def test_the_elbow_is_farthest_below_the_line_and_sharp_if_more_so_than_any_uniform_data() -> None:
    curve = planted([100, 30, 20, 10, 0], [[100, 50, 25, 10, 0], [100, 40, 30, 10, 0]])
    assert (curve.elbow, curve.sharp) == (2, True)  # 45 below, against 35 at most
    assert not planted([100, 30, 20, 10, 0], [[100, 25, 20, 10, 0]]).sharp


def test_the_silhouettes_difference_is_measured_in_its_standard_error() -> None:
    higher, errors = planted([3, 2, 1], [[3, 2, 1]]).higher(3, 2)
    assert higher == pytest.approx(0.02)
    assert errors == pytest.approx(0.02 / (0.01 / np.sqrt(3)))


# --- metrics on the map ---------------------------------------------------------------------------------------------

METRICS = "metrics_on_the_map"
SETTINGS = {"great circle": ("haversine", "degrees"), "crow": ("euclidean", "km"), "raw": ("euclidean", "degrees")}


def metrics(root: Path, moved: dict[str, int], seeds=(0,), swap: str = "") -> Sweep:
    """Clusters of two outlets by each metric; with some, so many customers go to the other one."""
    sweep = sweep_of(root, ["learner.metric", "dataset.coordinates", "seed"])
    for name, seed in ((name, seed) for name in moved for seed in seeds):
        metric, coordinates = SETTINGS[name]
        chosen = config(f"{name} {seed}", coordinates=coordinates) | {"seed": seed}
        chosen["learner"] = {"name": "kmeans", "metric": metric}
        labels = np.hypot(*(points(config())[:, None] - np.array(TWO)).T).argmin(axis=0).astype(np.int32)
        labels[: moved[name]] = 1 - labels[: moved[name]]
        centers = np.array(TWO)
        if name == swap:
            labels, centers = 1 - labels, centers[::-1]
        if coordinates == "degrees":
            centers = np.column_stack(_san_francisco.to_degrees(*centers.T))
        synthetic.clustered(sweep.directory, chosen, Clustering(labels, centers, 1.0, metric=metric), {}, sweep)
    return Sweep.replay(sweep.directory)


def test_the_finding_on_metrics_counts_who_changes_and_what_it_costs(tmp_path: Path) -> None:
    sweep = metrics(tmp_path, {"great circle": 0, "crow": 0, "raw": 6}, seeds=(0, 1), swap="crow")
    away = np.sort(np.hypot(*(points(config())[:, None] - np.array(TWO)).T), axis=0)
    longer = 1000 * (away[1] - away[0])[:6].sum() / 60
    assert wb.get("figure", METRICS).finding(sweep) == (
        f"By great-circle distance, haversine on degrees, a customer is {away[0].mean():.3f} km from the outlet on "
        "average. Against that (mean of 2 seeds, their range in brackets), euclidean on km sends 0 (0 to 0) of 60 "
        "customers to another outlet and leaves the way as long; euclidean on degrees sends 6 (6 to 6) of 60 customers "
        f"to another outlet and changes the way by {longer:+.1f} m ({longer:+.1f} to {longer:+.1f})."
    )
    figure = draw(METRICS, sweep, tmp_path)
    assert titles(figure) == [
        "haversine on degrees: the reference",
        "euclidean on km: 0 of 60 customers change outlet",
        "euclidean on degrees: 6 of 60 customers change outlet",
    ]
    (ringed,) = (line for line in figure.axes[2].lines if line.get_marker() == "o")
    np.testing.assert_allclose(ringed.get_xydata(), points(config())[:6], atol=1e-9)
    assert "seed 0" in figure.get_suptitle()


def test_without_the_reference_metrics_are_not_compared(tmp_path: Path) -> None:
    spec = wb.get("figure", METRICS)
    for moved in ({"crow": 0, "raw": 0}, {"great circle": 0}):
        sweep = metrics(tmp_path, moved)
        assert spec.finding(sweep) == ""
    assert spec.function(metrics(tmp_path, {"crow": 0, "raw": 0})) is None


def test_a_seed_starts_from_the_same_customers_by_any_metric(project) -> None:
    starts = []
    for metric, coordinates in [*SETTINGS.values(), ("manhattan", "km")]:
        X = points(config(coordinates=coordinates))
        options = {"n_clusters": 4, "init": "random", "n_init": 1, "random_state": 3}
        first = wb.get("clusterer", "kmeans")(metric=metric, **options).fit(X).history_[0]["centers"]
        starts.append([int(np.abs(X - center).sum(axis=1).argmin()) for center in first])
    assert all(start == starts[0] for start in starts)


# --- clusterers compared --------------------------------------------------------------------------------------------

COMPARED = "clusterers_compared"


def compared(root: Path, agreement, shapes=("blobs", "moons"), seeds=(0, 1, 2)) -> Sweep:
    varied = {"dataset.name": shapes, "learner.name": ("kmeans", "dbscan", "mean_shift"), "seed": seeds}

    def measure(*job):
        value = agreement(*job)
        return None if value is None else {"cluster/adjusted_rand": value, "time/fit_seconds": 0.0123}

    return synthetic.grid(root, varied, measure)


def test_the_finding_on_clusterers_names_the_best_those_as_good_and_what_fails(tmp_path: Path) -> None:
    def agreement(shape, clusterer, seed):
        if clusterer == "kmeans":
            return 0.98 if shape == "blobs" else 0.4
        return {"dbscan": 0.9 + 0.05 * seed, "mean_shift": 0.6}[clusterer]

    assert wb.get("figure", COMPARED).finding(compared(tmp_path, agreement)) == (
        "Best by adjusted Rand index (mean of 3 seeds): on blobs kmeans, 0.98 (as good: dbscan); on moons dbscan, "
        "0.95. Over all shapes dbscan is best, 0.95, 0.26 above kmeans. Below 0.5: kmeans on moons."
    )


def test_where_none_is_better_or_fails_it_is_said(tmp_path: Path) -> None:
    def agreement(shape, clusterer, seed):
        return None if clusterer == "mean_shift" else 0.7 + (0.01 if (clusterer == "kmeans") == (seed > 0) else 0)

    text = wb.get("figure", COMPARED).finding(compared(tmp_path, agreement))
    assert (
        "on moons kmeans, 0.71 (as good: dbscan). Over all shapes kmeans is best, 0.71, 0.00 above dbscan, no clear "
        in text
    )
    assert text.endswith("None is below 0.5.")
    one = compared(tmp_path, lambda *job: -0.001, seeds=(0,))
    assert "-0.00" not in wb.get("figure", COMPARED).finding(one)
    assert wb.get("figure", COMPARED).finding(one).endswith("With one seed, any difference may be chance.")


def test_the_picture_of_clusterers_gives_a_cluster_the_colour_of_its_class(tmp_path: Path, monkeypatch) -> None:
    X = np.arange(24.0).reshape(12, 2)
    classes = np.repeat([0, 1, 2], 4)
    labels = np.array([2, 2, 2, 2, 0, 0, 0, 0, 1, 1, 5, -1])
    monkeypatch.setattr(Run, "data", lambda run: SimpleNamespace(X_train=X, y_train=classes))
    monkeypatch.setattr(Run, "clustering", lambda run: Clustering(labels))
    figure = draw(COMPARED, compared(tmp_path, lambda *job: -0.001 if job[1] == "kmeans" else 0.5), tmp_path)
    assert [ax.get_title() for ax in figure.axes[:3]] == ["kmeans", "dbscan", "mean_shift"]
    assert [ax.get_ylabel() for ax in figure.axes[::3]] == ["blobs", "moons"]
    assert figure.axes[0].get_xlabel() == "0.00   12 ms"
    hues = _clusters.colours(4)
    from matplotlib.colors import to_hex

    shown = [to_hex(colour).upper() for colour in figure.axes[0].collections[0].get_facecolors()]
    expected = [hues[0]] * 4 + [hues[1]] * 4 + [hues[2]] * 2 + [hues[3], _clusters.NOISE]
    assert shown == [hue.upper() for hue in expected]
    monkeypatch.setattr(Run, "data", lambda run: SimpleNamespace(X_train=X.reshape(6, 4), y_train=classes))
    assert wb.get("figure", COMPARED).function(compared(tmp_path, lambda *job: 0.5)) is None


def test_the_picture_of_few_clusterers_has_its_title_whole_and_what_finds_nothing_is_not_bold(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(Run, "data", lambda run: SimpleNamespace(X_train=np.eye(2), y_train=np.arange(2)))
    monkeypatch.setattr(Run, "clustering", lambda run: Clustering(np.arange(2)))

    def agreement(shape, clusterer, seed):
        if clusterer == "mean_shift":
            return None
        return 0.9 if (shape, clusterer) == ("blobs", "kmeans") else 0.001

    figure = draw(COMPARED, compared(tmp_path, agreement), tmp_path)
    (title,) = figure.texts
    extent = title.get_window_extent()
    assert (extent.x0 >= 0, extent.x1 <= figure.bbox.width) == (True, True)
    weights = [ax.xaxis.label.get_fontweight() for ax in figure.axes]
    assert weights == ["bold", "normal", "normal", "normal"]
