"""All missing requirements are reported together, first, to a user who may install nothing."""

import os
import shutil
import socket
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import DOIT, MakeStackDir, StackDir
from tests.e2e.samples import free_ports
from tests.integration.probes import plugin

pytestmark = pytest.mark.usefixtures("served_runs")

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
def test_missing_packages_are_reported_with_the_command_that_installs_them(
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


LOOKS = plugin("""
    def look(stack, what):
        print("looked for", what)
        raise DoitstackError(f"no {what}; get one")

    def start(stack):
        print("started")

    @hookimpl
    def stack_pre_install(stack):
        yield run(look, "cup", name="look-1", only_looks=True)
        yield run(print, name="look-2", only_looks=True)
        yield run(look, "tea", name="look-3", only_looks=True)
        yield run(start)
        yield run(look, "milk", name="look-4", only_looks=True)

    @hookimpl
    def stack_install(stack):
        yield async_run("future", start)
        yield async_wait("future")
""")


@pytest.mark.parametrize("parallel", ["True", "False"])
def test_what_only_looks_is_all_done_before_a_failure_stops_the_run(
    stack_dir: MakeStackDir, parallel: str
) -> None:
    stack = stack_dir({"extras.d/50-looks.py": LOOKS}, DEVSTACK_PARALLEL=parallel)
    outcome = stack.run("stack").failed(1)
    assert [line for line in outcome.lines if line.startswith(("looked", "started"))] == [
        "looked for cup",
        "looked for tea",
    ]
    assert [line.partition("plugin ")[2] for line in outcome.lines if "FAILED" in line] == [
        "looks: step look-1: no cup; get one",
        "looks: step look-3: no tea; get one",
    ]
    assert "not run because of it: start, look-4, future" in outcome.out


def test_all_taken_ports_and_missing_services_are_reported_together(
    stack_dir: MakeStackDir,
) -> None:
    ports = free_ports()
    stack = stack_dir(services="key,g-api,n-api,n-api-meta,c-api", **ports)
    taken = ("KEYSTONE_SERVICE_PORT", "GLANCE_SERVICE_PORT", "METADATA_SERVICE_PORT")
    with ExitStack() as held:
        for name in taken:
            listener = held.enter_context(socket.socket())
            listener.bind(("127.0.0.1", int(ports[name])))
            listener.listen()
        outcome = stack.run("stack").failed(1)
    told = outcome.out.partition("FAILED")[2]
    for name in taken:
        assert f"port {ports[name]} is taken by" in told
        assert f"(process {os.getpid()}); stop it, or set {name} in local.conf" in told
    assert "nova needs mysql, rabbit, placement-api; add to local.conf: enable_service" in told
    assert "cinder needs mysql, rabbit;" in told
    assert "Traceback" not in outcome.out
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
        timeout=250,
        check=False,
    )
