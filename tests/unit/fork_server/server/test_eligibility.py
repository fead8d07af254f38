"""Which requests a fork of this process could serve, and when its program has changed."""

import os
from collections.abc import Callable
from dataclasses import replace
from math import inf
from pathlib import Path

import pytest

from fork_server import Options
from fork_server.protocol import NAMESPACES, encode
from fork_server.server.eligibility import Eligibility, listings
from fork_server.server.environment_reads import EVERYTHING, WORKING_DIRECTORY
from fork_server.server.import_effects import ImportEffects
from fork_server.server.request import Request, environment, parse

OWN = Path("/proc/self")
SCRIPT = Path("/venv/bin/tool")


def own_request(**environ: str) -> Request:
    """Return a request with the surroundings of this process."""
    parts = [
        str(os.getpriority(os.PRIO_PROCESS, 0)).encode(),
        b"0 1 2",
        (OWN / "status").read_bytes(),
        (OWN / "limits").read_bytes(),
        " ".join(str((OWN / name).readlink()) for name in NAMESPACES).encode(),
        b"/venv/bin/other\0",
        (OWN / "environ").read_bytes(),
    ]
    request = parse(encode("stamp", parts), descriptors=(0, 0, 1, 2))
    return replace(request, environ={**request.environ, **environ})


def eligibility(script: Path, reads: dict[str, set[str]] | None = None) -> Eligibility:
    server = environment(os.fsdecode((OWN / "environ").read_bytes()))
    effects = ImportEffects(server, reads or {}, {}, b"")
    return Eligibility(
        Options(str(script), "/none", "tool", "stamp"), effects, listings([str(script.parent)])
    )


Change = Callable[[Request], Request]


@pytest.mark.parametrize(
    ("change", "obstacle"),
    [
        (lambda request: request, ""),
        (lambda request: replace(request, stamp="another"), "another version"),
        (
            lambda request: replace(request, argv=("/another/bin/tool",)),
            "a program of another environment",
        ),
        (lambda request: replace(request, namespaces="/"), "another namespace"),
        (
            lambda request: replace(request, status={**request.status, "Uid": "65534"}),
            "another namespace, root, user",
        ),
        (lambda request: replace(request, nice=request.nice - 1), "limits or niceness"),
        (lambda request: replace(request, nice=request.nice + 1), ""),
        (lambda request: replace(request, numbers=(10**9,)), "limits or niceness"),
        (lambda request: replace(request, limits={}), "limits or niceness"),
    ],
)
def test_what_a_fork_cannot_become_is_an_obstacle(change: Change, obstacle: str) -> None:
    found = eligibility(SCRIPT).obstacle(change(own_request()))
    assert found.startswith(obstacle)
    assert bool(found) == bool(obstacle)


@pytest.mark.parametrize(
    ("variable", "obstacle"),
    [
        ("PYTHONPATH", "Python's own variables"),
        ("PYTHONUNBUFFERED", ""),
        ("READ", "variables that were read at import: READ (module)"),
        ("UNREAD", ""),
    ],
)
def test_variables_that_python_or_an_import_has_read_must_be_the_same(
    variable: str, obstacle: str
) -> None:
    mine = eligibility(SCRIPT, {"READ": {"module"}})
    assert mine.obstacle(own_request(**{variable: "the caller's"})) == obstacle


def test_who_reads_everything_has_read_all_variables() -> None:
    mine = eligibility(SCRIPT, {EVERYTHING: {"module"}})
    assert mine.obstacle(own_request()) == ""
    assert "UNREAD (module)" in mine.obstacle(own_request(UNREAD="the caller's"))


def test_who_reads_the_working_directory_is_never_served() -> None:
    mine = eligibility(SCRIPT, {WORKING_DIRECTORY: {"module"}})
    assert f"{WORKING_DIRECTORY} (module)" in mine.obstacle(own_request())


def test_modules_of_python_may_read_what_they_want() -> None:
    mine = eligibility(SCRIPT, {"READ": {"sysconfig"}})
    assert mine.obstacle(own_request(READ="the caller's")) == ""


def test_a_changed_program_is_stale(tmp_path: Path) -> None:
    script = tmp_path / "tool"
    script.touch()
    mine = eligibility(script)
    assert not mine.is_stale()
    os.utime(script, (1, 1))
    mine._checked = inf
    assert not mine.is_stale(), "the last check still holds"
    mine._checked = 0
    assert mine.is_stale()


def test_a_package_that_comes_or_goes_changes_the_listing(tmp_path: Path) -> None:
    directories = [str(tmp_path), str(tmp_path / "later")]
    before = listings(directories)
    (tmp_path / "__pycache__").mkdir()
    assert listings(directories) == before, "byte code is no change"
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "new.py").touch()
    after = listings(directories)
    assert all(after[path] != before[path] for path in directories)
