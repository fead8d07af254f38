"""The completions of a command line of `doit`."""

import sys
from pathlib import Path

import pytest
from doit.doit_cmd import DoitMain

from doitstack.__main__ import main
from doitstack.cli.completion.complete import completions
from tests.conftest import COMMANDS

DODO = """\
def task_build():
    "make it"
    for name in ("lib:one", "lib:two", "app"):
        yield {"name": name, "actions": [], "doc": f"make {name}"}

def task__hidden():
    return {"actions": []}
"""


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change to a directory of tasks without a stack, but with our commands."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "dodo.py").write_text(DODO)
    (tmp_path / "pyproject.toml").write_text(COMMANDS)
    monkeypatch.delitem(sys.modules, "dodo", raising=False)
    return tmp_path


def words(line: str) -> list[str]:
    """Return what `doit LINE<TAB>` offers."""
    return [word for word, _ in completions(line.split(" "))]


def test_first_word_is_a_command_or_a_task() -> None:
    offered = words("")
    assert {"list", "log", "futures", "help", "build"} <= set(offered)
    assert "_hidden" not in offered
    assert len(offered) == len(set(offered))


def test_tasks_go_on_level_by_level() -> None:
    assert words("bu") == ["build", "build:"]
    assert words("build:") == ["build:lib:", "build:app"]
    assert words("build:lib:t") == ["build:lib:two"]
    assert words("list build:l") == ["build:lib:"]
    assert words("-n 4 build:a") == ["build:app"]


def test_candidates_have_descriptions() -> None:
    about = dict(completions(["b"]))
    assert about == {"build": "make it", "build:": ""}
    commands = DoitMain().get_cmds()
    for name, said in completions([""]):
        if name in commands:
            assert said == commands.get_plugin(name).doc_purpose


@pytest.mark.parametrize("name", list(DoitMain().get_cmds()))
def test_options_are_those_that_a_command_of_doit_declares(name: str) -> None:
    declared = {
        f"--{option['long']}"
        for option in DoitMain().get_cmds().get_plugin(name).cmd_options
        if option.get("long")
    }
    assert declared <= {word.rstrip("=") for word in words(f"{name} --")}


def test_options_of_our_commands() -> None:
    assert words("log --l") == ["--lines="]
    assert {"-f", "--follow", "--file="} <= set(words("log -"))
    assert words("futures -f") == ["-f"]
    assert {"-f", "--file="} <= set(words("list -"))
    assert words("--no-c") == ["--no-continue"]


def test_known_values_of_options_are_completed() -> None:
    assert words("list --sort=") == ["--sort=name", "--sort=definition"]
    assert words("list --sort d") == ["definition"]
    # Files, perhaps: that is for the shell.
    assert words("-f d") == []
    assert words("list --file=d") == []


def test_help_takes_commands_and_tasks() -> None:
    assert words("help bui") == ["build", "build:"]
    assert words("help tim") == ["timing"]


def test_another_dodo_file_is_looked_at(directory: Path) -> None:
    (directory / "other.py").write_text("def task_other():\n    return {'actions': []}\n")
    assert "other" in words("-f other.py oth")
    sys.modules.pop("other")
    assert words("list -f other.py oth") == ["other"]


def test_nothing_is_left(directory: Path) -> None:
    before = sorted(directory.iterdir())
    words("build:")
    made = {path.name for path in directory.iterdir()} - {path.name for path in before}
    assert made <= {"__pycache__"}


def test_complete_prints_words_with_their_descriptions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["complete", "bui"]) == 0
    assert capsys.readouterr().out == "build\tmake it\nbuild:\t\n"
