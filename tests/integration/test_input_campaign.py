"""The campaign of inputs in its short form; docs/reliability.md describes the long one."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.campaign.bash_inputs import BASH_TARGETS, differences
from tests.campaign.inputs import Inputs, python_targets
from tests.campaign.mutator import Target


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    return Inputs(tmp_path_factory.getbasetemp(), seed=1)


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Target]]:
    with python_targets(tmp_path_factory.mktemp("inputs")) as found:
        yield found


NAMES = (
    *("local.conf", "settings", "scripts", "role", "journal", "job", "commands", "state"),
    *("passwords", "units", "stamps", "pipe", "messages", "socket"),
)


@pytest.mark.parametrize("name", NAMES)
def test_reader_refuses_what_it_cannot_read(
    inputs: Inputs, targets: dict[str, Target], name: str
) -> None:
    assert list(inputs.faults(targets[name], 60)) == []


def test_every_target_is_tested(targets: dict[str, Target]) -> None:
    assert set(targets) == set(NAMES)


@pytest.mark.parametrize("name", BASH_TARGETS)
def test_bash_reads_what_it_is_given(name: str) -> None:
    count = 20 if name == "evaluator" else 250
    with tempfile.TemporaryDirectory() as directory:  # one that another user can enter
        assert BASH_TARGETS[name](Path(directory), count, 1)[0] == []


def test_one_bash_for_many_local_confs_evaluates_them_as_doitstack_does() -> None:
    ends = (
        *("B=${%A}", "B=${A", "exit 3", "nothing here", "set -u; B=$NOTHING", "B=$((1 +))"),
        *("false", "readonly A; A=2", "return", "enable_plugin x", "(exit 3)", "set -e; false", ""),
    )
    inputs = [f"[[local|localrc]]\nA=1\n{end}\nC=3\n".encode() for end in ends]
    with tempfile.TemporaryDirectory() as directory:
        assert differences(Path(directory), inputs) == []
