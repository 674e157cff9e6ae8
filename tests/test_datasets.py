"""Data sets: each loads without a network or says clearly why not; seeds settle the drawn ones; files by format."""

import gzip
import os
import socket
import struct
import tracemalloc
from urllib.error import URLError

import numpy as np
import pytest

from workbench import Data, get
from workbench.errors import ConfigError, DataError
from workbench.registry import registry

NAMES = registry().names("dataset")
NEED_AN_OPTION = {"file": "path", "images": "path", "openml": "which"}
NEED_THE_NETWORK = {"mnist": "mnist_784", "fashion_mnist": "Fashion-MNIST"}
OFFLINE = [name for name in NAMES if name not in NEED_AN_OPTION and name not in NEED_THE_NETWORK]
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
def test_a_table_is_of_float64_with_named_features_and_images_are_bytes(name):
    data = load(name, **({"n_samples": 37} if name in SEEDED else {}))
    if data.X.ndim == 2:
        assert data.X.dtype == np.float64
        assert len(data.feature_names) == data.X.shape[1]
    else:
        assert data.X.ndim == 4
        assert data.X.dtype == np.uint8


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


def test_drawn_data_sets_exist():
    assert {"xor", "moons", "circles", "spirals", "blobs", "sine_curve", "frames"} <= set(SEEDED)


def test_digits_come_as_rows_or_as_images():
    rows, images = load("digits"), load("digits", flat=False)
    assert images.X.shape == (1797, 8, 8, 1)
    np.testing.assert_array_equal(images.X.reshape(1797, 64), rows.X)
    np.testing.assert_array_equal(images.y, rows.y)


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
    [
        ("xor", "noise", -0.1),
        ("moons", "n_samples", 0),
        ("circles", "factor", 1.0),
        ("spirals", "seed", -1),
        ("frames", "frames", 0),
        ("images", "size", [8, 0]),
    ],
)
def test_options_out_of_range_are_refused(name, option, bad):
    needed = {NEED_AN_OPTION[name]: "somewhere"} if name in NEED_AN_OPTION else {}
    with pytest.raises(ConfigError, match=f"dataset '{name}': {option} = "):
        load(name, **needed, **{option: bad})


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


