"""A full disk, without one."""

import contextlib
import resource
from collections.abc import Iterator


@contextlib.contextmanager
def full(at: int) -> Iterator[None]:
    """No file grows beyond ``at`` bytes: a write takes what fits, the next one raises, as where no room is left."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (at, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
