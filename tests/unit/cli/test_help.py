"""`doit help`, `-h` and `--help`, of every command and of tasks."""

import pytest

from doitstack.cli import COMMANDS, command_name
from doitstack.phases import STACK_PHASES
from tests.unit.cli.conftest import Doit

NAMES = [command_name(name) for name in COMMANDS]


@pytest.mark.parametrize("name", NAMES)
def test_each_command_answers_with_usage_options_and_example(doit: Doit, name: str) -> None:
    code, text, err = doit("help", name)
    assert (code, err) == (0, "")
    assert doit(name, "-h")[1] == text
    assert doit(name, "--help")[1] == text
    assert f"doit {name}" in text
    assert "options" in text
    assert "CmdOption" not in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("name", sorted({*NAMES} - {"run"}))
def test_help_of_a_command_has_an_example(doit: Doit, name: str) -> None:
    text = doit("help", name)[1]
    assert text.startswith(f"doit {name}: ")
    _, _, examples = text.partition("\nexample")
    assert f"\n  doit {name}" in examples


def test_overview_names_all_commands(doit: Doit) -> None:
    code, text, _ = doit("help")
    assert code == 0
    assert {line.split()[1] for line in text.splitlines() if line.startswith("  doit ")} >= {
        *NAMES,
        "stack",
        "unstack",
    }
    assert doit("-h")[1] == text


def test_help_of_a_phase_in_which_nothing_is_done(doit: Doit) -> None:
    code, text, _ = doit("help", "stack:install")
    assert code == 0
    assert text.startswith("doit stack:install: ")
    assert doit("stack:install", "-h")[1] == text


def test_help_of_stack_names_its_phases(doit: Doit) -> None:
    code, text, _ = doit("stack", "--help")
    assert code == 0
    assert all(phase.task in text for phase in STACK_PHASES)
    assert "--console" in text
    assert doit("help", "stack")[1] == text
    assert doit("--console", "quiet", "stack", "-h")[1] == text


def test_help_of_a_phase_comes_from_its_task(doit: Doit) -> None:
    code, text, _ = doit("help", "clean:database:clean_databases")
    assert code == 0
    assert text.startswith("doit clean:database:clean_databases: clean_databases\n")


@pytest.mark.parametrize("words", [("help", "stakc"), ("stakc",), ("stakc", "-h")])
def test_unknown_name_gets_a_suggestion(doit: Doit, words: tuple[str, ...]) -> None:
    assert doit(*words) == (
        3,
        "",
        "ERROR: there is no command or task stakc; did you mean stack? `doit help` lists the "
        "commands, `doit list --all` the tasks\n",
    )


def test_help_takes_one_name(doit: Doit) -> None:
    assert doit("help", "a", "b") == (3, "", "ERROR: help takes one name: a b\n")


def test_help_of_doits_task_dictionary_stays(doit: Doit) -> None:
    assert "file_dep" in doit("help", "task")[1]
