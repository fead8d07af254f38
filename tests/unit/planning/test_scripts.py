"""A script is a plugin whose hooks source it."""

from pathlib import Path
from typing import Any

from doitstack.phases import Phase
from doitstack.planning.scripts import Script, ScriptHooks, package_lists
from doitstack.steps import Kind
from tests.unit.planning.drop_ins import drop_in, find


def test_script_answers_every_phase(tmp_path: Path) -> None:
    path = drop_in(tmp_path, "", "50-c.sh")
    script = find(tmp_path)[0]

    assert tuple(script.hooks) == tuple(phase.hook for phase in Phase)
    (step,) = script.steps("stack_post_config")
    assert (step.kind, step.name) == (Kind.RUN, "50-c.sh")
    assert step.action == Script(path, ("stack", "post-config"))
    assert step.command == "50-c.sh stack post-config"


def test_packages_are_installed_before_pre_install(tmp_path: Path) -> None:
    files = tmp_path / "devstack" / "files"
    (files / "debs").mkdir(parents=True)
    (files / "debs" / "demo").write_text("one\n")
    (files / "debs" / "other").write_text("two\n")
    (files / "bindep.txt").write_text("three\n")
    lists = package_lists(files.parent, "demo")
    assert lists == (files / "debs" / "demo", files / "bindep.txt")

    script = files.parent / "plugin.sh"
    hooks: Any = ScriptHooks(dict.fromkeys(Phase, script), lists)
    first, second = hooks.stack_pre_install()
    assert first.command == f"_install_listed_packages {lists[0]} {lists[1]}"
    assert second.action == Script(script, ("stack", "pre-install"))
    assert [step.name for step in hooks.stack_install()] == ["plugin.sh"]
