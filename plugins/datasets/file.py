"""A data set of one's own: a csv or parquet table, or NumPy arrays, by path."""

from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from workbench import Data, Dataset, hookimpl
from workbench.errors import DataError, did_you_mean


def file(path: str, target: str | int | None = None):
    """A table or arrays by path (.csv .parquet .npy .npz); ``target`` names the column or array to predict.

    ``.csv`` (with a header line) and ``.parquet``: ``target`` is a column's name or number, by default the last one;
    every other column is a feature and must hold numbers. ``.npy``: the same for a 2-d array. ``.npz``: ``X`` and the
    array called ``target``, by default ``y``, both by rows. Integer or text targets are classes. Nothing is unpickled.
    Raises ``DataError`` for a file that is missing, of another kind or broken, and for a target it does not have.
    """
    source = Path(path).expanduser()
    if not source.is_file():
        raise DataError(f"dataset 'file': there is no file {str(source.absolute())!r}.")
    readers = {".csv": read_table, ".parquet": read_table, ".npy": read_array, ".npz": read_arrays}
    if source.suffix.lower() not in readers:
        raise DataError(
            f"dataset 'file': cannot tell what {source.name!r} is by its ending{did_you_mean(source.suffix, readers)}"
        )
    try:
        return readers[source.suffix.lower()](source, target)
    except DataError:
        raise
    except (ValueError, OSError, EOFError, BadZipFile) as error:
        raise DataError(f"dataset 'file': {source.name!r} could not be read: {error}") from None


def read_table(source, target):
    import pandas as pd

    table = pd.read_csv(source) if source.suffix.lower() == ".csv" else pd.read_parquet(source)
    column = column_number(source, target, [str(name) for name in table.columns])
    y, X = table.iloc[:, column], table.drop(columns=table.columns[column])
    if texts := list(X.select_dtypes(exclude=["number", "bool"]).columns):
        raise DataError(f"dataset 'file': {source.name!r} has features that are not numbers: {', '.join(texts)}.")
    if missing := int(y.isna().sum()):
        raise DataError(f"dataset 'file': {source.name!r} has {missing} rows without a target in column {y.name!r}.")
    return Data(X.to_numpy(np.float64), y.to_numpy(), [str(name) for name in X.columns])


def read_array(source, target):
    array = np.load(source, allow_pickle=False)
    if array.ndim != 2:
        raise DataError(f"dataset 'file': {source.name!r} has shape {array.shape}; rows and columns are needed.")
    column = column_number(source, target, [str(i) for i in range(array.shape[1])])
    return Data(np.delete(array, column, axis=1), array[:, column])


def read_arrays(source, target):
    with np.load(source, allow_pickle=False) as arrays:
        for name in ("X", str(target or "y")):
            if name not in arrays:
                raise DataError(f"dataset 'file': {source.name!r} has no array {name!r}{did_you_mean(name, arrays)}")
        X, y = arrays["X"], arrays[str(target or "y")]
    if X.ndim < 2 or y.ndim < 1 or len(X) != len(y):
        raise DataError(f"dataset 'file': in {source.name!r}, X {X.shape} and the target {y.shape} do not go together.")
    return Data(X, y)


def column_number(source, target, names):
    if len(names) < 2:
        raise DataError(f"dataset 'file': {source.name!r} has {len(names)} column; a feature and a target are needed.")
    if target is None:
        return len(names) - 1
    if target in names:
        return names.index(target)
    if isinstance(target, int) and 0 <= target < len(names):
        return target
    raise DataError(f"dataset 'file': {source.name!r} has no column {target!r}{did_you_mean(str(target), names)}")


@hookimpl
def register_datasets():
    return [Dataset("file", file)]
