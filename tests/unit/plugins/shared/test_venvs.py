"""Virtual environments of services: their constraints, and what they wait for."""

import os
import re
import subprocess
import sys
import venv
from pathlib import Path

from doitstack.processes.program import Program
from doitstack.stack import Stack
from doitstack.venvs import Environment
from doitstack_plugins.shared import venvs
from tests.unit.plugins.shared.test_extensions import put
from tests.unit.recorded_actions import RecordedActions, make_stack


def test_installations_wait_for_keystones_if_it_is_enabled(tmp_path: Path) -> None:
    assert venvs.installs_after(make_stack(tmp_path, ENABLED_SERVICES="key")) == [
        "install_keystone"
    ]
    assert venvs.installs_after(make_stack(tmp_path, ENABLED_SERVICES="tempest")) == []


def test_environment_of_a_service_holds_what_serves_it(tmp_path: Path) -> None:
    made = venvs.service_environment(make_stack(tmp_path), "glance", "glance")
    assert made.path == tmp_path / ".stack" / "venvs" / "glance"
    assert {"glance", "pyuwsgi", "pymysql"} <= set(made.requirements)


def test_constraints_are_ours_or_the_users(tmp_path: Path) -> None:
    shipped = Path(venvs.constraints(make_stack(tmp_path).settings))
    assert "\nkeystone==" in shipped.read_text()

    def chosen(value: str) -> str:
        return venvs.constraints(make_stack(tmp_path, UPPER_CONSTRAINTS_FILE=value).settings)

    assert chosen("c.txt") == str(tmp_path / "c.txt")
    assert chosen("/c.txt") == "/c.txt"
    assert chosen("https://example.invalid/c.txt") == "https://example.invalid/c.txt"


def test_our_constraints_have_hashes_of_each_version() -> None:
    entries = re.split(r"(?m)^(?=\w)", venvs.SHIPPED_CONSTRAINTS.read_text())[1:]
    assert len(entries) > 200
    assert [
        entry for entry in entries if not re.search(r"(?m)^    --hash=sha256:\w{64}", entry)
    ] == []


def test_only_our_constraints_count_as_complete(tmp_path: Path) -> None:
    assert venvs.environment(make_stack(tmp_path), "nova").is_pinned
    theirs = make_stack(tmp_path, UPPER_CONSTRAINTS_FILE="c.txt")
    assert not venvs.environment(theirs, "nova").is_pinned


def test_services_see_what_scripts_install_later_but_have_their_own_first(tmp_path: Path) -> None:
    stack = make_stack(tmp_path)
    environment = Environment(stack.dest / "venvs" / "nova", ())
    venv.create(environment.path, symlinks=True)
    venvs.see_shared_packages(stack, environment)
    shared, tree = venvs.shared_site_packages(stack), tmp_path / "tree"
    for path in (shared, tree):
        path.mkdir(parents=True)
    (shared / "__editable__.demo.pth").write_text(f"{tree}\n")
    (tree / "developed.py").write_text("origin = 'a tree'\n")
    for name in ("both.py", "extension.py"):
        (shared / name).write_text("origin = 'the scripts'\n")
    (environment.site_packages / "both.py").write_text("origin = 'the service'\n")

    words = "import both, developed, extension as e; print(both.origin, developed.origin, e.origin)"
    said = subprocess.check_output([environment.python, "-c", words], text=True)

    assert said == "the service a tree the scripts\n"


def test_what_is_hidden_from_a_service_is_told_once(tmp_path: Path) -> None:
    stack = make_stack(tmp_path)
    environment = Environment(stack.dest / "venvs" / "nova", ())
    put(environment.site_packages, "cryptography", "50")
    put(venvs.shared_site_packages(stack), "pyOpenSSL", "24", "cryptography<44")
    with stack.acting(stage := RecordedActions(lambda _: None)):
        venvs.see_shared_packages(stack, environment)
        venvs.see_shared_packages(stack, environment)
    assert stage.said == [f"hidden from {environment.path}, whose versions they refuse: pyOpenSSL"]


def test_environment_that_is_not_there_sees_nothing(tmp_path: Path) -> None:
    stack = make_stack(tmp_path)
    venvs.see_shared_packages(stack, Environment(stack.dest / "venvs" / "nova", ()))
    assert not (stack.dest / "venvs").exists()


def stack_with_cache(top_dir: Path) -> Stack:
    return make_stack(top_dir, DOITSTACK_CACHE_DIR=str(top_dir.parent / "cache"))


def installed(stack: Stack, name: str) -> Environment:
    """Return an environment with a module that is a link, as uv makes it, and a stamp."""
    made = Environment(stack.dest / "venvs" / name, ())
    made.site_packages.mkdir(parents=True)
    archive = stack.top_dir.parent / "module.py"
    if not archive.exists():
        archive.touch()
        os.utime(archive, ns=(10**9 + 1, 10**9 + 1))
    os.link(archive, made.site_packages / "module.py")
    made.stamp.touch()
    return made


def compile_module(made: Environment) -> None:
    command = [sys.executable, "-m", "compileall", "-q", str(made.site_packages)]
    subprocess.run(command, check=True)


def test_bytecode_survives_the_removal_of_its_environment(tmp_path: Path) -> None:
    first, second = (stack_with_cache(tmp_path / name) for name in ("one", "two"))
    made = installed(first, "nova")
    compile_module(made)
    with first.acting(RecordedActions(lambda program: None)):
        venvs.remove(first, made)
    assert not made.path.exists()
    (kept,) = (tmp_path / "cache" / "bytecode").rglob("*.pyc")

    other = Environment(second.dest / "venvs" / "nova", ())

    def install(program: Program) -> None:
        if "install" in program.argv:
            installed(second, "nova")

    with second.acting(RecordedActions(install)):
        venvs.install(second, other)
    (restored,) = other.site_packages.glob("__pycache__/*.pyc")
    assert restored.samefile(kept)


def test_all_environments_are_kept_once(tmp_path: Path) -> None:
    stack = stack_with_cache(tmp_path / "stack")
    assert venvs.installations(stack) == "[]"
    made, incomplete = installed(stack, "nova"), installed(stack, "glance")
    incomplete.stamp.unlink()
    assert str(made.path) in venvs.installations(stack)
    assert str(incomplete.path) not in venvs.installations(stack)
    compile_module(made)
    recorded = RecordedActions(lambda program: None)
    with stack.acting(recorded):
        venvs.keep_bytecode(stack)
        venvs.keep_bytecode(stack)
    assert len(list((tmp_path / "cache").rglob("*.pyc"))) == 1
    assert recorded.said == []


def test_unusable_cache_is_one_line_and_no_failure(tmp_path: Path) -> None:
    stack = stack_with_cache(tmp_path / "stack")
    compile_module(installed(stack, "nova"))
    (tmp_path / "cache").write_text("a file")
    recorded = RecordedActions(lambda program: None)
    with stack.acting(recorded):
        venvs.keep_bytecode(stack)
    (line,) = recorded.said
    assert line == f"the byte code cache {tmp_path}/cache/bytecode is not used: Not a directory"
