"""The `openstack` command by the server and by itself, on real services: the same, word for word.

Its packages come from the package index, or from uv's cache.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import StackDir, clean_environment, user_caches
from tests.e2e.test_default_stack import free_port

pytestmark = pytest.mark.timeout(900)

VALUE = ("-f", "value")

GOOD = [
    ("project", "list"),
    ("project", "list", "-f", "json"),
    ("project", "list", "-f", "csv", "--quote", "all"),
    ("project", "show", "demo", "-f", "shell", "--prefix", "p_"),
    ("user", "show", "admin", "-f", "json"),
    ("role", "assignment", "list", "--names"),
    ("endpoint", "list", "--service", "identity", *VALUE),
    ("versions", "show"),
    ("token", "issue"),
    ("image", "list"),
    ("--version",),
    ("project", "list", "--help"),
    ("-v", "project", "list", *VALUE),
]
MORE_GOOD = [
    ("project", "list", "-f", "yaml", "--long"),
    ("project", "list", *VALUE, "-c", "Name"),
    ("project", "list", "--sort-column", "Name", "--max-width", "40"),
    ("project", "show", "demo"),
    ("user", "list"),
    ("user", "list", "--project", "demo", "--sort-column", "Name"),
    ("role", "list"),
    ("role", "show", "admin"),
    ("role", "assignment", "list", "--user", "demo", "--names", *VALUE),
    ("domain", "list"),
    ("domain", "show", "default"),
    ("group", "list"),
    ("group", "contains", "user", "admins", "admin"),
    ("group", "contains", "user", "admins", "demo"),
    ("service", "list", "--long"),
    ("service", "show", "keystone"),
    ("endpoint", "list"),
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
    ("project", "show", "nosuch"),
    ("project", "list", "--nosuch"),
    ("--os-cloud", "nosuch", "project", "list"),
    ("--os-password", "wrong", "token", "issue"),
]
MORE_BAD = [
    ("nosuch",),
    ("project", "show"),
    ("user", "show", "nosuch", "-f", "json"),
    ("project", "list", "-c", "Nosuch"),
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
    "in the background": "{} project list -f value & wait $!; echo $?",
    "an image by a pipe":
        f"{DATA}; cat data | {IMAGE} i2; {{}} image save i2 --file out; cmp out data; "
        "{} image delete i2",
}  # fmt: skip
MORE_PIPED = {
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

CHANGING = [
    ("project", "create", "p1", "--description", "ü and 'quotes'"),
    ("project", "create", "p1"),
    ("project", "create", "p1", "--or-show"),
    ("project", "set", "p1", "--name", "p2"),
    ("user", "create", "u1", "--password", "pw", "--project", "p2"),
    ("role", "add", "member", "--user", "u1", "--project", "p2"),
    ("role", "remove", "member", "--user", "u1", "--project", "p2"),
    ("user", "delete", "u1"),
    ("project", "delete", "p2", "nosuch"),
]


def and_in_full(cases: Iterable[Any], more: Iterable[Any]) -> list[Any]:
    """Return all cases; those of `more` run in full only, as a real call takes a second of CPU."""
    return [*cases, *(pytest.param(one, marks=pytest.mark.full) for one in more)]


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackDir]:
    """A keystone and a glance, and their `openstack` warm."""
    top = tmp_path_factory.mktemp("warm")
    made = StackDir(
        top / "stack",
        {},
        clean_environment(
            ENABLED_SERVICES="key,g-api",
            KEYSTONE_SERVICE_PORT=str(free_port()),
            GLANCE_SERVICE_PORT=str(free_port()),
            HOME=str(top),
            **user_caches(),
        ),
    )
    try:
        made.run("stack", timeout=800).ok()
        deadline = time.monotonic() + 60
        while not (made.dest / "warm" / "openstack.sock").exists():
            assert time.monotonic() < deadline, log(made)
            time.sleep(0.1)
        yield made
    finally:
        made.run("clean")


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


@pytest.mark.parametrize("words", and_in_full(GOOD, MORE_GOOD), ids=" ".join)
def test_what_works_is_the_same(up: StackDir, words: tuple[str, ...], tmp_path: Path) -> None:
    assert same(up, words, tmp_path)[0] == 0


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


def test_changes_are_the_same(up: StackDir, tmp_path: Path) -> None:
    stories = []
    for program in programs(up):
        story = []
        for words in CHANGING:
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
    words = ("day", "list", *VALUE)
    assert same(up, words, tmp_path) == (0, "monday\n", "")
    deadline = time.monotonic() + 60
    while not log(up).endswith("changed\nready\n"):
        assert time.monotonic() < deadline, log(up)
        time.sleep(0.1)
    assert same(up, words, tmp_path) == (0, "monday\n", "")
    assert log(up).endswith("ready\n")


def test_it_ends_with_unstack(up: StackDir, tmp_path: Path) -> None:
    up.run("unstack").ok()
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert str(up.dest) not in listed.stdout
    assert run(up, [programs(up)[0], "--version"], tmp_path)[0] == 0
