"""The `openstack` command with and without the server, on real services: the same output.

The services are the smallest stack, and one that is added to it. Their packages come from the
package index, or from uv's cache.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import fork_server
from tests.conftest import Outcome, StackDir, stack_dirs
from tests.e2e.samples import check_ports, check_told, make_sample, processes

pytestmark = pytest.mark.timeout(1800)

VALUE = ("-f", "value")

GOOD = [
    ("project", "list"),
    ("user", "show", "admin", "-f", "json"),
    ("token", "issue"),
    ("--version",),
    ("project", "list", "--help"),
    ("-v", "project", "list", *VALUE),
]
MORE_GOOD = [
    ("project", "list", "-f", "json"),
    ("project", "list", "-f", "csv", "--quote", "all"),
    ("project", "list", "-f", "yaml", "--long"),
    ("project", "list", *VALUE, "-c", "Name"),
    ("project", "list", "--sort-column", "Name", "--max-width", "40"),
    ("project", "show", "demo"),
    ("project", "show", "demo", "-f", "shell", "--prefix", "p_"),
    ("user", "list"),
    ("user", "list", "--project", "demo", "--sort-column", "Name"),
    ("role", "list"),
    ("role", "show", "admin"),
    ("role", "assignment", "list", "--names"),
    ("role", "assignment", "list", "--user", "demo", "--names", *VALUE),
    ("domain", "list"),
    ("domain", "show", "default"),
    ("group", "list"),
    ("group", "contains", "user", "admins", "admin"),
    ("group", "contains", "user", "admins", "demo"),
    ("service", "list", "--long"),
    ("service", "show", "keystone"),
    ("endpoint", "list"),
    ("endpoint", "list", "--service", "identity", *VALUE),
    ("catalog", "list"),
    ("catalog", "show", "identity"),
    ("region", "list"),
    ("credential", "list"),
    ("application", "credential", "list"),
    ("access", "rule", "list"),
    ("policy", "list"),
    ("trust", "list"),
    ("limit", "list"),
    ("registered", "limit", "list"),
    ("image", "list"),
    ("versions", "show"),
    ("configuration", "show"),
    ("configuration", "show", "--mask"),
    ("command", "list", *VALUE),
    ("module", "list"),
    ("extension", "list", "--identity"),
    ("token", "issue", *VALUE, "-c", "project_id"),
    ("help", "project", "create"),
    ("complete",),
    ("-q", "project", "list", *VALUE),
]

BAD = [
    ("projct", "list"),
    ("--os-password", "wrong", "token", "issue"),
]
MORE_BAD = [
    ("nosuch",),
    ("project", "show"),
    ("project", "show", "nosuch"),
    ("project", "list", "--nosuch"),
    ("user", "show", "nosuch", "-f", "json"),
    ("project", "list", "-c", "Nosuch"),
    ("--os-cloud", "nosuch", "project", "list"),
    ("--os-auth-url", "http://127.0.0.1:9/v3", "token", "issue"),
    ("--os-cloud", "devstack", "user", "list"),
    ("server", "list"),
]

DATA = "head -c 3000000 /dev/urandom >data"
IMAGE = "{} image create --disk-format raw -f value -c size -c status"
PIPED = {
    "commands on stdin": "printf 'project list -f value -c Name\\nrole list -f value\\n' | {}",
    "a reader that leaves": "{} command list 2>&1 | head -2",
    "both in one": "{} project show nosuch > out 2>&1; echo $?; cat out",
    "no cloud": "unset OS_CLOUD OS_CLIENT_CONFIG_FILE; cd /; {} project list",
    "an image by a pipe":
        f"{DATA}; cat data | {IMAGE} i$$; {{}} image save i$$ --file out; cmp out data",
}  # fmt: skip
MORE_PIPED = {
    "in the background": "{} project list -f value & wait $!; echo $?",
    "output to a file": "{} project list > out; echo $?; cat out",
    "in a substitution": 'echo "id $({} project show demo -f value -c name)"',
    "other cloud by environment": "OS_CLOUD=devstack-alt {} token issue -f value -c project_id",
    "clouds.yaml in the working directory":
        "unset OS_CLIENT_CONFIG_FILE; cp $CLOUDS clouds.yaml; {} project list -f value -c Name",
    "an image by stdin":
        f"{DATA}; {IMAGE} i1 <data; {{}} image save i1 | cmp - data; {{}} image delete i1",
    "an image by a file":
        f"{DATA}; {IMAGE} i3 --file data; {{}} image delete i3; {{}} image show i3",
    "under timeout": "timeout -s INT 20 {} project list -f value; echo $?",
}  # fmt: skip

PROJECTS = [
    ("project", "create", "p1", "--description", "ü and 'quotes'"),
    ("project", "create", "p1"),
    ("project", "delete", "p1", "nosuch"),
]
USERS = [
    ("project", "create", "p3"),
    ("project", "create", "p3", "--or-show"),
    ("project", "set", "p3", "--name", "p4"),
    ("user", "create", "u1", "--password", "pw", "--project", "p4"),
    ("role", "add", "member", "--user", "u1", "--project", "p4"),
    ("role", "remove", "member", "--user", "u1", "--project", "p4"),
    ("user", "delete", "u1"),
    ("project", "delete", "p4"),
]


def and_in_full(cases: Iterable[Any], more: Iterable[Any]) -> list[Any]:
    """Return all cases; those of `more` run in full only, as a real call takes a second of CPU.

    `cases` has one of each kind: what it prints and how, where it reads from, how it fails.
    """
    return [*cases, *(pytest.param(one, marks=pytest.mark.full) for one in more)]


@dataclass(frozen=True)
class Added:
    """A stack, to which a service was added: its Keystone before that, and how the run ended."""

    stack: StackDir
    before: tuple[int, set[str]]
    outcome: Outcome


@pytest.fixture(scope="module")
def added(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Added]:
    """The smallest stack, to which glance was added."""
    top = tmp_path_factory.mktemp("warm")
    with stack_dirs(top) as make:
        stack = make_sample(make, "identity", top / "home", "disable_service tempest\n")
        stack.run("stack", timeout=1500).ok()
        before = processes(stack)["keystone"]
        conf = stack.path / "local.conf"
        conf.write_text(conf.read_text() + "enable_service g-api\n")
        yield Added(stack, before, stack.run("stack", timeout=400).ok())
        stack.run("clean")


@pytest.fixture(scope="module")
def up(added: Added) -> StackDir:
    """A keystone and a glance, and their `openstack` warm."""
    command = fork_server.Options("", str(added.stack.dest / "warm"), "openstack")
    deadline = time.monotonic() + 250
    while not fork_server.is_ready(command):
        assert time.monotonic() < deadline, log(added.stack)
        time.sleep(0.1)
    return added.stack


def log(directory: StackDir) -> str:
    return (directory.dest / "logs" / "warm-openstack.log").read_text()


def programs(directory: StackDir) -> tuple[str, str]:
    real = directory.dest / "venvs" / "keystone" / "bin" / "openstack"
    return str(directory.dest / "bin" / "openstack"), str(real)


def run(directory: StackDir, words: list[str], cwd: Path) -> tuple[int, str, str]:
    clouds = str(directory.dest / "clouds.yaml")
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(cwd),
        "OS_CLIENT_CONFIG_FILE": clouds,
        "CLOUDS": clouds,
        "OS_CLOUD": "devstack-admin",
    }
    done = subprocess.run(words, env=env, cwd=cwd, capture_output=True, text=True, check=False)
    return done.returncode, masked(done.stdout), masked(done.stderr)


def masked(text: str) -> str:
    """Hide what is new at each call: tokens, times, new ids, request ids."""
    text = re.sub(r"gAAAA[\w-]+", "TOKEN", text)
    text = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[+\d:Z]*", "TIME", text)
    return re.sub(r"req-[0-9a-f-]{36}", "REQUEST", text)


def same(up: StackDir, words: tuple[str, ...], cwd: Path) -> tuple[int, str, str]:
    mine, real = (run(up, [program, *words], cwd) for program in programs(up))
    assert mine == real
    return mine


def test_only_the_steps_of_an_added_service_run(added: Added) -> None:
    """Keystone keeps running; apart from checks, only steps of the new service run."""
    stack = added.stack
    check_told(stack, added.outcome.out, "key", "g-api")
    check_ports(stack, {"keystone": "KEYSTONE_SERVICE_PORT", "g-api": "GLANCE_SERVICE_PORT"})
    assert processes(stack)["keystone"] == added.before

    # Checks, the import of the SDK, and steps that write addresses for clients, run each time.
    looks = {"check_keystone_port", "put_openstack", "warm_openstack", "configure_keystone"}
    looks |= {"start_keystone", "import_sdk", "wait_for_keystone", "write_clouds"}
    looks |= {"restart_keystone"}
    ran = [event for event in added.outcome.journal if event["event"] == "step_start"]
    again = {
        one["step"] for one in ran if one["plugin"] == "keystone" and one["kind"] != "async_wait"
    }
    assert again <= looks
    assert {"install_glance", "init_glance", "create_glance_accounts", "start_glance"} <= {
        event["step"] for event in ran
    }


@pytest.mark.parametrize("words", and_in_full(GOOD, MORE_GOOD), ids=" ".join)
def test_what_works_is_the_same(up: StackDir, words: tuple[str, ...], tmp_path: Path) -> None:
    assert same(up, words, tmp_path)[0] == 0


@pytest.mark.full
def test_the_help_is_the_same_but_for_its_order(up: StackDir, tmp_path: Path) -> None:
    mine, real = (run(up, [program, "--help"], tmp_path) for program in programs(up))
    # Which option comes first, and so where lines are broken, is another at each real call.
    assert sorted("".join(mine[1].split())) == sorted("".join(real[1].split()))


@pytest.mark.parametrize("words", and_in_full(BAD, MORE_BAD), ids=" ".join)
def test_what_fails_is_the_same(up: StackDir, words: tuple[str, ...], tmp_path: Path) -> None:
    assert same(up, words, tmp_path)[0] != 0


@pytest.mark.parametrize("name", and_in_full(PIPED, MORE_PIPED))
def test_in_a_shell_it_is_the_same(up: StackDir, name: str, tmp_path: Path) -> None:
    script = (PIPED | MORE_PIPED)[name]
    mine, real = (
        run(up, ["bash", "-c", script.replace("{}", program)], tmp_path) for program in programs(up)
    )
    assert mine == real


@pytest.mark.parametrize("commands", and_in_full([PROJECTS], [USERS]), ids=["projects", "users"])
def test_changes_are_the_same(
    up: StackDir, commands: list[tuple[str, ...]], tmp_path: Path
) -> None:
    stories = []
    for program in programs(up):
        story = []
        for words in commands:
            code, out, err = run(up, [program, *words], tmp_path)
            ids = re.compile(r"\b[0-9a-f]{32}\b")
            story.append((code, ids.sub("ID", out), ids.sub("ID", err)))
        stories.append(story)
    assert stories[0] == stories[1]


@pytest.mark.parametrize("name", and_in_full(["INT"], ["TERM", "KILL"]))
def test_a_kill_is_the_same(up: StackDir, name: str, tmp_path: Path) -> None:
    # The address takes the connection and never answers.
    script = (
        "import socket,subprocess,sys,signal\n"
        "s=socket.socket(); s.bind(('127.0.0.1',0)); s.listen()\n"
        "url='http://127.0.0.1:%d/v3' % s.getsockname()[1]\n"
        "p=subprocess.Popen([sys.argv[1],'--os-auth-url',url,'token','issue'],"
        "stderr=subprocess.DEVNULL)\n"
        "s.accept(); p.send_signal(getattr(signal,'SIG'+sys.argv[2])); print(p.wait())\n"
    )
    mine, real = (
        run(up, ["python3", "-c", script, program, name], tmp_path) for program in programs(up)
    )
    assert mine == real


def test_the_server_has_answered(up: StackDir, tmp_path: Path) -> None:
    """After all this it still does, and it has left nothing to the command that it need not."""
    assert run(up, [programs(up)[0], "--version"], tmp_path)[0] == 0
    assert "left to the real command" not in log(up)


def test_scripts_of_the_run_find_it_first(up: StackDir) -> None:
    script = up.path / "extras.d" / "50-where.sh"
    script.parent.mkdir(exist_ok=True)
    script.write_text('[[ $1 != stack || $2 != extra ]] || echo "found: $(command -v openstack)"\n')
    found = up.run("stack", timeout=200).ok().out
    assert f"found: {programs(up)[0]}" in found


EXTENSION = """\
from osc_lib.command import command

