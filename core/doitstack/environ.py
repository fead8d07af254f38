"""What the programs of a run find in their environment, beside what the user's shell gave it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from doitstack.stack import Stack

CLOUD_PREFIX = "OS_"
"""What OpenStack's clients read begins so. As DevStack does, we clear it."""


@contextmanager
def run_environment(stack: Stack) -> Iterator[None]:
    """Have all that the run starts find the programs in `$DEST/bin` first, and this cloud alone.

    DevStack writes `/etc/openstack/clouds.yaml` instead, and its scripts name a cloud by
    `--os-cloud devstack-admin`.
    """
    before = dict(os.environ)
    own = str(stack.dest / "bin")
    words = [word for word in stack.settings.get("PATH", os.defpath).split(":") if word != own]
    ours = {
        "PATH": ":".join([own, *words]),
        "OS_CLIENT_CONFIG_FILE": str(stack.dest / "clouds.yaml"),
    }
    for name in before:
        if name.startswith(CLOUD_PREFIX):
            del os.environ[name]
    os.environ.update(ours)
    stack.settings.update(ours)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
