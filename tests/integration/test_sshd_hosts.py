"""A stack of several hosts with a network, processes and an sshd of their own."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.campaign.kill_victims import read
from tests.conftest import MakeStackDir, StackDir, stack_dirs, user_caches
from tests.integration.bash.repositories import Repository, saying
from tests.integration.probes import is_dead, marked, plugin, wait_until
from tests.sshd_hosts import SshdHost, needs_hosts, sshd_hosts

pytestmark = needs_hosts

PLUGIN = """
def say(stack, *words):
    print(*words, flush=True)

def show(stack):
    print("it is", stack.settings["ADMIN_PASSWORD"], flush=True)
    Path(stack.settings["SEEN"]).touch()
    until(Path(stack.settings["CHECKED"]).exists)

@hookimpl
def stack_install(stack):
    here = stack.settings["THIS_HOST"]
    if here == "controller":
        yield async_run("accounts", say, "accounts are made")
        yield async_wait("accounts", "compute@one", "compute@two")
        yield run(say, "discover")
    else:
        address = stack.settings["HOST_IP"]
        yield async_run("compute", say, here, "at", address, wait=["accounts@controller"])
        yield async_run("alone", say, "nobody else waits for it")
        yield async_wait("compute", "alone", *["compute@one"] * (here == "two"))
        if here == "two" and "SEEN" in stack.settings:
            yield run(show)
"""

CONF = """\
[[local|localrc]]
ENABLED_SERVICES=,
HOSTS=one,two
HOST_IP=10.88.0.1
"""

MARK = f"sshd-hosts-{uuid.uuid4().hex}"

Hosts = dict[str, SshdHost]


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    with sshd_hosts(
        tmp_path_factory.mktemp("hosts"), "controller", "one", "two", TEST_MARK=MARK
    ) as made:
        yield made


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, hosts: Hosts) -> Iterator[StackDir]:
    """A stack directory of the controller."""
    top = tmp_path_factory.mktemp("controller")
    said = "the clone of a plugin on $THIS_HOST"
    repository = Repository(top / "repository", saying(said))
    conf = f"{CONF}enable_plugin cloned {repository.url}\n"
    with stack_dirs(top) as make:
        made = taken(make, hosts, {"extras.d/50-demo.py": plugin(PLUGIN), "local.conf": conf})
        for name in ("one", "two"):
            hosts[name].run("mount", "-t", "tmpfs", "nothing", str(repository.path))
        yield made


def taken(make: MakeStackDir, hosts: Hosts, files: dict[str, str]) -> StackDir:
    stack = hosts["controller"].take(make(files, **user_caches(), TEST_MARK=MARK))
    del stack.environ["ENABLED_SERVICES"]
    return stack


def test_host_is_a_machine_of_its_own(hosts: Hosts) -> None:
    one, controller = hosts["one"], hosts["controller"]
    assert controller.run("ssh", "one", "hostname; echo $HOME").split() == ["one", str(one.home)]
    (sleep := one.home / "sleep").symlink_to("/bin/sleep")
    one.run("sh", "-c", f"{sleep} 600 >/dev/null 2>&1 &")
    (pid,) = (pid for pid in marked_programs(str(sleep)))
    one.kill()
    wait_until(lambda: is_dead(pid), "the end of the host's processes")
    one.start()
    assert controller.run("ssh", "one", "echo", "back") == "back\n"


def marked_programs(path: str) -> list[int]:
    found = [one for one in Path("/proc").iterdir() if one.name.isdecimal()]
    return [int(one.name) for one in found if path in read(f"{one}/cmdline")]


def test_hosts_stack_over_ssh(stack: StackDir, hosts: Hosts) -> None:
    out = stack.run("stack").ok().out
    assert "one at 10.88.0.2" in stack.log("stack@one"), out
    assert "two at 10.88.0.3" in stack.log("stack@two")
    assert "the clone of a plugin on one" in stack.log("stack@one"), "nobody else has it"
    assert out.index("compute@two:0]: finished") < out.index("\ndiscover\n")
    names = {row["future"] for row in json.loads(stack.run("futures", "--json").ok().out)}
    there = {f"{name}@{host}" for name in ("stack", "compute", "alone") for host in ("one", "two")}
    assert {"accounts", *there} <= names
    pages = [f"--{kind}={stack.path / kind}" for kind in ("html", "trace")]
    stack.run("timing", *pages).ok()
    for page in ("html", "trace"):
        text = (stack.path / page).read_text()
        assert [name for name in there if name not in text] == [], page
    assert stack.run("log", "alone@two").ok().lines == ["nobody else waits for it"]
    wait_until(lambda: not marked(MARK), "the end of all that ran")
    directory = hosts["two"].home / "doitstack" / "two"
    assert (directory / ".stack").is_dir()
    assert "finished doit clean on two with result 0" in stack.run("clean").ok().out
    assert not (directory / ".stack").exists()


def test_secret_is_in_no_argument_log_or_file_for_others(
    stack: StackDir, hosts: Hosts, tmp_path: Path
) -> None:
    secret, seen, checked = "a-secret-of-hosts", tmp_path / "seen", tmp_path / "checked"
    conf = stack.path / "local.conf"
    before = conf.read_text()
    conf.write_text(f"{before}ADMIN_PASSWORD={secret}\nSEEN={seen}\nCHECKED={checked}\n")
    conf.chmod(0o600)
    run = stack.start("stack")
    wait_until(seen.exists, "the run on two", 120)
    arguments = [read(str(path)) for path in Path("/proc").glob("[0-9]*/cmdline")]
    checked.touch()
    out, _ = run.communicate()
    conf.write_text(before)
    assert run.returncode == 0, out
    assert [line for line in arguments if secret in line] == []
    assert "it is ***" in out
    for top in (stack.path, *(hosts[name].home / "doitstack" for name in ("one", "two"))):
        files = [path for path in top.rglob("*") if path.is_file() and secret in read(str(path))]
        assert top == stack.path or files, "its local.conf"
        assert [path for path in files if path.stat().st_mode & 0o077] == []
        assert [path for path in files if path.suffix in (".log", ".jsonl")] == []
