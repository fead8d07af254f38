"""The job for Zuul: valid for Zuul and ansible-lint, and run against this machine."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import CHECKOUT, DOIT, StackDir, clean_environment

BIN = Path(sys.executable).parent
PLAYBOOKS = CHECKOUT / "playbooks" / "doitstack"

JOB_ATTRIBUTES = CHECKOUT / "tests" / "data" / "zuul_job_attributes"
"""The attributes of a job: https://zuul-ci.org/docs/zuul/latest/config/job.html"""

PLUGIN = """\
if [[ "$1 $2" == "stack install" ]]; then
    fetch_demo() {
        echo "fetching for $GREETING"
        echo "$SPECIAL_1 $SPECIAL_2 $SPECIAL_3 $SPECIAL_4"
    }
    async_run fetch_demo fetch_demo
    mkdir -p "$(dirname "$DEMO_CONF")"
elif [[ "$1 $2" == "stack post-config" ]]; then
    async_wait fetch_demo
    if is_service_enabled demo-broken; then
        echo "demo is broken"
        false
    fi
fi
"""


def ansible_environment() -> dict[str, str]:
    return clean_environment(
        ANSIBLE_ROLES_PATH=str(CHECKOUT / "roles"),
        LC_ALL="C.UTF-8",
        ANSIBLE_LOCALHOST_WARNING="0",
        ANSIBLE_PIPELINING="1",
    )


def test_job_is_what_zuul_takes() -> None:
    items = yaml.safe_load((CHECKOUT / ".zuul.yaml").read_text())
    jobs = {item["job"]["name"]: item["job"] for item in items if "job" in item}
    project = next(item["project"] for item in items if "project" in item)

    assert set(jobs) == {"doitstack", "doitstack-multinode"}
    for one in jobs.values():
        assert set(one) <= set(JOB_ATTRIBUTES.read_text().split())
    for attribute in ("pre-run", "run", "post-run"):
        assert (CHECKOUT / jobs["doitstack"][attribute]).is_file()
    assert all(set(pipeline["jobs"]) == set(jobs) for pipeline in project.values())


