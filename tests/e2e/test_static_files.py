"""Horizon's static files that are kept are those that Django makes.

The packages come from the package index, or from uv's cache.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import MakeStackDir, StackDir, user_caches
from tests.e2e.samples import free_ports

pytestmark = [pytest.mark.full, pytest.mark.timeout(1800)]

MANIFEST = "dashboard/manifest.json"


@pytest.fixture
def stack(stack_dir: MakeStackDir, tmp_path: Path) -> Iterator[StackDir]:
    """A stack directory of horizon whose cache is empty."""
    cache = {"DOITSTACK_CACHE_DIR": str(tmp_path / "cache")}
    made = stack_dir(services="key,horizon", **{**user_caches(), **cache}, **free_ports())
    yield made
    made.run("clean", timeout=300)


def content(stack: StackDir) -> dict[str, object]:
    """Return the static files; the order within the list of compressed files is chance."""
    static = stack.dest / "data/horizon/static"
    files = {str(path.relative_to(static)): path for path in static.rglob("*") if path.is_file()}
    assert not [name for name, path in files.items() if path.is_symlink()]
    texts: dict[str, object] = {name: path.read_bytes() for name, path in files.items()}
    return {**texts, MANIFEST: json.loads(files[MANIFEST].read_bytes())}


def test_kept_static_files_are_those_that_django_makes(stack: StackDir) -> None:
    task = "stack:post-config:horizon:configure_horizon"
    assert "Compressed" in stack.run(task, timeout=900).ok().out
    made = content(stack)
    assert len(made) > 1000
    (stack.dest / "data/horizon/static" / MANIFEST).unlink()
    assert "Compressed" not in stack.run(task, timeout=900).ok().out
    assert content(stack) == made
