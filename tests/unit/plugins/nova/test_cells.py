"""Nova's databases, with nova-manage only recorded."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from doitstack.errors import CommandError
from doitstack.processes.program import Program
from doitstack.stack import Stack
from doitstack_plugins.nova import cells
from tests.unit.plugins.nova.stacks import make_nova
from tests.unit.recorded_actions import RecordedActions

pytestmark = pytest.mark.usefixtures("no_fork_server")


def commands(stage: RecordedActions) -> list[list[str]]:
    """Return the arguments of nova-manage, without its configuration."""
    assert {Path(program.argv[0]).name for program in stage.programs} == {"nova-manage"}
    words = [list(map(str, program.argv[1:])) for program in stage.programs]
    return [[word for word in line if not word.startswith("--config-file")] for line in words]


def test_cells_are_given_to_the_api_without_secrets(tmp_path: Path) -> None:
    stack = make_nova(tmp_path, NOVA_NUM_CELLS="2")
    stage = RecordedActions(lambda program: None)
    with stack.acting(stage):
        cells.create_cells(stack)
    first, *others = commands(stage)
    assert first == ["db", "online_data_migrations"]
    places = [
        f"{{scheme}}://{{username}}:{{password}}@{{hostname}}:{{port}}/nova_cell{n}" for n in (1, 2)
    ]
    assert others == [
        [
            *("cell_v2", "create_cell", f"--name=cell{number}"),
            *(f"--database_connection={place}", f"--transport-url={place}"),
        ]
        for number, place in enumerate(places, 1)
    ]


def run_cells(stack: Stack, code: int) -> RecordedActions:
    """Make cells with a nova-manage that ends with `code` where it should make one."""

    def play(program: Program) -> None:
        if "create_cell" in program.argv:
            raise CommandError("no cell", code)

    stage = RecordedActions(play)
    with stack.acting(stage):
        cells.create_cells(stack)
    return stage


def test_a_cell_that_is_there_is_good(tmp_path: Path) -> None:
    stage = run_cells(make_nova(tmp_path, NOVA_NUM_CELLS="2"), 2)
    assert len(stage.programs) == 3


def test_a_cell_that_cannot_be_made_ends_it(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no cell"):
        run_cells(make_nova(tmp_path), 1)


def test_nova_manage_never_has_green_threads(tmp_path: Path) -> None:
    stack = make_nova(tmp_path)
    stage = RecordedActions(lambda program: None)
    with stack.acting(stage):
        cells.discover_hosts(stack)
    (program,) = stage.programs
    assert program.env is not None
    assert program.env["OS_NOVA_DISABLE_EVENTLET_PATCHING"] == "1"


def discover(stack: Stack, code: int) -> None:
    def play(program: Program) -> None:
        raise CommandError("mapped twice", code)

    with stack.acting(RecordedActions(play)):
        cells.discover_hosts(stack)


def test_host_that_the_scheduler_has_just_mapped_is_good(tmp_path: Path) -> None:
    discover(make_nova(tmp_path), 2)
    with pytest.raises(CommandError):
        discover(make_nova(tmp_path), 1)


def test_forks_import_what_reads_intervals_when_it_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("nova.compute.manager", "nova.scheduler.manager")
    for name in names:
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    program = cells.manager(make_nova(tmp_path))
    assert set(names) < set(program.preload), "so that what these import is there"
    exec(program.setup, {"__name__": "__main__"})
    assert not sys.modules.keys() & set(names)


def test_subnode_imports_for_computes_alone(tmp_path: Path) -> None:
    subnode = make_nova(tmp_path, ENABLED_SERVICES="n-cpu", SERVICE_HOST="192.0.2.1")
    imported = cells.manager(subnode).preload
    assert "nova.compute.manager" in imported
    assert "nova.scheduler.manager" not in imported