@pytest.mark.parametrize("name", NEED_THE_NETWORK)
def test_mnist_comes_from_openml_once(name, tmp_path, monkeypatch):
    from sklearn.utils import Bunch

    asked = []
    pixels = np.random.default_rng(0).integers(0, 256, (20, 784))

    def fetch_openml(**options):
        asked.append((options["name"], options["version"]))
        names = [f"pixel{i}" for i in range(784)]
        return Bunch(data=pixels, target=(np.arange(20) % 10).astype(str).astype(object), feature_names=names)

    monkeypatch.setenv("WORKBENCH_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch_openml)
    for data in (load(name), load(name)):
        assert (data.X.dtype, data.X.shape) == (np.uint8, (20, 28, 28, 1))
        np.testing.assert_array_equal(data.X.reshape(20, 784), pixels)
        assert (data.y.dtype, data.y.tolist()) == (np.int64, [*range(10), *range(10)])
        assert len(data.target_names) == 10
    assert asked == [(NEED_THE_NETWORK[name], 1)]
    np.testing.assert_array_equal(load(name, flat=True).X, pixels)


def test_mnist_offline_says_what_else_there_is(tmp_path, monkeypatch):
    def urlopen(request):
        raise URLError("Temporary failure in name resolution")

    monkeypatch.setenv("WORKBENCH_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("sklearn.datasets._openml.urlopen", urlopen)
    with pytest.raises(
        DataError, match=r"could not be fetched .*name resolution>; option path of dataset 'mnist' takes"
    ):
        load("mnist")


def write_idx(path, array, ending="", cut=None, magic=None):
    """A file in MNIST's format; ``cut`` drops its last bytes, ``magic`` replaces its first four."""
    header = magic or bytes([0, 0, 8, array.ndim])
    content = (header + struct.pack(f">{array.ndim}I", *array.shape) + array.astype(np.uint8).tobytes())[:cut]
    path.with_name(path.name + ending).write_bytes(gzip.compress(content) if ending else content)


IDX = {
    "train-images-idx3-ubyte": np.random.default_rng(1).integers(0, 256, (6, 5, 4)),
    "train-labels-idx1-ubyte": np.array([3, 1, 4, 1, 5, 9]),
    "t10k-images-idx3-ubyte": np.random.default_rng(2).integers(0, 256, (2, 5, 4)),
    "t10k-labels-idx1-ubyte": np.array([2, 6]),
}


@pytest.fixture
def idx(tmp_path):
    """A folder with small ones of MNIST's four files."""
    for name, array in IDX.items():
        write_idx(tmp_path / name, array)
    return tmp_path


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("name", NEED_THE_NETWORK)
def test_mnist_reads_idx_files(name, ending, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "idx").mkdir()
    for file, array in IDX.items():
        write_idx(tmp_path / "idx" / file, array, ending)
    data = load(name, path="idx")
    assert (data.X.dtype, data.X.shape) == (np.uint8, (8, 5, 4, 1))
    np.testing.assert_array_equal(data.X[:6, ..., 0], IDX["train-images-idx3-ubyte"])
    np.testing.assert_array_equal(data.X[6:, ..., 0], IDX["t10k-images-idx3-ubyte"])
    assert data.y.tolist() == [3, 1, 4, 1, 5, 9, 2, 6]
    assert load(name, path="idx", flat=True).X.shape == (8, 20)


@pytest.mark.parametrize(
    ("file", "broken", "message"),
    [
        ("train-images-idx3-ubyte", {"cut": -1}, "is damaged: it holds 135 bytes, but its header promises 136, for"),
        ("train-images-idx3-ubyte", {"cut": 9}, "is damaged: it holds 9 bytes, but its header promises 16"),
        ("t10k-labels-idx1-ubyte", {"cut": 0}, "begins with nothing, not 00000801"),
        ("t10k-images-idx3-ubyte", {"magic": b"PK34"}, "is no idx file of 3 axes: it begins with 504b3334, not"),
        ("train-labels-idx1-ubyte", {"array": np.arange(5)}, "holds 6 images, but 'train-labels-idx1-ubyte' 5 labels"),
        ("t10k-images-idx3-ubyte", {"array": np.zeros((2, 4, 4))}, "hold different sizes, 5x4 and 4x4"),
    ],
    ids=["cut", "no header", "empty", "magic", "counts", "sizes"],
)
def test_mnist_refuses_broken_idx_files(file, broken, message, idx):
    write_idx(idx / file, **{"array": IDX[file]} | broken)
    with pytest.raises(DataError, match=f"dataset 'mnist': .*{message}"):
        load("mnist", path=str(idx))


def test_mnist_refuses_a_broken_archive(idx):
    file = idx / "t10k-labels-idx1-ubyte"
    whole = gzip.compress(file.read_bytes())
    file.unlink()
    for broken in (whole[:-12], b"no archive", whole[:10] + b"\xff" * 20):
        (idx / "t10k-labels-idx1-ubyte.gz").write_bytes(broken)
        with pytest.raises(DataError, match=r"'t10k-labels-idx1-ubyte\.gz' could not be read: "):
            load("mnist", path=str(idx))


def test_mnist_names_a_missing_file_or_folder(idx):
    (idx / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match=r"has no file 't10k-labels-idx1-ubyte' or 't10k-labels-idx1-ubyte\.gz'"):
        load("fashion_mnist", path=str(idx))
    with pytest.raises(DataError, match=f"dataset 'mnist': there is no folder '{idx / 'nowhere'}'"):
        load("mnist", path=str(idx / "nowhere"))


PICTURES = {  # class -> name -> (height, width, 3)
    "dog": {"b.png": (6, 9), "a.png": (6, 9)},
    "cat": {"z.png": (6, 9), "y.bmp": (6, 9), "x.tiff": (6, 9)},
}


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """A folder of written pictures, their pixels by ``class/name``; the cache lies beside it."""
    from PIL import Image

    monkeypatch.setenv("WORKBENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    rng, pixels = np.random.default_rng(0), {}
    for label, names in PICTURES.items():
        (tmp_path / "pictures" / label).mkdir(parents=True)
        for name, shape in names.items():
            pixels[f"{label}/{name}"] = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
            Image.fromarray(pixels[f"{label}/{name}"]).save(tmp_path / "pictures" / label / name)
    return pixels


def test_images_come_by_class_and_name(pictures, tmp_path):
    for passed_over in ("README.txt", ".hidden", "cat/.DS_Store", "dog/Thumbs.db", "cat/desktop.ini"):
        (tmp_path / "pictures" / passed_over).write_text("no picture")
    (tmp_path / "pictures" / ".git").mkdir()
    data = load("images", path="pictures", size=[6, 9])
    assert data.target_names == ["cat", "dog"]
    assert data.y.tolist() == [0, 0, 0, 1, 1]
    assert (data.X.dtype, data.X.shape) == (np.float32, (5, 6, 9, 3))
    order = ("cat/x.tiff", "cat/y.bmp", "cat/z.png", "dog/a.png", "dog/b.png")
    np.testing.assert_array_equal(data.X, np.stack([pictures[name] for name in order]) / np.float32(255))


def test_images_are_resized_and_made_grey(pictures, tmp_path):
    """Grey is ITU-R 601's luma; halving a picture of 2x2 blocks leaves the blocks' middle near their colour."""
    from PIL import Image

    blocks = np.zeros((40, 80, 3), np.uint8)
    blocks[:20, :40], blocks[20:, 40:] = [255, 0, 0], [0, 255, 0]
    Image.fromarray(blocks).save(tmp_path / "pictures" / "cat" / "x.png")
    (tmp_path / "pictures" / "cat" / "x.tiff").unlink()
    small = load("images", path="pictures", size=(20, 40)).X[0]
    assert small.shape == (20, 40, 3)
    np.testing.assert_array_equal(small[:9, :19], np.broadcast_to([1, 0, 0], (9, 19, 3)))
    np.testing.assert_array_equal(small[11:, 21:], np.broadcast_to([0, 1, 0], (9, 19, 3)))
    grey = load("images", path="pictures", size=20, grey=True).X[0]
    assert grey.shape == (20, 20, 1)
    np.testing.assert_allclose(grey[:9, :9], 0.299, rtol=0, atol=0.5 / 255)  # grey levels are whole numbers
    np.testing.assert_allclose(grey[11:, 11:], 0.587, rtol=0, atol=0.5 / 255)
    assert load("images", path="pictures").X.shape == (5, 64, 64, 3)


def test_images_stand_as_they_were_taken(pictures, tmp_path):
    """A camera held sideways notes so (EXIF orientation 6: turn it right); a phone's MPO file is a photo and more."""
    from PIL import Image

    flat = np.full((8, 16, 3), 200, np.uint8)
    flat[:, :8] = 40  # the left half, which is up once it is turned
    exif = Image.Exif()
    exif[0x0112] = 6
    turned, photo = tmp_path / "pictures" / "cat" / "a.png", tmp_path / "pictures" / "cat" / "b.jpg"
    Image.fromarray(flat).save(turned, exif=exif)
    Image.fromarray(flat).save(photo, format="MPO", save_all=True, append_images=[Image.fromarray(flat[:4, :4])])
    X = load("images", path="pictures", size=(16, 8)).X * 255
    np.testing.assert_array_equal(X[0, :, :, 0], np.repeat([40, 200], 8)[:, None] * np.ones(8))
    assert (abs(X[1, :, [0, -1], 0].mean(axis=1) - [40, 200]) < 3).all()  # it is compressed


def test_images_are_read_once_and_anew_when_they_change(pictures, tmp_path, monkeypatch):
    from PIL import Image

    opened, pillow_open = [], Image.open

    def counted(file):
        opened.append(os.path.basename(file))
        return pillow_open(file)

    def read(**options):
        opened.clear()
        return load("images", path="pictures", **{"size": 6} | options), sorted(opened)

    monkeypatch.setattr(Image, "open", counted)
    first, names = read()
    assert len(names) == 5
    again, names = read()
    assert names == []
    np.testing.assert_array_equal(again.X, first.X)
    assert again.target_names == first.target_names
    assert len(read(size=7)[1]) == len(read(grey=True)[1]) == 5  # other options are other pixels
    picture = tmp_path / "pictures" / "dog" / "b.png"
    seen = picture.stat()
    Image.fromarray(255 - pictures["dog/b.png"]).save(picture)
    os.utime(picture, ns=(seen.st_atime_ns, seen.st_mtime_ns + 1))
    changed, names = read()
    assert len(names) == 5
    assert (changed.X[4] != first.X[4]).any()
    picture.rename(picture.with_name("c.png"))
    assert len(read()[1]) == 5
    picture.with_name("c.png").unlink()
    fewer, names = read()
    assert len(fewer.X) == len(names) == 4
    assert len(list((tmp_path / "cache" / "images").iterdir())) == 3  # one for each of the three choices of options


@pytest.mark.parametrize("spoil", ["broken", "unwritable"])
def test_images_do_without_their_cache(spoil, pictures, tmp_path, monkeypatch):
    first = load("images", path="pictures", size=6)
    (kept,) = (tmp_path / "cache" / "images").iterdir()
    if spoil == "broken":
        kept.write_bytes(kept.read_bytes()[:-40])
    else:
        (tmp_path / "file").touch()
        monkeypatch.setenv("WORKBENCH_CACHE_DIR", str(tmp_path / "file" / "cache"))
    np.testing.assert_array_equal(load("images", path="pictures", size=6).X, first.X)


def spoilt(kind, folder):
    """Spoil a folder of pictures in a certain way."""
    from PIL import Image

    picture = folder / "dog" / "a.png"
    if kind == "no classes":
        picture = folder / "dog"
    elif kind == "empty class":
        (folder / "bird").mkdir()
        (folder / "bird" / ".hidden").touch()
    elif kind == "nested":
        (folder / "dog" / "puppies").mkdir()
    elif kind == "no picture":
        picture.write_text("a dog")
    elif kind == "truncated":
        picture.write_bytes(picture.read_bytes()[:-60])
    elif kind == "animated":
        frames = [Image.new("L", (4, 4), shade) for shade in (0, 99, 200)]
        frames[0].save(picture, format="GIF", save_all=True, append_images=frames[1:])
    elif kind == "deep":
        Image.fromarray(np.arange(16, dtype=np.uint16).reshape(4, 4)).save(picture)
    return picture if kind == "no classes" else folder


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("no classes", "'.*dog' has no sub-folders; one for each class is needed"),
        ("empty class", "class 'bird' is an empty folder"),
        ("nested", "class 'dog' has a folder 'puppies' in it"),
        ("no picture", "'dog/a.png' could not be read as a picture: cannot identify image file.$"),
        ("truncated", "'dog/a.png' could not be read as a picture: .*truncated"),
        ("animated", "'dog/a.png' is animated, 3 pictures in one file"),
        ("deep", r"'dog/a.png' has more than 8 bits a channel \(mode I;16\)"),
    ],
)
def test_images_refuse_what_is_no_folder_of_pictures(kind, message, pictures, tmp_path):
    with pytest.raises(DataError, match=f"dataset 'images': {message}"):
        load("images", path=str(spoilt(kind, tmp_path / "pictures")))


def test_images_say_where_they_looked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=f"there is no folder '{tmp_path / 'missing'}'"):
        load("images", path="missing")


