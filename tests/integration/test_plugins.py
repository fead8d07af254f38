"""A third party's plugin, installed as a package with an entry point, in real runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import MakeStackDir, StackDir
from tests.integration.probes import transcript

pytestmark = pytest.mark.usefixtures("served_runs")

PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "sample-devstack-plugin"
version = "1.2"

[project.entry-points.doitstack]
sample = "sample_plugin"

[tool.hatch.build.targets.wheel]
packages = ["sample_plugin"]
"""

PLUGIN = """\
'''Greets, slowly.'''

import time

from doitstack import Settings, Stack, async_run, async_wait, hookimpl, run


def greet(stack: Stack, whom: str) -> str:
    print("hello", whom, "in", stack.settings["SAMPLE_PLACE"])
    return whom


def removed(stack: Stack) -> None:
    (stack.top_dir / "greeted").unlink(missing_ok=True)


def note(stack: Stack) -> None:
    (stack.top_dir / "greeted").touch()


@hookimpl
def source(settings: Settings):
    settings.default("SAMPLE_PLACE", "the park")
    settings.enable_service("sample")


@hookimpl
def stack_install(stack: Stack):
    if stack.is_service_enabled("sample"):
        yield async_run("greet_world", greet, "world")


@hookimpl
def stack_test_config(stack: Stack):
    if stack.is_service_enabled("sample"):
        yield async_wait("greet_world")
        yield run(note)


@hookimpl
def clean(stack: Stack):
    yield run(removed)


@hookimpl
def tasks(stack: Stack):
    yield run(greet, "you", name="greet")
"""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory in which the sample plugin is installed by pip."""
    source = tmp_path_factory.mktemp("sample")
    (source / "sample_plugin").mkdir()
    (source / "pyproject.toml").write_text(PYPROJECT)
    (source / "sample_plugin" / "__init__.py").write_text(PLUGIN)
    target = tmp_path_factory.mktemp("target")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run(
        [*pip, "--no-build-isolation", "--disable-pip-version-check", "--target", target, source],
        check=True,
        env={**os.environ, "PIP_ROOT_USER_ACTION": "ignore"},
        stdout=subprocess.DEVNULL,
    )
    return target


def _stack(make: MakeStackDir, wheels: Path, files: dict[str, str] | None = None) -> StackDir:
    return make(files, PYTHONPATH=str(wheels))


def test_installed_plugin_takes_part_in_a_run(stack_dir: MakeStackDir, wheels: Path) -> None:
    stack = _stack(
        stack_dir, wheels, {"local.conf": "[[local|localrc]]\nSAMPLE_PLACE='the garden'\n"}
    )

    outcome = stack.run("stack").ok()

    assert "hello world in the garden" in outcome.lines
    assert "[Async greet_world:PID]: finished greet world with result 0 in N seconds" in (
        transcript(outcome)
    )
    assert (stack.path / "greeted").exists()
    assert "==> stack test-config: sample: note" in outcome.lines


def test_installed_plugin_is_listed_with_its_distribution(
    stack_dir: MakeStackDir, wheels: Path
) -> None:
    stack = _stack(stack_dir, wheels)

    plugins = stack.run("plugins").ok().lines
    plan = stack.run("plan").ok().out
    tasks = stack.run("list", "--all").ok().out

    row = next(line for line in plugins if line.startswith("sample "))
    assert "sample-devstack-plugin (entry point sample = sample_plugin)" in row
    assert row.split(")")[1].split() == [
        "source", "stack_install", "stack_test_config", "clean", "tasks"
    ]  # fmt: skip
    assert "greet_world" in plan
    assert "stack:install:sample:greet_world" in tasks


def test_task_that_a_plugin_offers_is_run_by_name(stack_dir: MakeStackDir, wheels: Path) -> None:
    assert "hello you in the park" in _stack(stack_dir, wheels).run("greet").ok().lines


def test_clean_calls_the_plugin(stack_dir: MakeStackDir, wheels: Path) -> None:
    stack = _stack(stack_dir, wheels)
    stack.run("stack").ok()

    stack.run("clean").ok()

    assert not (stack.path / "greeted").exists()
    assert not stack.dest.exists()


BROKEN = {
    "raise RuntimeError('not today')": "cannot be imported: RuntimeError: not today",
    "@hookimpl\ndef stack_instal(stack): ...": "there is no hook stack_instal; did you",
    "@hookimpl\ndef stack_extra(stack):\n    yield 3": "yielded 3, not run(), async_run() or",
    "@hookimpl\ndef stack_extra(stack):\n    return 3": "returned 3 instead of steps",
    "@hookimpl\ndef stack_extra(stack):\n    1 / 0": "raised ZeroDivisionError: division by zero",
}


@pytest.mark.parametrize("fault", BROKEN)
def test_failure_of_an_installed_plugin_names_its_distribution(
    stack_dir: MakeStackDir, wheels: Path, tmp_path: Path, fault: str
) -> None:
    broken = tmp_path / "broken"
    for path in wheels.glob("*.dist-info/*"):
        if path.is_file():
            copy = broken / path.relative_to(wheels)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    (broken / "sample_plugin").mkdir()
    (broken / "sample_plugin" / "__init__.py").write_text(f"{PLUGIN}\n\n{fault}\n")
    stack = _stack(stack_dir, broken)

    outcome = stack.run("stack").failed(3)

    assert outcome.out.startswith("ERROR: plugin sample: ")
    assert "sample-devstack-plugin (entry point sample = sample_plugin)" in outcome.out
    assert BROKEN[fault] in outcome.out
    assert "Traceback" not in outcome.out
    assert not stack.dest.exists()


def test_drop_in_of_the_same_name_is_refused(stack_dir: MakeStackDir, wheels: Path) -> None:
    stack = _stack(stack_dir, wheels, {"extras.d/50-sample.sh": ""})

    outcome = stack.run("stack").failed(3)

    assert "ERROR: plugin sample: found twice, in sample-devstack-plugin (entry" in outcome.out
    assert f"and in {stack.path}/extras.d/50-sample.sh; rename or remove one" in outcome.out
