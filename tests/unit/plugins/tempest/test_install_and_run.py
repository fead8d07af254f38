"""Tempest's functions, with its programs only recorded."""

import configparser
import stat
from pathlib import Path

import pytest

from doitstack.errors import SettingsError, StepError
from doitstack.planning.stack_directory import StackDirectory
from doitstack.processes.program import Program
from doitstack_plugins.tempest import install_and_run
from tests.unit.recorded_actions import RecordedActions, make_stack
from tests.unit.source_repository import write_project


def play(program: Program) -> None:
    """Do what `tempest init` does."""
    if "init" in program.argv:
        workspace = Path(program.argv[-1])
        (workspace / "etc").mkdir(parents=True)
        (workspace / ".stestr.conf").touch()


def test_tempest_is_installed_once_its_workspace_is_there(tmp_path: Path) -> None:
    stack = make_stack(tmp_path)
    stage = RecordedActions(play)
    with stack.acting(stage):
        install_and_run.install_tempest(stack)
    words = [str(word) for program in stage.programs for word in program.argv]
    assert "tempest" in [word.partition("==")[0] for word in words]
    assert not install_and_run.is_installed(stack)  # nothing but the workspace was really made
    assert (tmp_path / ".stack/data/tempest/workspace/.stestr.conf").exists()


def test_configuration_is_private_and_for_this_cloud(tmp_path: Path) -> None:
    stack = make_stack(tmp_path, KEYSTONE_SERVICE_PORT="5111")
    install_and_run.configure_tempest(stack)
    path = tmp_path / ".stack/data/tempest/etc/tempest.conf"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    conf = configparser.RawConfigParser()
    conf.read(path)
    assert conf["identity"]["uri_v3"] == "http://127.0.0.1:5111/v3"
    assert conf["auth"]["admin_password"] == "p$$ 'w"


def test_environment_is_found_below_the_source_tree(tmp_path: Path) -> None:
    stack = make_stack(tmp_path)
    write_project(stack.dest / "tempest")
    for _ in range(2):
        install_and_run.configure_tempest(stack)
    link = stack.dest / "tempest" / ".tox" / "tempest"
    assert link.readlink() == install_and_run.environment(stack).path


def test_options_of_scripts_stay_in_the_configuration(tmp_path: Path) -> None:
    stack = make_stack(tmp_path)
    path = tmp_path / ".stack/data/tempest/etc/tempest.conf"
    path.parent.mkdir(parents=True)
    path.write_text(
        "[service_available]\ndemo = True\nnova = True\n"
        "[compute]\nimage_ref = gone\nmin_compute_nodes = 2\n"
    )
    for _ in range(2):
        install_and_run.configure_tempest(stack)
        conf = configparser.RawConfigParser(default_section="none")
        conf.read(path)
        assert (conf["service_available"]["demo"], conf["service_available"]["nova"]) == (
            "True",
            "false",
        )
        assert dict(conf["compute"]) == {"endpoint_type": "publicURL", "min_compute_nodes": "2"}


def test_run_tempest_stays_in_its_workspace(tmp_path: Path) -> None:
    stack = make_stack(tmp_path)
    stage = RecordedActions(play)
    with stack.acting(stage):
        install_and_run.configure_tempest(stack)
        install_and_run.run_tempest(stack)
        install_and_run.run_tempest(stack, "--regex", "test_tokens", "--serial")
        install_and_run.run_tempest(stack, "test_tokens", "test_users")
    ran = [program.argv[1:] for program in stage.programs]
    assert ran == [
        ["run", "--regex", r"tempest\.api\.identity\.v3"],
        ["run", "--regex", "test_tokens", "--serial"],
        ["run", "--regex", "test_tokens|test_users"],
    ]
    state = tmp_path / ".stack/data/tempest"
    assert {program.cwd for program in stage.programs} == {state / "workspace"}
    assert stage.programs[0].env is not None
    assert stage.programs[0].env["HOME"] == str(state)
    # The runner would have a shell split these paths, where they have blanks.
    assert stage.programs[0].env["TMPDIR"] == "/proc/self/cwd"
    assert stage.programs[0].env["PYTHON"] == "python"
    assert stage.programs[0].env["PATH"].startswith(f"{tmp_path}/.stack/venvs/tempest/bin:")


def test_bad_expression_is_refused_before_tempest_runs(tmp_path: Path) -> None:
    stack = make_stack(tmp_path)
    stage = RecordedActions(play)
    with stack.acting(stage):
        install_and_run.configure_tempest(stack)
        with pytest.raises(StepError, match=r"^test_\(x is no regular expression for names of"):
            install_and_run.run_tempest(stack, "test_users", "test_(x")
    assert stage.programs == []


def test_run_tempest_needs_a_configuration(tmp_path: Path) -> None:
    stack = make_stack(tmp_path)
    with (
        stack.acting(RecordedActions(play)),
        pytest.raises(StepError, match=r"^tempest is not configured yet; first run doit stack$"),
    ):
        install_and_run.run_tempest(stack)


def test_clean_leaves_nothing(tmp_path: Path) -> None:
    stack = make_stack(tmp_path)
    install_and_run.configure_tempest(stack)
    install_and_run.clean_tempest(stack)
    install_and_run.clean_tempest(stack)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_tempest_needs_keystone(tmp_path: Path) -> None:
    drop_in = tmp_path / "extras.d" / "80-tempest.py"
    drop_in.parent.mkdir()
    drop_in.write_text((Path(__file__).parents[4] / "extras.d" / "80-tempest.py").read_text())
    directory = StackDirectory(tmp_path, {"ENABLED_SERVICES": "tempest"})
    (check,) = (one.step for one in directory.plan().steps if one.step.name == "check_tempest")
    assert callable(check.action)
    with pytest.raises(SettingsError, match=r"tempest needs key; add to local.conf"):
        check.action(directory.stack, *check.args)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", []),
        ("0", []),
        ("keystone-tempest-plugin", ["keystone-tempest-plugin"]),
        ("/opt/stack/a cinder-tempest-plugin", ["-e", "/opt/stack/a", "cinder-tempest-plugin"]),
    ],
)
def test_plugins_are_packages_or_source_trees(tmp_path: Path, value: str, words: list[str]) -> None:
    stack = make_stack(tmp_path, TEMPEST_PLUGINS=value)
    assert install_and_run.plugins(stack.settings) == words
