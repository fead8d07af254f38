"""The job of several hosts: its playbooks, run against namespaced hosts with a real sshd."""

import json
import sys
from pathlib import Path

import pytest

from tests.integration.probes import plugin
from tests.integration.test_ci_job import BIN, PLAYBOOKS, ansible_environment
from tests.sshd_hosts import SshdHost, needs_hosts, sshd_hosts

pytestmark = [*needs_hosts, pytest.mark.full]  # Ansible takes a second for each task on each host

PLUGIN = """
def greet(stack):
    print(stack.settings["THIS_HOST"], "says", stack.settings["GREETING"], flush=True)

@hookimpl
def stack_install(stack):
    if stack.settings["THIS_HOST"] == "controller":
        yield async_wait("greeting@compute1")
        yield run(greet)
    else:
        yield async_run("greeting", greet)
        yield async_wait("greeting")
"""

NODES = ("controller", "compute1")


def inventory(hosts: dict[str, SshdHost], output: Path) -> dict[str, object]:
    """Return Zuul's inventory of a nodeset of DevStack's, with variables of the group `subnode`."""
    common = {
        "ansible_user": "root",
        "ansible_python_interpreter": sys.executable,
        "doitstack_python": sys.executable,
        "doitstack_venv": sys.prefix,
        "devstack_localrc": {"GREETING": "hello", "ADMIN_PASSWORD": "verysecret"},
        "devstack_services": {"base": False},
    }
    nodes = {
        name: {
            "ansible_host": hosts[name].address,
            "nodepool": {"private_ipv4": hosts[name].address},
            "zuul_output_dir": str(output / name),
        }
        for name in NODES
    }
    subnode = {"devstack_localrc": {"GREETING": "good morning", "ADMIN_PASSWORD": "verysecret"}}
    groups = {
        "compute": {"hosts": dict.fromkeys(NODES)},
        "subnode": {"hosts": {"compute1": None}, "vars": subnode},
    }
    return {"all": {"hosts": nodes, "vars": common, "children": groups}}


def test_job_stacks_a_controller_and_a_subnode(tmp_path: Path) -> None:
    output = tmp_path / "output"
    with sshd_hosts(tmp_path, "executor", *NODES) as hosts:
        drop_in = hosts["controller"].home / "stack/extras.d/50-demo.py"
        drop_in.parent.mkdir(parents=True)
        drop_in.write_text(plugin(PLUGIN))
        known = tmp_path / "inventory.json"
        known.write_text(json.dumps(inventory(hosts, output)))
        environ = {
            **ansible_environment(),
            "HOME": str(hosts["executor"].home),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": "/run/ansible",  # the path of a socket is short
        }
        words = [f"{name}={value}" for name, value in environ.items()]
        for name in ("run", "post"):
            play = [str(BIN / "ansible-playbook"), "-v", "-i", str(known)]
            said = hosts["executor"].run("env", *words, *play, str(PLAYBOOKS / f"{name}.yaml"))
            assert "verysecret" not in said
    logs = {name: output / name / "logs/doitstack" for name in NODES}
    log = (logs["controller"] / "stack.log").read_text()
    assert log.index("finished greeting on compute1") < log.index("controller says hello")
    assert "compute1 says good morning" in (logs["compute1"] / "stack.log").read_text()
    assert {"timing.html", "junit.xml"} <= {path.name for path in logs["compute1"].iterdir()}
