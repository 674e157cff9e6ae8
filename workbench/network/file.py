"""A network on disk: its arrays in one safetensors file, what else it takes to make it in the JSON header."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from workbench.files import save_tensors

_HEADER = "workbench.network"


def save(path: Path, header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write both, in place of what is there. Raises ``OSError``."""
    save_tensors(arrays, path, {_HEADER: json.dumps(header)})


def load(path: Path) -> tuple[Any, dict[str, np.ndarray]]:
    """Header and arrays. Raises ``OSError``, ``LookupError`` or ``ValueError`` for a file that is none of ours."""
    try:
        with safe_open(path, framework="numpy") as file:
            header = json.loads((file.metadata() or {})[_HEADER])
            return header, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)
    except SafetensorError as error:
        raise ValueError(str(error)) from None
