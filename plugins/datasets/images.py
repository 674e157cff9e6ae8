"""A data set of one's own: a folder of pictures, one sub-folder a class."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import numpy as np
from annotated_types import Ge

from workbench import Data, Dataset, hookimpl
from workbench.errors import DataError
from workbench.plugins.datasets._kept import kept

HIDDEN = ("thumbs.db", "desktop.ini")  # by Windows
Pixels = Annotated[int, Ge(1)]


def images(path: str, size: Pixels | tuple[Pixels, Pixels] = 64, grey: bool = False):
    """Pictures from a folder (``path``) with one sub-folder a class, in ``size``, or (height, width), pixels.

    X (n_samples, height, width, 3) float32 in [0, 1], red, green and blue, or ``grey`` with one channel; in the order
    of the class's, then the picture's name. Pictures are turned as their camera noted and stretched to the size;
    transparency is dropped. Hidden files, those that Windows hides (``Thumbs.db``, ``desktop.ini``) and files beside
    the classes are passed over. What was read is kept in the cache until a picture is added, removed or changed. Raises
    ``DataError`` for a folder that is missing or has no classes, a class without pictures or with folders in it, and
    for a file that is no single whole picture of 8 bits a channel.
    """
    import PIL

    folder = Path(path).expanduser().absolute()
    height, width = (size, size) if isinstance(size, int) else size
    by_class = listing(folder)
    files = [file for pictures in by_class.values() for file in pictures]
    mode = "L" if grey else "RGB"
    what = hashlib.sha256(f"{folder} {height} {width} {mode}".encode()).hexdigest()[:16]
    state = hashlib.sha256(Path(__file__).read_bytes() + PIL.__version__.encode())
    for file in files:
        seen = file.stat()
        state.update(f"{file.relative_to(folder)}\0{seen.st_size} {seen.st_mtime_ns}\0".encode())
    pixels = kept(f"images/{what}", state.hexdigest(), lambda: {"X": read_all(files, mode, height, width)})["X"]
    y = np.repeat(np.arange(len(by_class)), [len(pictures) for pictures in by_class.values()])
    return Data(np.divide(pixels, 255, dtype=np.float32), y, target_names=list(by_class))


def listing(folder):
    """Class name -> its files, both sorted."""
    if not folder.is_dir():
        raise DataError(f"dataset 'images': there is no folder {str(folder)!r}.")
    by_class = {each.name: visible(each) for each in visible(folder) if each.is_dir()}
    if not by_class:
        raise DataError(f"dataset 'images': {str(folder)!r} has no sub-folders; one for each class is needed.")
    for name, files in by_class.items():
        if not files:
            raise DataError(f"dataset 'images': class {name!r} is an empty folder.")
        for file in files:
            if file.is_dir():
                raise DataError(
                    f"dataset 'images': class {name!r} has a folder {file.name!r} in it; pictures must lie directly in "
                    f"the folder of their class. If {name!r} is no class, give its folder as path."
                )
    return by_class


def visible(folder):
    return sorted(
        entry for entry in folder.iterdir() if not entry.name.startswith(".") and entry.name.lower() not in HIDDEN
    )


def read_all(files, mode, height, width):
    X = np.empty((len(files), height, width, len(mode)), np.uint8)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for at, picture in enumerate(pool.map(lambda file: read(file, mode, (width, height)), files)):
            X[at] = picture
    return X


def read(file, mode, size):
    """One picture, (height, width, channels) uint8."""
    from PIL import Image, ImageOps

    where = f"dataset 'images': {os.path.join(file.parent.name, file.name)!r}"
    try:
        with Image.open(file) as image:
            if getattr(image, "is_animated", False) and image.format != "MPO":  # a photo and its preview
                raise DataError(f"{where} is animated, {image.n_frames} pictures in one file; keep one of them.")
            if image.mode == "F" or image.mode.startswith("I"):
                raise DataError(f"{where} has more than 8 bits a channel (mode {image.mode}); save it with 8.")
            upright = ImageOps.exif_transpose(image).convert(mode)
    except DataError:
        raise
    except Exception as error:  # Pillow's decoders raise much besides OSError
        reason = str(error).replace(repr(str(file)), "").rstrip(": ")  # it is named already
        raise DataError(f"{where} could not be read as a picture: {reason}.") from None
    return np.asarray(upright.resize(size, Image.Resampling.BILINEAR)).reshape(*size[::-1], -1)


@hookimpl
def register_datasets():
    return [Dataset("images", images, task="classification")]
