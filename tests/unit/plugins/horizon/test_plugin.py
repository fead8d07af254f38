"""Horizon's functions, with its programs only recorded."""

from pathlib import Path

from doitstack.config import dest_directory
from doitstack.processes.program import Program
from doitstack.stack import Stack
from doitstack_plugins.horizon.plugin import plugin as horizon
from tests.unit.recorded_actions import RecordedActions, make_stack


def make(tmp_path: Path, **environ: str) -> Stack:
    stack = make_stack(tmp_path, ENABLED_SERVICES="key,horizon", **environ)
    horizon.source(stack.settings)
    return stack


def test_static_files_are_made_from_the_settings(tmp_path: Path) -> None:
    stack = make(tmp_path, HORIZON_SECRET_KEY="it's secret")

    def compress(program: Program) -> None:
        if "compress" in program.argv:
            manifest = horizon.static(stack) / "dashboard" / "manifest.json"
            manifest.parent.mkdir(parents=True)
            manifest.touch()

    stage = RecordedActions(compress)
    with stack.acting(stage):
        assert not horizon.is_configured(stack)
        horizon.configure(stack)
        assert horizon.is_configured(stack)
    assert [program.argv[1] for program in stage.programs] == ["collectstatic", "compress"]
    settings: dict[str, object] = {}
    exec((stack.data_dir / "horizon/local/local_settings.py").read_text(), settings)
    assert settings["SECRET_KEY"] == "it's secret"
    assert settings["OPENSTACK_KEYSTONE_URL"] == "http://127.0.0.1:5000/v3"
    horizon.remove(stack)
    assert not horizon.data(stack).exists()


def test_other_settings_make_the_files_again(tmp_path: Path) -> None:
    one, other = make(tmp_path), make(tmp_path, REGION_NAME="Elsewhere")
    assert horizon.generation(one) == horizon.generation(make(tmp_path))
    assert horizon.generation(one) != horizon.generation(other)


def test_only_packages_decide_what_is_kept(tmp_path: Path) -> None:
    stack = make(tmp_path)
    installed = horizon.environment(stack).site_packages / "horizon-1.dist-info"
    assert horizon.static_files_key(stack) == ""
    installed.mkdir(parents=True)
    (installed / "RECORD").write_text("horizon/one.css,sha256=1,1")
    key = horizon.static_files_key(stack)
    assert key
    assert horizon.static_files_key(make(tmp_path, REGION_NAME="Elsewhere")) == key
    (installed / "RECORD").write_text("horizon/one.css,sha256=2,1")
    assert horizon.static_files_key(stack) not in ("", key)
    panel = horizon.panels(stack) / "enabled/_90_demo.py"
    panel.parent.mkdir(parents=True)
    panel.touch()
    assert horizon.static_files_key(stack) == ""


def panels_of_scripts(tmp_path: Path) -> tuple[Stack, Path]:
    stack = make(tmp_path)
    dest_directory.claim(stack.settings)
    package = horizon.environment(stack).site_packages / "openstack_dashboard"
    (package / "local" / "enabled").mkdir(parents=True)
    panel = stack.dest / "horizon/openstack_dashboard/local/enabled/_90_demo.py"
    panel.parent.mkdir(parents=True)
    return stack, panel


def commands(stage: RecordedActions) -> list[str]:
    return [program.argv[1] for program in stage.programs]


def test_panels_of_scripts_are_read_and_make_the_files_again(tmp_path: Path) -> None:
    stack, panel = panels_of_scripts(tmp_path)
    stage = RecordedActions(lambda program: None)
    with stack.acting(stage):
        horizon.configure(stack)
        panel.write_text("PANEL = 'demo'")
        horizon.make_static_files_current(stack)
        assert commands(stage) == ["collectstatic", "compress"] * 2
        horizon.make_static_files_current(stack)
        assert commands(stage) == ["collectstatic", "compress"] * 2
    package = horizon.environment(stack).site_packages / "openstack_dashboard"
    assert (package / "local" / "enabled" / "_90_demo.py").read_text() == "PANEL = 'demo'"


def test_static_files_wait_for_what_panels_need(tmp_path: Path) -> None:
    stack, panel = panels_of_scripts(tmp_path)
    panel.write_text("ADD_INSTALLED_APPS = ['not_installed_yet']")
    stage = RecordedActions(lambda program: None)
    with stack.acting(stage):
        horizon.configure(stack)
        assert commands(stage) == []
        horizon.make_static_files_current(stack)
        assert commands(stage) == ["collectstatic", "compress"]


def test_panels_are_not_read_while_scripts_enable_them(tmp_path: Path) -> None:
    stack, panel = panels_of_scripts(tmp_path)
    package = horizon.environment(stack).site_packages / "openstack_dashboard"

    def enable(program: Program) -> None:
        panel.write_text("ADD_INSTALLED_APPS = ['not_installed_yet']")
        assert not (package / "local" / "enabled" / panel.name).exists()

    with stack.acting(RecordedActions(enable)):
        horizon.configure(stack)


def test_tree_of_the_user_is_used_as_it_is(tmp_path: Path) -> None:
    stack = make(tmp_path)
    package = horizon.environment(stack).site_packages / "openstack_dashboard"
    (package / "local").mkdir(parents=True)
    (stack.dest / "horizon" / "horizon").mkdir(parents=True)
    horizon.use_panels(stack)
    assert not (package / "local").is_symlink()
    (stack.dest / "horizon" / "openstack_dashboard" / "local").mkdir(parents=True)
    horizon.use_panels(stack)
    assert (package / "local").readlink() == horizon.panels(stack)
