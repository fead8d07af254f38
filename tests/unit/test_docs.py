"""The pages in docs/ and the README agree with the code."""

import importlib
import inspect
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from doitstack import hookspecs, warm
from doitstack.cli import COMMANDS, command_name
from doitstack.cli.run_options import CONSOLE
from doitstack.cli.timing import Timing
from doitstack.config.local_conf import LocalSettings
from doitstack.config.settings import DEFAULTS, Settings, load_settings
from doitstack.console.screens import MODES
from doitstack.journal.timing import Timing as Figures
from doitstack.phases import Phase
from doitstack.planning.stack_directory import StackDirectory
from doitstack.stack import Stack
from doitstack.steps import async_run, async_wait, run

ROOT = Path(__file__).parents[2]


def hooks() -> dict[str, str]:
    """Each hook with its arguments, as `name(a, b)`."""
    found = {}
    for name, function in vars(hookspecs).items():
        if inspect.isfunction(function) and hasattr(function, "doitstack_spec"):
            found[name] = f"{name}({', '.join(inspect.signature(function).parameters)})"
    return found


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_plugins_page_has_every_hook_with_its_arguments() -> None:
    documented = set(re.findall(r"`([a-z_]+\([a-z, ]*\))`", page("docs/plugins.md")))
    assert set(hooks().values()) <= documented


def test_plugins_page_has_the_phases_in_order() -> None:
    rows = re.findall(r"^\| `([a-z_ -]+)` \| `([a-z_]+)\(", page("docs/plugins.md"), re.MULTILINE)
    assert rows == [(phase.value, phase.hook) for phase in Phase]


@pytest.mark.parametrize("verb", [run, async_run, async_wait])
def test_plugins_page_has_the_verbs_with_their_arguments(verb: Callable[..., object]) -> None:
    parameters = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in inspect.signature(verb).parameters.values()
    ]
    call = f"{verb.__name__}{inspect.Signature(parameters)}".replace("''", '""')
    assert f"* `{call}`:" in page("docs/plugins.md")


def examples(name: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page(name), re.MULTILINE | re.DOTALL)


def test_service_of_the_plugins_page_declares_all_its_steps(tmp_path: Path) -> None:
    (example,) = [one for one in examples("docs/plugins.md") if "(ApiService)" in one]
    assert len(example.splitlines()) < 40
    (tmp_path / "extras.d").mkdir()
    (tmp_path / "extras.d" / "50-tides.py").write_text(example)
    directory = StackDirectory(tmp_path, {"ENABLED_SERVICES": "tides"})
    steps = [one for one in directory.plan().steps if one.plugin == "tides"]
    assert [one.step.name for one in steps] == [
        *("check_tides", "install_tides", "configure_tides", "init_tides", "create_tides_accounts"),
        *("async_wait-install_tides-init_tides-create_tides_accounts", "start_tides"),
        "async_wait-start_tides",
    ]
    assert directory.plan().warnings == ()
    assert directory.settings["TIDES_SERVICE_URI"] == "http://127.0.0.1:9777"


def test_plugin_without_a_base_of_the_plugins_page_configures_itself(tmp_path: Path) -> None:
    (example,) = [one for one in examples("docs/plugins.md") if "rabbitmq.url(stack)" in one]
    (tmp_path / "extras.d").mkdir()
    (tmp_path / "extras.d" / "50-tides.py").write_text(example)
    directory = StackDirectory(tmp_path, {"ENABLED_SERVICES": "tides-worker,rabbit,mysql"})
    steps = [one.step for one in directory.plan().steps if one.plugin == "tides"]
    assert [(step.name, step.waits) for step in steps] == [
        ("tides-database", ("start_mysql",)),
        ("tides-conf", ("tides-database",)),
        ("async_wait-tides-conf", ("tides-conf",)),
    ]
    assert not [warning for warning in directory.plan().warnings if "tides" in warning]


def test_plugins_page_names_what_is_there() -> None:
    rows = re.findall(r"^\| `(doitstack[\w.]*)` \| (.*) \|$", page("docs/plugins.md"), re.MULTILINE)
    assert len(rows) == 8
    for module, text in rows:
        names = set(re.findall(r"`(\w+)\(|`(\w+)`[,:]", text))
        for name in filter(None, (one for pair in names for one in pair)):
            assert hasattr(importlib.import_module(module), name), (module, name)


