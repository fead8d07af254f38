"""The back ends that CINDER_ENABLED_BACKENDS names. Knows nothing of how they keep volumes."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from doitstack import Stack

FAKE, FILES, LVM = "fake", "nfs", "lvm"
"""The kinds of back ends, in DevStack's words but for the first."""


class Backend(NamedTuple):
    """A back end: its kind, and its name, which the type of its volumes has, too."""

    kind: str
    name: str


def enabled(settings: Mapping[str, str]) -> list[Backend]:
    """Return the back ends of CINDER_ENABLED_BACKENDS: `KIND:NAME,...`."""
    words = re.split(r"[,\s]+", settings["CINDER_ENABLED_BACKENDS"].strip())
    return [Backend(kind, name or kind) for kind, _, name in (w.partition(":") for w in words)]


def of_kind(stack: Stack, *kinds: str) -> list[Backend]:
    """Return the back ends of these kinds that a volume service of this host has."""
    if not stack.is_service_enabled("c-vol"):
        return []
    return [backend for backend in enabled(stack.settings) if backend.kind in kinds]
