"""Where the code of services is from, as lists say it."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from doitstack import Stack
from doitstack.errors import PluginError
from doitstack.planning.code_origins import CodeOrigin, code_origins, origin_of_process
from doitstack.planning.plugin import Plugin
from doitstack.venvs import Environment
from tests.unit.recorded_actions import make_stack
from tests.unit.source_repository import commit, git, make_repository, write_project


def environment(stack: Stack, name: str = "keystone") -> Environment:
    (stack.top_dir / "pins.txt").write_text("keystone==30.0\nOslo.Log==5.0\n")
    pins = str(stack.top_dir / "pins.txt")
    return Environment(stack.dest / "venvs" / name, (name,), pins, trees=stack.trees)


def plugin(stack: Stack, *names: str) -> Plugin:
    return Plugin("key", "", environments=lambda stack: [environment(stack, one) for one in names])


def origins(stack: Stack, *names: str) -> list[CodeOrigin]:
    return code_origins([plugin(stack, *names), Plugin("without", "")], stack)


def install(stack: Stack, info: str) -> None:
    (environment(stack).site_packages / f"{info}.dist-info").mkdir(parents=True)


def test_wheel_has_the_version_of_the_constraints_until_it_is_installed(tmp_path: Path) -> None:
    stack = make_stack(tmp_path)
    (one,) = origins(stack, "keystone")
    assert (one.plugin, one.project, one.text, one.brief) == (
        *("key", "keystone", "wheel 30.0", "wheel 30.0"),
    )
    install(stack, "keystone-29.0")
    (one,) = origins(stack, "keystone")
    assert one.text == "wheel 29.0"
    assert one.as_json()["from"] == "wheel"
    assert [one.text for one in origins(stack, "tides")] == ["wheel"]


def test_tree_is_described_with_branch_hash_and_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tree = make_repository(tmp_path / ".stack" / "keystone")
    head = git(tree, "rev-parse", "HEAD")
    (one,) = origins(make_stack(tmp_path), "keystone")
    assert one.text == f"tree .stack/keystone, main, {head[:9]}"
    assert one.brief == f"tree main {head[:9]}"
    for name in ("a", "b", "c", "d"):
        (tree / f"{name}.py").touch()
    (one,) = origins(make_stack(tmp_path), "keystone")
    assert one.text.endswith(f", {head[:9]}, changed: a.py, b.py, c.py and 1 more")
    assert one.brief == f"tree main {head[:9]} +4"
    assert one.as_json() == {
        "project": "keystone",
        "from": "tree",
        "version": None,
        "directory": str(tree),
        "branch": "main",
        "head": head,
        "changed": ["a.py", "b.py", "c.py", "d.py"],
    }


def test_tree_without_git_or_branch_is_described_by_what_there_is(tmp_path: Path) -> None:
    tree = write_project(tmp_path / ".stack" / "keystone")
    (one,) = origins(make_stack(tmp_path), "keystone")
    assert one.text == f"tree {tree}"
    commit(tree)
    git(tree, "checkout", "-q", "--detach")
    (one,) = origins(make_stack(tmp_path), "keystone")
    assert one.text == f"tree {tree}, {git(tree, 'rev-parse', 'HEAD')[:9]}"


def test_tree_that_is_not_there_yet_names_what_will_be(tmp_path: Path) -> None:
    stack = make_stack(tmp_path, KEYSTONE_REPO="https://x/k", KEYSTONE_BRANCH="topic")
    (one,) = origins(stack, "keystone")
    assert one.text == f"tree {stack.dest}/keystone, not there yet: https://x/k at topic"
    (one,) = origins(make_stack(tmp_path, LIBS_FROM_GIT="ALL", TREES_FROM_SDIST="True"), "keystone")
    assert one.text.endswith("/keystone, not there yet: the source distribution of 30.0")


def test_libraries_from_trees_are_listed_after_the_service(tmp_path: Path) -> None:
    make_repository(tmp_path / ".stack" / "oslo.log")
    stack = make_stack(tmp_path)
    install(stack, "oslo_log-5.0")
    assert [one.project for one in origins(stack, "keystone")] == ["keystone", "oslo.log"]
    (tmp_path / ".stack" / "keystone").mkdir()
    write_project(tmp_path / ".stack" / "keystone")
    again = make_stack(tmp_path)
    assert [one.project for one in origins(again, "keystone")] == ["keystone", "oslo.log"]


def test_process_belongs_to_the_environment_of_its_program(tmp_path: Path) -> None:
    stack = make_stack(tmp_path)
    found = origins(stack, "keystone", "nova")
    script = f"exec {stack.dest}/venvs/nova/bin/uwsgi --master\n"
    origin = origin_of_process(found, script)
    assert origin
    assert origin.project == "nova"
    assert origin_of_process(found, "exec /usr/sbin/mariadbd\n") is None


def test_failing_function_names_its_plugin(tmp_path: Path) -> None:
    def fail(stack: Stack) -> Iterable[Environment]:
        raise ValueError("no")

    with pytest.raises(PluginError, match=r"plugin bad: environments of .* raised ValueError: no"):
        code_origins([Plugin("bad", "here", environments=fail)], make_stack(tmp_path))


def test_plugin_that_takes_no_part_has_no_origins(tmp_path: Path) -> None:
    stack = make_stack(tmp_path, ENABLED_SERVICES="key")
    absent = plugin(stack, "nova")._replace(services=("n-api",))
    assert code_origins([absent], stack) == []
