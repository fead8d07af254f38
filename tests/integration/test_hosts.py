"""A stack of several hosts. They are directories of this machine, which an `ssh` leads to."""

import json
import os
import re
import signal
import subprocess
import uuid
from pathlib import Path

import pytest

from tests.conftest import MakeStackDir, StackDir, user_caches
from tests.integration.probes import marked, plugin, wait_until
from tests.near_hosts import near_hosts

PLUGIN = """
def say(stack, *words):
    print(*words, flush=True)

def slow(stack):
    Path("slow").touch()
    time.sleep(600)

@hookimpl
def stack_install(stack):
    here = stack.settings["THIS_HOST"]
    if here == "controller":
        yield async_run("accounts", say, "accounts are made")
        yield async_wait("accounts")
        yield async_wait("compute@one", "compute@two")
        yield run(say, "discover")
    else:
        yield async_run("compute", say, "compute of", here, wait=["accounts@controller"])
        yield async_wait("compute")
        if here == "two":
            yield async_wait("compute@one")
        if stack.settings.get("SLOW") == here:
            yield run(slow)
"""

LATE = """
@hookimpl
def stack_test_config(stack):
    if stack.settings["THIS_HOST"] == "controller":
        yield async_run("late", print)
"""

BASH = """
if [[ $1 == stack && $2 == extra ]]; then
    if [[ $THIS_HOST == controller ]]; then
        async_wait in_bash@one
        echo "waited for bash: $?"
    else
        there() { echo "in bash on $THIS_HOST, host $SERVICE_HOST"; }
        async_run in_bash there
        async_wait in_bash
    fi
fi
"""

CONF = """\
[[local|localrc]]
ENABLED_SERVICES=,
HOSTS=one,two
HOST_IP=192.0.2.1
[[local:two|localrc]]
ONLY_TWO=yes
"""


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the hosts of all tests keep the environment that they are given."""
    return tmp_path_factory.mktemp("environments")


@pytest.fixture
def stack(tmp_path: Path, stack_dir: MakeStackDir, environments: Path) -> StackDir:
    """A stack of a controller and two hosts."""
    files = {"extras.d/50-demo.py": plugin(PLUGIN)}
    environ = {**near_hosts(tmp_path, "one", "two", environments=environments), **user_caches()}
    made = stack_dir({**files, "local.conf": CONF}, **environ)
    del made.environ["ENABLED_SERVICES"]
    return made


def home(stack: StackDir, host: str) -> Path:
    return stack.path.parent / "homes" / host


def test_hosts_stack_side_by_side_and_wait_for_one_another(
    stack: StackDir, environments: Path
) -> None:
    (stack.path / "extras.d/60-bash.sh").write_text(BASH)
    out = stack.run("stack", timeout=600).ok().out
    one, two = stack.log("stack@one"), stack.log("stack@two")
    assert "accounts are made" in out
    assert out.index("compute@two:0]: finished") < out.index("\ndiscover\n")
    assert "compute of one" in one
    assert "waited for bash: 0" in out
    assert "in bash on two, host 192.0.2.1" in two
    assert "doit stack: done" in one
    names = {row["future"] for row in json.loads(stack.run("futures", "--json").ok().out)}
    assert {"accounts", "compute@one", "compute@two", "stack@one", "stack@two"} <= names
    assert stack.run("log", "compute@one").ok().lines == ["compute of one"]
    assert "accounts are made" in stack.run("log", "accounts@controller").ok().out
    missing = stack.run("log", "nothing@one").failed(3).out
    assert "one has no log of nothing" in missing, "though nothing here knows what one runs"
    listed = stack.run("services").ok().out
    assert re.search(r"one:\nno services\n.*two:\nno services", listed, re.DOTALL), listed
    again = stack.run("stack").ok().out
    assert "bringing doitstack" not in again + stack.log("stack@one")
    conf = home(stack, "two") / "doitstack/two/local.conf"
    assert "ONLY_TWO=yes" in conf.read_text()
    assert conf.stat().st_mode & 0o077 == 0

    one_alone = subprocess.run(
        [next(environments.glob("*/bin/doit")), "-a", "stack"],
        cwd=home(stack, "one") / "doitstack/one",
        env={**stack.environ, "HOME": str(home(stack, "one"))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert one_alone.returncode == 0, one_alone.stdout
    assert "not waiting for accounts@controller" in one_alone.stdout
    assert "compute of one" in one_alone.stdout

    assert re.search(r"doit unstack: done .*/doitstack/two/", stack.run("unstack").ok().out)
    cleaned = stack.run("clean").ok().out
    assert not (home(stack, "one") / "doitstack/one/.stack").exists(), cleaned


def test_plan_shows_all_hosts(stack: StackDir) -> None:
    steps = json.loads(stack.run("plan", "--json").ok().out)
    compute = [step for step in steps if step["step"] == "compute"]
    waits = {step["host"]: step["waits"] for step in compute}
    assert waits == {"one": ["accounts@controller"], "two": ["accounts@controller"]}
    assert "accounts@controller" in stack.run("plan").ok().out


def test_failure_elsewhere_fails_the_stack_and_is_named(stack: StackDir) -> None:
    broken = PLUGIN.replace('say, "compute of", here', "lambda _: os._exit(3)")
    (stack.path / "extras.d/50-demo.py").write_text(plugin(broken))
    out = stack.run("stack").failed(1).out
    assert re.search(r"FAILED( after|:) .*compute@(one|two)", out), out


def test_host_that_does_not_answer_is_named_and_the_others_are_torn_down(stack: StackDir) -> None:
    stack.run("stack").ok()
    home(stack, "one").rename(home(stack, "gone"))
    out = stack.run("unstack").failed(1).out
    assert "there is no connection to one: ssh has ended with code 255; ssh to one must" in out
    assert re.search(r"doit unstack: done .*/doitstack/two/", out)
    assert "one:\nthere is no connection to one: " in stack.run("services").ok().out
    listed = stack.run("services", "--json").ok().out
    (lost,) = json.loads(listed[listed.index("[") :])
    assert lost["host"] == "one"
    assert "there is no connection to one: " in lost["error"]


@pytest.mark.parametrize("how", ["SIGINT", "SIGKILL"])
def test_nothing_of_a_run_outlives_it_on_any_host(stack: StackDir, how: str) -> None:
    conf, mark = stack.path / "local.conf", uuid.uuid4().hex
    conf.write_text(f"{CONF}[[local:one|localrc]]\nSLOW=one\n")
    run = stack.start("stack", TEST_MARK=mark)
    wait_until((home(stack, "one") / "doitstack/one/slow").exists, "the slow step on one")
    assert len(marked(mark)) > 5
    os.kill(run.pid, getattr(signal, how))
    run.communicate()
    wait_until(lambda: not marked(mark), "their ends")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("never@controller", "nothing on controller has started never"),
        ("late@controller", "nothing on controller has started late"),
        ("never@two", "the run on two has ended without it"),
    ],
)
def test_wait_for_what_no_other_host_starts_fails(stack: StackDir, name: str, why: str) -> None:
    # The check of the plan knows no computed names.
    script = f"[[ $1$2$THIS_HOST != stackextraone ]] || {{ name={name}; async_wait $name; }}\n"
    (stack.path / "extras.d/60-bash.sh").write_text(script)
    (stack.path / "extras.d/70-late.py").write_text(plugin(LATE))
    out = stack.run("stack").failed(1).out
    assert "FAILED" in out
    assert f"future {name}: {why}" in out