def test_ansible_lint_passes(tmp_path: Path) -> None:
    answer = subprocess.run(
        [BIN / "ansible-lint", "--offline", "--profile=production", "--strict", "-q",
         ".zuul.yaml", "roles", "playbooks"],
        cwd=CHECKOUT,
        env={**ansible_environment(), "HOME": str(tmp_path), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stdout + answer.stderr


SPECIAL = (r"x\.y", "~/z", "'q'", "(a)")
"""Values that bash would change without double quotes."""

NODES: dict[str, dict[str, Any]] = {
    "good": {
        "devstack_localrc": {
            "GREETING": "hello $NOBODY world",
            "NOBODY": "whole",
            **{f"SPECIAL_{number}": value for number, value in enumerate(SPECIAL, start=1)},
            "ADMIN_PASSWORD": "verysecret",
        },
        "devstack_services": {"base": False, "demo": True},
        "devstack_local_conf": {"post-config": {"$DEMO_CONF": {"DEFAULT": {"debug": True}}}},
        "doitstack_tasks": ["stack", "unstack"],
    },
    "bad": {
        "devstack_localrc": {"GREETING": "you"},
        "devstack_services": {"base": False, "demo-broken": True},
    },
    "mistaken": {
        "devstack_localrc": {"ADMIN_PASSWORD": ["verysecret"]},
        "devstack_plugins": {},
    },
}
"""The variables of the job on each node."""


class Node:
    """This machine as a node of Zuul: its directories, and the variables of the job."""

    def __init__(self, path: Path, variables: dict[str, Any]) -> None:
        self.path = path
        self.dest = path / "stack" / ".stack"
        self.collected = path / "output" / "logs" / "doitstack"
        demo = path / "src" / "example.org" / "demo"
        self._write(demo / "devstack" / "plugin.sh", PLUGIN)
        self._write(demo / "devstack" / "settings", "DEMO_CONF=$DATA_DIR/demo.conf\n")
        git = ["git", "-C", str(demo), "-c", "user.name=t", "-c", "user.email=t@example.org"]
        for command in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "demo"]):
            subprocess.run([*git, *command], check=True)
        project = {
            "short_name": "demo",
            "required": True,
            "checkout": "main",
            # Zuul gives it below the home directory.
            "src_dir": os.path.relpath(demo, Path("~").expanduser()),
        }
        self.variables = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "doitstack_source": str(CHECKOUT),
            "doitstack_python": sys.executable,
            "doitstack_venv": str(path.parent / "venv"),
            "doitstack_dir": str(path / "stack"),
            "zuul_output_dir": str(path / "output"),
            "zuul": {"projects": {"example.org/demo": project}, "project": project},
            "devstack_plugins": {"demo": "https://example.invalid/demo main"},
            **variables,
        }

    def _write(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def collected_files(self) -> set[str]:
        files = (path.relative_to(self.collected) for path in self.collected.rglob("*"))
        return {str(path) for path in files if not str(path).startswith("runs/")}


class Job:
    """The job on all nodes at once, since Ansible takes long to start and to build each module."""

    def __init__(self, root: Path) -> None:
        self._facts = root / "facts"
        self._inventory = root / "inventory.json"
        self.nodes = {name: Node(root / name, variables) for name, variables in NODES.items()}
        hosts = {name: node.variables for name, node in self.nodes.items()}
        self._inventory.write_text(json.dumps({"all": {"hosts": hosts}}))
        self.said: dict[str, str] = {}

    def play(self, name: str, nodes: str = "all") -> None:
        """Run a playbook of the job."""
        answer = subprocess.run(
            [BIN / "ansible-playbook", "-v", "-i", self._inventory, "--limit", nodes,
             PLAYBOOKS / f"{name}.yaml"],
            env={
                **ansible_environment(),
                # The facts of this machine are gathered once.
                "ANSIBLE_GATHERING": "smart",
                "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
                "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(self._facts),
                # What doitstack needs, here and to be built, is there and not installed once more.
                "PYTHONPATH": sysconfig.get_path("purelib"),
                "PIP_NO_BUILD_ISOLATION": "0",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        self.said[name] = answer.stdout + answer.stderr

    def share_facts(self, name: str) -> None:
        """Copy the facts of one node to the others, since all nodes are this machine."""
        (facts,) = self._facts.iterdir()
        for other in self.nodes.keys() - {name}:
            shutil.copy(facts, facts.with_name(facts.name.replace(name, other)))

    def has_failed(self, playbook: str, node: str) -> bool:
        """Return whether a playbook failed on a node, according to Ansible's recap."""
        (counts,) = re.findall(rf"(?m)^{node} +: (ok=.*)$", self.said[playbook])
        return "failed=0 " not in counts

    def failure(self, playbook: str, node: str) -> str:
        """Return the message of the task that failed on a node."""
        (line,) = re.findall(rf"(?m)^fatal: \[{node}\]: .*$", self.said[playbook])
        return line


def put_doit(venv: Path) -> None:
    """Put doit's program into `venv`: doit itself is borrowed like all that doitstack needs."""
    _, _, program = Path(DOIT).read_text().partition("\n")
    (venv / "bin" / "doit").write_text(f"#!{venv}/bin/python\n{program}")
    (venv / "bin" / "doit").chmod(0o755)


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    """The job after its end, on nodes that share the doitstack that its own playbook installed."""
    root = tmp_path_factory.mktemp("nodes")
    made = Job(root)
    try:
        made.play("pre", "good")
        assert not made.has_failed("pre", "good"), made.said["pre"]
        put_doit(root / "venv")
        made.share_facts("good")
        made.play("run")
        made.play("post")
        yield made
    finally:
        for node in made.nodes.values():
            StackDir(node.path / "stack", {"pyproject.toml": ""}, clean_environment()).clear_away()


def test_job_stacks_and_collects(job: Job) -> None:
    node = job.nodes["good"]
    assert not job.has_failed("run", "good"), job.said["run"]
    assert (node.dest / "data" / "demo.conf").read_text().split() == [
        "[DEFAULT]", "debug", "=", "True"
    ]  # fmt: skip
    log = (node.dest / "logs" / "stack.log").read_text()
    assert f"fetching for hello whole world\n{' '.join(SPECIAL)}\n" in log
    local_conf = node.path / "stack" / "local.conf"
    assert local_conf.stat().st_mode & 0o777 == 0o600
    assert "LIBS_FROM_GIT=demo\n" in local_conf.read_text()

    assert not job.has_failed("post", "good"), job.said["post"]
    assert node.collected_files() >= {
        "stack.log", "runs", "timing.html", "junit.xml", "trace.json"
    }  # fmt: skip
    # For the user who fetches them.
    modes = {path.stat().st_mode & 0o777 for path in node.collected.rglob("*") if path.is_file()}
    assert modes == {0o644}


def test_job_reports_the_last_run_of_each_task(job: Job) -> None:
    node = job.nodes["good"]
    assert len(list((node.collected / "runs").glob("*.jsonl"))) == 2
    assert "fetch_demo" in (node.collected / "junit.xml").read_text()
    assert "fetch_demo" not in (node.collected / "junit-unstack.xml").read_text()
    assert {"timing-unstack.html", "trace-unstack.json"} < node.collected_files()


def test_job_shows_no_secret(job: Job) -> None:
    assert "verysecret" not in "".join(job.said.values())
    collected = (path for node in job.nodes.values() for path in node.collected.rglob("*"))
    assert "verysecret" not in "".join(
        path.read_text(errors="replace") for path in collected if path.is_file()
    )


def test_job_collects_after_a_failure(job: Job) -> None:
    node = job.nodes["bad"]
    assert "demo is broken" in job.failure("run", "bad")
    assert not job.has_failed("post", "bad"), job.said["post"]
    assert {"stack.log", "async/fetch_demo.log", "timing.html", "junit.xml"} <= (
        node.collected_files()
    )
    assert "<failure" in (node.collected / "junit.xml").read_text()
    assert (node.collected / "async").stat().st_mode & 0o777 == 0o755


def test_mistake_in_the_variables_is_reported_before_anything_runs(job: Job) -> None:
    node = job.nodes["mistaken"]
    told = "devstack_localrc.ADMIN_PASSWORD: must be text, not a list"
    assert told in job.failure("run", "mistaken")
    assert not node.dest.exists()
    # Nothing has run, so there is nothing to collect.
    assert not job.has_failed("post", "mistaken"), job.said["post"]
    assert node.collected_files() == set()
