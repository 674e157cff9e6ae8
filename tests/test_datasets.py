"""Data sets: each loads without a network or says clearly why not; seeds settle the drawn ones; files by format."""

import socket
from urllib.error import URLError

import numpy as np
import pytest

from workbench import Data, get
from workbench.errors import ConfigError, DataError
from workbench.registry import registry

NAMES = registry().names("dataset")
NEED_AN_OPTION = {"file": "path", "openml": "which"}
OFFLINE = [name for name in NAMES if name not in NEED_AN_OPTION]
SEEDED = [name for name in OFFLINE if "seed" in get("dataset", name).options]
BUNDLED = {
    "breast_cancer": ((569, 30), 2),
    "diabetes": ((442, 10), None),
    "digits": ((1797, 64), 10),
    "iris": ((150, 4), 3),
    "wine": ((178, 13), 3),
}


def load(name, **options) -> Data:
    dataset = get("dataset", name)
    return dataset.function(**dataset.check(options))


@pytest.mark.parametrize("name", OFFLINE)
def test_a_data_set_loads_with_its_defaults(name):
    data, task = load(name), get("dataset", name).task
    assert len(data.X) == len(data.y) > 0
    assert data.X.dtype == np.float64
    assert np.isfinite(data.X).all()
    assert len(data.feature_names) == data.X.shape[1]
    assert np.issubdtype(data.y.dtype, np.integer if task == "classification" else np.floating)
    if task == "classification":
        np.testing.assert_array_equal(np.unique(data.y), np.arange(len(data.target_names)))


@pytest.mark.parametrize("name", NEED_AN_OPTION)
def test_a_data_set_that_needs_an_option_says_so(name):
    with pytest.raises(ConfigError, match=f"needs the option '{NEED_AN_OPTION[name]}'"):
        load(name)


@pytest.mark.parametrize(("name", "expected"), BUNDLED.items())
def test_bundled_data_sets_are_whole(name, expected):
    shape, n_classes = expected
    data = load(name)
    assert data.X.shape == shape
    if n_classes:
        assert len(data.target_names) == n_classes


@pytest.mark.parametrize("name", SEEDED)
def test_a_seed_settles_a_drawn_data_set(name):
    first, again, other = load(name, seed=3), load(name, seed=3), load(name, seed=4)
    np.testing.assert_array_equal(first.X, again.X)
    np.testing.assert_array_equal(first.y, again.y)
    assert (first.X != other.X).any()
    assert len(load(name, n_samples=37).X) == len(load(name, n_samples=37).y) == 37


def test_drawn_data_sets_exist():
    assert {"xor", "moons", "circles", "spirals", "blobs", "sine_curve"} <= set(SEEDED)


def test_xor_without_noise_is_the_truth_table():
    data = load("xor", n_samples=4, noise=0.0)
    assert {(*x, y) for x, y in zip(data.X.tolist(), data.y.tolist(), strict=True)} == {
        (0, 0, 0),
        (0, 1, 1),
        (1, 0, 1),
        (1, 1, 0),
    }


def test_spirals_wind():
    """Each point's angle, less its arm's own, is its radius times the turns."""
    data = load("spirals", arms=3, turns=2.0, noise=0.0)
    radius = np.hypot(*data.X.T)
    unwound = np.exp(1j * (np.arctan2(data.X[:, 1], data.X[:, 0]) - 2 * np.pi * (2.0 * radius + data.y / 3)))
    np.testing.assert_allclose(unwound, 1, atol=1e-12)
    assert radius.max() <= 1


def test_sine_curve_without_noise_is_sine():
    data = load("sine_curve", noise=0.0, periods=2.0)
    np.testing.assert_allclose(data.y, np.sin(data.X[:, 0]), rtol=1e-14)
    assert 1.9 * np.pi < abs(data.X).max() <= 2 * np.pi


def test_noise_has_the_stated_standard_deviation():
    """10 000 draws: four standard errors of a standard deviation are 2.8 %."""
    curve = load("sine_curve", n_samples=10_000, noise=0.3)
    assert (curve.y - np.sin(curve.X[:, 0])).std() == pytest.approx(0.3, rel=0.03)
    xor = load("xor", n_samples=10_000, noise=0.2)
    assert (xor.X[::4] - [0, 0]).std() == pytest.approx(0.2, rel=0.05)


@pytest.mark.parametrize(
    ("name", "option", "bad"),
    [("xor", "noise", -0.1), ("moons", "n_samples", 0), ("circles", "factor", 1.0), ("spirals", "seed", -1)],
)
def test_options_out_of_range_are_refused(name, option, bad):
    with pytest.raises(ConfigError, match=f"dataset '{name}': {option} = "):
        load(name, **{option: bad})


TABLE = {"length": [1.0, 2.0, 3.5], "kind": ["a", "b", "a"], "width": [4, 5, 6]}


@pytest.fixture(params=[".csv", ".parquet"])
def table(request, tmp_path):
    """A written table, in each format."""
    pd = pytest.importorskip("pandas")
    path = tmp_path / f"table{request.param}"
    frame = pd.DataFrame(TABLE)
    frame.to_csv(path, index=False) if request.param == ".csv" else frame.to_parquet(path)
    return str(path)


@pytest.mark.parametrize("target", ["kind", 1])
def test_file_reads_a_table(table, target):
    data = load("file", path=table, target=target)
    np.testing.assert_array_equal(data.X, np.column_stack([TABLE["length"], TABLE["width"]]))
    assert data.X.dtype == np.float64
    assert data.y.tolist() == TABLE["kind"]
    assert data.feature_names == ["length", "width"]