API_NAME = "almanac"
API_VERSION_OPTION = "os_almanac_api_version"
API_VERSIONS = {"1": ""}
DEFAULT_API_VERSION = "1"


def make_client(instance):
    pass


def build_option_parser(parser):
    return parser


class ListDays(command.Lister):
    def take_action(self, parsed_args):
        return ("Day",), [("monday",)]
"""
ENTRY_POINTS = """\
[openstack.cli.extension]
almanac = almanac_osc
[openstack.almanac.v1]
day_list = almanac_osc:ListDays
"""


def test_commands_that_a_script_installs_are_there(up: StackDir, tmp_path: Path) -> None:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = up.dest / "venvs" / "stack" / "lib" / version / "site-packages"
    info = packages / "almanac_osc-1.dist-info"
    info.mkdir(parents=True)
    (packages / "almanac_osc.py").write_text(EXTENSION)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: almanac-osc\nVersion: 1\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    words, days = ("day", "list", *VALUE), (0, "monday\n", "")
    assert same(up, words, tmp_path) == days
    deadline = time.monotonic() + 250
    while not log(up).endswith("changed\nready\n"):
        assert time.monotonic() < deadline, log(up)
        time.sleep(0.1)
    assert run(up, [programs(up)[0], *words], tmp_path) == days
    assert log(up).endswith("ready\n")


def test_it_ends_with_unstack(up: StackDir, tmp_path: Path) -> None:
    up.run("unstack").ok()
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert str(up.dest) not in listed.stdout
    assert run(up, [programs(up)[0], "--version"], tmp_path)[0] == 0