def centres(pictures):
    """Where ball and paddle are seen, in field widths: (n, frames) x and y of the ball, (n,) x of the paddle."""
    n, size, _, frames = pictures.shape
    place, bottom = (np.arange(size) + 0.5) / size, size * 9 // 10
    field, floor = pictures[:, :bottom].astype(float), pictures[:, bottom:, :, -1].astype(float)
    weight = field.sum(axis=(1, 2))
    x = np.einsum("nijk,j->nk", field, place) / weight
    y = np.einsum("nijk,i->nk", field, place[:bottom]) / weight
    return x, y, np.einsum("nij,j->n", floor, place) / floor.sum(axis=(1, 2))


def test_the_best_move_is_what_playing_on_shows():
    """Ball, speed and paddle are measured in the pictures; the ball is then moved in small steps until it lands.

    A ball that met a side in the last frame is left out, its speed cannot be seen there; so is one that lands within
    a hundredth of the field of the paddle's end, as measured speeds are off by some 2e-4 a frame.
    """
    from workbench.plugins.datasets.frames import FLOOR, PADDLE, RADIUS

    data = load("frames", n_samples=400, frames=6, seed=5)
    xs, ys, paddles = centres(data.X)
    steps = np.diff(xs)
    turned = compared = 0
    for x, y, step, fall, speed, paddle, label in zip(
        xs[:, -1], ys[:, -1], steps[:, -1], ys[:, -1] - ys[:, -2], np.median(abs(steps), axis=1), paddles, data.y,
        strict=True,
    ):  # fmt: skip
        if abs(abs(step) - speed) > 1e-3:
            continue
        assert fall > 0
        turns = 0
        while y < FLOOR - RADIUS:
            x, y = x + step / 100, y + fall / 100
            if not RADIUS < x < 1 - RADIUS:
                step, turns = -step, turns + 1
                x += 2 * step / 100
        if abs(abs(x - paddle) - PADDLE / 2) < 0.01:
            continue
        assert label == (0 if abs(x - paddle) < PADDLE / 2 else 1 if x < paddle else 2)
        turned, compared = turned + (turns > 0), compared + 1
    assert compared > 300
    assert turned > 30


