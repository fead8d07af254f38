"""What is installed in an environment, by the records of its packages (PEP 376, PEP 610)."""

import hashlib
import json
import re
import sys
from collections.abc import Set
from pathlib import Path

from doitstack.source_trees import normalised

_VARYING = r"(\.\./)+bin/|[^/]+\.dist-info/(direct_url|uv_cache)\.json,"
"""What differs between environments with the same packages: scripts, and where those are from."""


def files_digest(packages: Path, trees: Set[str] = frozenset()) -> str:
    """Return a digest of all files of the packages in a site-packages directory, and of Python.

    It is the same for each environment with these files: scripts, which name it, do not count. It
    is empty if there are no packages, or if one is editable, since its files can change at any
    time. Those of `trees` may be: the caller knows their files.
    """
    found = hashlib.sha256(sys.version.encode())
    records = sorted(packages.glob("*.dist-info/RECORD"))
    if not records or any(_is_editable(record.parent, trees) for record in records):
        return ""
    for record in records:
        lines = sorted(record.read_text(encoding="utf-8").splitlines())
        same = [line for line in lines if not re.match(_VARYING, line)]
        found.update(repr((record.parent.name, same)).encode())
    return found.hexdigest()


def _is_editable(dist_info: Path, trees: Set[str]) -> bool:
    origin = dist_info / "direct_url.json"
    if not origin.exists() or normalised(dist_info.name.partition("-")[0]) in trees:
        return False
    found = json.loads(origin.read_text(encoding="utf-8"))
    return bool(found.get("dir_info", {}).get("editable"))
