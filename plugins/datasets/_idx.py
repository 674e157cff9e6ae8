"""MNIST and its likes: from openml.org, or from the four idx files they are handed out in."""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from workbench import Data
from workbench.errors import DataError
from workbench.plugins.datasets._kept import kept
from workbench.plugins.datasets.openml import openml

PARTS = ("train", "t10k")
UNSIGNED_BYTES = 0x08  # the type of the entries, as an idx file writes it


def load(dataset, which, path, flat, target_names):
    """Both parts as one, X (n, height, width, 1) uint8, or (n, height * width) if ``flat``; y (n,) int64.

    From the folder ``path``, or by the name ``which`` from openml (version 1; kept small in the cache afterwards).
    Raises ``DataError`` for a file that is missing or broken, or if openml does not answer.
    """
    arrays = kept(which, "1", lambda: fetch(dataset, which)) if path is None else read_folder(dataset, path)
    X = arrays["X"].reshape(len(arrays["X"]), -1) if flat else arrays["X"]
    return Data(X, arrays["y"].astype(np.int64), target_names=target_names)


def fetch(dataset, which):
    try:
        data = openml(which, version=1)
    except DataError as error:
        instead = f"option path of dataset {dataset!r} takes a folder with the four idx files"
        raise DataError(f"{str(error).rstrip('.')}; {instead}.") from None
    return {"X": data.X.astype(np.uint8).reshape(-1, 28, 28, 1), "y": data.y.astype(np.uint8)}


def read_folder(dataset, path):
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise DataError(f"dataset {dataset!r}: there is no folder {str(folder.absolute())!r}.")
    images, labels = [], []
    for part in PARTS:
        pictures, numbers = (find(dataset, folder, part, what) for what in ("images-idx3", "labels-idx1"))
        images.append(read(dataset, pictures, 3))
        labels.append(read(dataset, numbers, 1))
        if len(images[-1]) != len(labels[-1]):
            raise DataError(
                f"dataset {dataset!r}: {pictures.name!r} holds {len(images[-1])} images, but {numbers.name!r} "
                f"{len(labels[-1])} labels."
            )
    if images[0].shape[1:] != images[1].shape[1:]:
        sizes = " and ".join("x".join(map(str, part.shape[1:])) for part in images)
        raise DataError(f"dataset {dataset!r}: the two files of images hold different sizes, {sizes}.")
    return {"X": np.concatenate(images)[..., None], "y": np.concatenate(labels)}


def find(dataset, folder, part, what):
    name = f"{part}-{what}-ubyte"
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise DataError(f"dataset {dataset!r}: the folder {str(folder.absolute())!r} has no file {name!r} or '{name}.gz'.")


def read(dataset, path, axes):
    """An array of unsigned bytes with so many axes: a magic number, one length an axis, the entries; big-endian."""
    what = f"dataset {dataset!r}: {path.name!r}"
    try:
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{what} could not be read: {error}") from None
    header, magic = 4 + 4 * axes, bytes([0, 0, UNSIGNED_BYTES, axes])
    if content[:4] != magic:
        begins = content[:4].hex() or "nothing"
        raise DataError(f"{what} is no idx file of {axes} axes: it begins with {begins}, not {magic.hex()}.")
    shape = struct.unpack(f">{axes}I", content[4:header].ljust(4 * axes, b"\0"))
    if len(content) != header + math.prod(shape):
        promised = f"its header promises {header + math.prod(shape)}, for shape {shape}"
        raise DataError(f"{what} is damaged: it holds {len(content)} bytes, but {promised}.")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)