def test_file_names_text_features(table):
    with pytest.raises(DataError, match=r"features that are not numbers: kind\."):
        load("file", path=table)


def test_file_names_an_unknown_column(table):
    with pytest.raises(DataError, match="no column 'kinds'; did you mean 'kind'"):
        load("file", path=table, target="kinds")
    with pytest.raises(DataError, match="no column 3"):
        load("file", path=table, target=3)


def test_file_predicts_the_last_column_and_keeps_integers(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("x,y\n0.5,1\n1.5,0\n")
    data = load("file", path=str(path))
    assert data.y.tolist() == [1, 0]
    assert data.y.dtype == np.int64


def test_file_counts_missing_targets(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("x,y\n0.5,a\n1.5,\n")
    with pytest.raises(DataError, match="1 rows without a target in column 'y'"):
        load("file", path=str(path))


def test_file_reads_npy(tmp_path):
    array = np.arange(12).reshape(4, 3)
    np.save(tmp_path / "array.npy", array)
    data = load("file", path=str(tmp_path / "array.npy"))
    np.testing.assert_array_equal(data.X, array[:, :2])
    np.testing.assert_array_equal(data.y, array[:, 2])
    np.testing.assert_array_equal(load("file", path=str(tmp_path / "array.npy"), target=0).y, array[:, 0])


def test_file_reads_npz(tmp_path):
    images, labels, areas = np.random.default_rng(0).normal(size=(5, 4, 4, 1)), np.arange(5), np.ones((5, 2))
    np.savez(tmp_path / "arrays.npz", X=images, y=labels, areas=areas)
    data = load("file", path=str(tmp_path / "arrays.npz"))
    np.testing.assert_array_equal(data.X, images)
    np.testing.assert_array_equal(data.y, labels)
    np.testing.assert_array_equal(load("file", path=str(tmp_path / "arrays.npz"), target="areas").y, areas)
    with pytest.raises(DataError, match="no array 'area'; did you mean 'areas'"):
        load("file", path=str(tmp_path / "arrays.npz"), target="area")


def test_file_does_not_unpickle(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{"a": 1}]), allow_pickle=True)
    with pytest.raises(DataError, match=r"'objects\.npy' could not be read: .*allow_pickle"):
        load("file", path=str(tmp_path / "objects.npy"))


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".npy", ".npz"])
@pytest.mark.parametrize(
    "content", [b"", b"\x93NUMPY or PK\x03\x04 or PAR1, but no more\n\xff"], ids=["empty", "broken"]
)
def test_file_refuses_what_it_cannot_read(ending, content, tmp_path):
    path = tmp_path / f"broken{ending}"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"'broken\{ending}'"):
        load("file", path=str(path))


def test_file_says_where_it_looked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=f"there is no file '{tmp_path / 'missing.csv'}'"):
        load("file", path="missing.csv")


def test_file_knows_its_endings(tmp_path):
    (tmp_path / "table.cvs").write_text("x,y\n1,2\n")
    with pytest.raises(DataError, match=r"'table\.cvs' is by its ending; did you mean '\.csv'"):
        load("file", path=str(tmp_path / "table.cvs"))


@pytest.mark.parametrize(
    "arrays", [{"X": np.ones(3), "y": np.ones(3)}, {"X": np.ones((3, 2)), "y": np.ones(4)}], ids=["1-d", "lengths"]
)
def test_file_checks_that_arrays_fit(arrays, tmp_path):
    np.savez(tmp_path / "arrays.npz", **arrays)
    with pytest.raises(DataError, match="do not go together"):
        load("file", path=str(tmp_path / "arrays.npz"))


def test_openml_offline_is_one_clear_error(tmp_path, monkeypatch):
    patience = []

    def urlopen(request):
        patience.append(socket.getdefaulttimeout())
        raise URLError("Temporary failure in name resolution")

    monkeypatch.setenv("WORKBENCH_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("sklearn.datasets._openml.urlopen", urlopen)
    with pytest.raises(DataError, match=r"mnist_784 is not in .* could not be fetched .*name resolution"):
        load("openml", which="mnist_784")
    assert max(patience) <= 5
    assert len(patience) <= 2
    assert socket.getdefaulttimeout() is None


def test_openml_fetches_into_the_cache(tmp_path, monkeypatch):
    from sklearn.utils import Bunch

    asked = []

    def fetch_openml(**options):
        asked.append(options)
        return Bunch(data=np.ones((3, 2)), target=np.array(["a", "b", "a"]), feature_names=["u", "v"])

    monkeypatch.setenv("WORKBENCH_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch_openml)
    data = load("openml", which=61)
    assert data.feature_names == ["u", "v"]
    assert data.y.tolist() == ["a", "b", "a"]
    load("openml", which="iris", version=1)
    assert [(a.get("data_id"), a.get("name"), a.get("version")) for a in asked] == [(61, None, None), (None, "iris", 1)]
    assert all(a["data_home"] == tmp_path / "openml" for a in asked)


@pytest.mark.parametrize("missing", [{"target": None}, {"data": "sparse"}], ids=str)
def test_openml_refuses_what_it_cannot_hand_on(missing, monkeypatch):
    from sklearn.utils import Bunch

    fetched = {"data": np.ones((3, 2)), "target": np.ones(3), "feature_names": ["u", "v"]} | missing
    monkeypatch.setattr("sklearn.datasets.fetch_openml", lambda **options: Bunch(**fetched))
    with pytest.raises(DataError, match="61 is sparse or names no target"):
        load("openml", which=61)


@pytest.mark.parametrize("name", NAMES)
def test_no_option_is_called_name(name):
    """In a configuration, ``dataset.name`` says which data set is meant."""
    assert "name" not in get("dataset", name).options