def test_the_ball_bounces_in_the_pictures():
    from workbench.plugins.datasets.frames import RADIUS

    xs, ys, _ = centres(load("frames", n_samples=300, frames=20).X)
    assert RADIUS - 1e-3 < xs.min() < RADIUS + 0.01  # it comes as far as the sides and the top, and no farther
    assert 1 - RADIUS - 0.01 < xs.max() < 1 - RADIUS + 1e-3
    assert RADIUS - 1e-3 < ys.min() < RADIUS + 0.01
    assert (np.diff(ys[:, -5:]) > 0).mean() > 0.9  # now it falls
    assert (np.diff(ys[:, :5]) < 0).mean() > 0.5  # before, it rose


def test_frames_are_one_game_however_many_and_large():
    four, two = load("frames", n_samples=50), load("frames", n_samples=50, frames=2)
    small = load("frames", n_samples=50, size=28)
    assert (four.X.shape, small.X.shape) == ((50, 84, 84, 4), (50, 28, 28, 4))
    np.testing.assert_array_equal(four.X[..., 2:], two.X)
    np.testing.assert_array_equal(four.y, two.y)
    np.testing.assert_array_equal(four.y, small.y)
    assert four.X.max() == 255
    # a pixel of the small one is the mean of 3x3; 3 grey levels: each of ten is cut off to a whole number
    np.testing.assert_allclose(four.X.reshape(50, 28, 3, 28, 3, 4).mean(axis=(2, 4)), small.X, rtol=0, atol=3)