def test_plugins_page_names_nothing_that_a_stack_has_not() -> None:
    text = page("docs/plugins.md")
    names = set(re.findall(r"\bstack\.(\w+)", text))
    assert {"run", "async_run", "async_wait", "run_process", "timed", "password"} <= names
    known = {*dir(Stack), *vars(Stack(Settings({}, LocalSettings({}), frozenset())))}
    assert names - known == set()


def test_every_hook_has_a_docstring() -> None:
    assert all(getattr(hookspecs, name).__doc__ for name in hooks())


def test_settings_page_has_every_default() -> None:
    text = page("docs/settings.md")
    rows = dict(re.findall(r"^\| ([^|]+) \| `?([^|`]+)`? \|", text, re.MULTILINE))
    names = {name: value for cell, value in rows.items() for name in re.findall(r"`(\w+)`", cell)}
    expected = {
        name: re.sub(r"\{(\w+)\}", r"$\1", default).rstrip() for name, default in DEFAULTS.items()
    }
    assert {name: names.get(name) for name in expected} == expected


def test_pyproject_names_every_command() -> None:
    configured = tomllib.loads(page("pyproject.toml"))["tool"]["doit"]["plugins"]["command"]
    assert configured == {command_name(name): f"doitstack.commands:{name}" for name in COMMANDS}


def test_ci_page_has_every_variable_of_the_role() -> None:
    role = ROOT / "roles" / "doitstack"
    defaults = yaml.safe_load((role / "defaults" / "main.yaml").read_text())
    specs = yaml.safe_load((role / "meta" / "argument_specs.yaml").read_text())["argument_specs"]
    documented = set(re.findall(r"^\| `(d\w+)` \|", page("docs/ci.md"), re.MULTILINE))
    assert set(defaults) < documented
    assert all(set(spec["options"]) == documented for spec in specs.values())


def test_readme_opens_with_the_two_commands() -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", page("README.md"), re.MULTILINE | re.DOTALL)
    assert blocks[:2] == [
        "python3 -m venv .venv && .venv/bin/pip install -e . && .venv/bin/doit stack\n",
        "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/pytest\n",
    ]
    assert blocks[1].strip() in page(".ci/run")


def test_console_page_has_every_mode() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", page("docs/console.md"), re.MULTILINE)
    assert rows == list(MODES)
    assert CONSOLE["env_var"] in page("docs/console.md")


def test_the_example_of_a_warm_program_works(tmp_path: Path) -> None:
    text = page("docs/openstack-command.md")
    (example,) = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(example, names)
    stack = Stack(load_settings(tmp_path, {}))
    assert names["thing_manage"](stack).name == "thing-manage"
    declared = [*names["stack_install"](stack), *names["stack_post_config"](stack)]
    assert [step.name for step in declared] == [
        "install_thing",
        "async_wait-install_thing",
        "migrate",
    ]
    functions = set(warm.__all__) - {"Program"}
    assert functions <= set(re.findall(r"`(\w+)`", text))


def test_timing_page_has_every_figure_and_option() -> None:
    text = page("docs/timing.md")
    documented = re.findall(r"^\| `([a-z_]+)` \|", text, re.MULTILINE)
    assert set(documented) == set(Figures(1, 0, 0, 0, 1, 1, (), {}, is_parallel=True).as_dict())
    assert {f"--{option['long']}" for option in Timing.cmd_options} <= set(
        re.findall(r"--[a-z]+", text)
    )


def test_contributing_page_has_the_layers_from_the_top_down() -> None:
    contracts = tomllib.loads(page("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    entries = [name for layer in contracts[0]["layers"] for name in layer.split(" : ")]
    folders = [name for name in entries if (ROOT / "core" / "doitstack" / name).is_dir()]
    rows = re.findall(r"^\| `(\w+)` \|", page("CONTRIBUTING.md"), re.MULTILINE)
    assert rows == folders


def test_design_page_names_every_folder_and_is_short() -> None:
    text = page("docs/design.md")
    core = ROOT / "core" / "doitstack"
    folders = {path.parent.name for path in core.glob("*/__init__.py")}
    named = set(re.findall(r"`(\w+)/`", text))
    assert folders <= named
    assert {name for name in named if not (core / name).is_dir()} == set()
    assert len(text.splitlines()) <= 80
