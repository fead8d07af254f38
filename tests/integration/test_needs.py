"""What a stack cannot do without, told first: to a user who may install nothing."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import DOIT, MakeStackDir, StackDir

NOBODY = 65534
SERVICES = "key,mysql,rabbit,s-proxy,s-object,s-container,s-account"
DPKG_STATUS = """\
Package: base-files
Status: install ok installed
Architecture: all
Version: 1
Maintainer: x
Description: x
"""


def as_user() -> list[str]:
    """Return the words that make a command an ordinary user's, who can read our interpreter."""
    if os.geteuid():
        return []
    ids = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    may = "dac_read_search"
    caps = [f"--inh-caps=+{may}", f"--ambient-caps=+{may}", f"--bounding-set=-all,+{may}"]
    return ["setpriv", *ids, *caps, "--"]


@pytest.mark.skipif(not shutil.which("dpkg-query"), reason="for Debian and Ubuntu")
def test_missing_packages_are_told_with_the_command_that_mends_them(
    stack_dir: MakeStackDir, tmp_path: Path
) -> None:
    admin = tmp_path / "dpkg"
    admin.mkdir()
    (admin / "status").write_text(DPKG_STATUS)
    stack = stack_dir(services=SERVICES, DPKG_ADMINDIR=str(admin), HOME=str(tmp_path))
    done = run_as_user(stack, "stack")
    out = done.stdout
    assert done.returncode == 1, out
    assert (
        "sudo apt-get install --no-install-recommends "
        "liberasurecode1 mariadb-server memcached rabbitmq-server"
    ) in out
    assert "check_system_packages" in out
    assert "Traceback" not in out
    assert not (stack.dest / "venvs").exists()
    assert not (stack.dest / "supervisor").exists()


def run_as_user(stack: StackDir, *words: str) -> "subprocess.CompletedProcess[str]":
    for path in (stack.path, *stack.path.rglob("*")):
        if not os.geteuid():
            os.chown(path, NOBODY, NOBODY)
    return subprocess.run(
        [*as_user(), DOIT, *words],
        cwd=stack.path,
        env=stack.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
