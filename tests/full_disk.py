"""A disk without space, for the code of one process."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_space() -> Iterator[None]:
    """Let every write to a file fail until the end of the block."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
