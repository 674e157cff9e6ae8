"""Any data set of openml.org by name or number, kept in the user's cache once fetched."""

import socket
import warnings
from http.client import HTTPException
from typing import Annotated

import numpy as np
from annotated_types import Ge

from workbench import Data, Dataset, hookimpl
from workbench.errors import DataError
from workbench.files import cache_folder

PATIENCE = 5.0  # seconds without an answer


def openml(which: str | int, version: Annotated[int, Ge(1)] | None = None):
    """A data set of openml.org by name or number (``which``); ``version`` of a name, by default the active one.

    Categories among the features become their numbers, in the order openml lists them. Only the first use needs the
    network. Raises ``DataError`` if openml does not answer or has no such data set, and for one that is sparse or
    names no target.
    """
    from sklearn.datasets import fetch_openml

    known_by = {"data_id": which} if isinstance(which, int) else {"name": which, "version": version or "active"}
    patience = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "A network error occurred")
            data = fetch_openml(**known_by, as_frame=False, n_retries=1, delay=0.1, data_home=cache())
    except (OSError, ValueError, HTTPException) as error:
        raise DataError(
            f"dataset 'openml': {which} is not in {cache()} and could not be fetched from openml.org: {error}"
        ) from None
    finally:
        socket.setdefaulttimeout(patience)
    if data.target is None or not isinstance(data.data, np.ndarray):
        raise DataError(f"dataset 'openml': {which} is sparse or names no target, which is not supported.")
    return Data(data.data, data.target, list(data.feature_names))


def cache():
    return cache_folder() / "openml"


@hookimpl
def register_datasets():
    return [Dataset("openml", openml)]