@pytest.mark.parametrize("seed", range(3))
def test_every_move_is_about_as_often_the_best(seed):
    data = load("frames", size=16, frames=1, seed=seed)
    assert data.target_names == ["stay", "left", "right"]
    shares = np.bincount(data.y) / len(data.y)
    assert shares.min() > 0.25
    assert shares.max() < 0.42


def test_only_motion_tells_the_move():
    """One frame leaves a good guess, four tell: of what both show, the same learner makes this much."""
    from sklearn.preprocessing import scale
    from sklearn.svm import SVC

    data = load("frames", n_samples=1500, size=28)
    xs, ys, paddles = centres(data.X)
    one = scale(np.column_stack([xs[:, -1], ys[:, -1], paddles]))
    four = np.column_stack([one, scale(xs[:, -1] - xs[:, 0])])
    accuracy = [SVC(C=30).fit(X[:1200], data.y[:1200]).score(X[1200:], data.y[1200:]) for X in (one, four)]
    assert accuracy[0] < 0.6
    assert accuracy[1] > 0.85


def test_frames_take_little_memory():
    """The pictures themselves, and a frame of each in the making."""
    tracemalloc.start()
    X = load("frames", n_samples=300).X
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.5 * X.nbytes


@pytest.mark.parametrize("name", NAMES)
def test_no_option_is_called_name(name):
    """In a configuration, ``dataset.name`` says which data set is meant."""
    assert "name" not in get("dataset", name).options
