"""Nova's functions, with its programs only recorded."""

import configparser
import stat
from pathlib import Path

import pytest

from doitstack.errors import CommandError, SettingsError
from doitstack.processes.program import Program
from doitstack.stack import Stack
from doitstack.steps import Kind
from doitstack_plugins.backing import mariadb, rabbitmq
from doitstack_plugins.nova import cells, conf, processes
from doitstack_plugins.nova.plugin import plugin as nova
from tests.unit.plugin_stage import Stage, make_stack

SERVICES = "key,mysql,rabbit,g-api,placement-api,neutron-api,n-api,n-cond,n-sch,n-cpu,n-api-meta"
HOOKS = (nova.stack_pre_install, nova.stack_install, nova.stack_post_config, nova.stack_extra)

pytestmark = pytest.mark.usefixtures("no_fork_server")


def make_nova(top_dir: Path, **environ: str) -> Stack:
    stack = make_stack(top_dir, **{"ENABLED_SERVICES": SERVICES, "LOCAL_HOSTNAME": "vm", **environ})
    for plugin in (mariadb, rabbitmq, nova):
        plugin.source(stack.settings)
    return stack


def read(path: Path) -> configparser.RawConfigParser:
    conf = configparser.RawConfigParser()
    assert conf.read(path) == [str(path)]
    return conf


def names(stack: Stack, kind: Kind) -> list[str]:
    return [step.name for hook in HOOKS[1:] for step in hook(stack) if step.kind is kind]


def test_hooks_declare_without_doing(tmp_path: Path) -> None:
    stack = make_nova(tmp_path)
    assert all(list(hook(stack)) for hook in HOOKS)
    assert list(tmp_path.iterdir()) == []


def test_main_line_and_futures_of_nova(tmp_path: Path) -> None:
    stack = make_nova(tmp_path, NOVA_NUM_CELLS="2")
    assert names(stack, Kind.RUN) == [*("configure_nova", "init_nova_api", "create_cells")]
    assert names(stack, Kind.ASYNC_RUN) == [
        *("install_nova", "nova-cell-0", "nova-cell-1", "nova-cell-2", "nova-vhosts"),
        "create_nova_accounts",
        *("start_nova", "create_flavors", "wait_for_computes", "discover_hosts"),
    ]
    waits = [step.waits for step in nova.stack_extra(stack) if step.kind is Kind.ASYNC_WAIT]
    assert waits == [
        ("nova-cell-0", "nova-cell-1", "nova-cell-2"),
        ("create_nova_accounts",),
        ("nova-vhosts",),
        ("configure_neutron_nova",),
    ]


def test_without_neutron_nothing_waits_for_it(tmp_path: Path) -> None:
    stack = make_nova(tmp_path, ENABLED_SERVICES=SERVICES.replace("neutron-api,", ""))
    assert "configure_neutron_nova" not in str(list(nova.stack_extra(stack)))


def test_configuration_of_cells_and_computes(tmp_path: Path) -> None:
    stack = make_nova(tmp_path, NOVA_NUM_CELLS="2", NUMBER_FAKE_NOVA_COMPUTE="2")
    with stack.on_stage(Stage(lambda program: None)):
        nova.configure(stack)
    directory = stack.data_dir / "nova" / "etc"
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == (
        dict.fromkeys(
            ("nova.conf", "nova_cell1.conf", "nova_cell2.conf", "nova_cpu1.conf", "nova_cpu2.conf"),
            0o600,
        )
    )
    api, second = read(directory / "nova.conf"), read(directory / "nova_cell2.conf")
    assert api["database"]["connection"].endswith("/nova_cell0")
    assert second["database"]["connection"].endswith("/nova_cell2")
    assert api["DEFAULT"]["transport_url"].endswith(":15672/")
    assert second["DEFAULT"]["transport_url"].endswith(":15672/nova_cell2")
    assert read(directory / "nova_cpu2.conf")["DEFAULT"] == {
        "host": "vm2",
        "state_path": str(stack.data_dir / "nova" / "compute2"),
    }


def test_a_single_cell_shares_the_queues_of_the_api(tmp_path: Path) -> None:
    stack = make_nova(tmp_path)
    assert conf.transport_url(stack, 1) == conf.transport_url(stack, 0)


def test_files_of_other_services_are_read_last(tmp_path: Path) -> None:
    stack = make_nova(tmp_path)
    drop_in = stack.data_dir / "nova" / "etc" / "nova.conf.d" / "neutron.conf"
    drop_in.parent.mkdir(parents=True)
    drop_in.write_text("[neutron]\n")
    assert [path.name for path in conf.files(stack, "nova.conf")] == [
        *("nova.conf", "neutron.conf")
    ]


def test_processes_by_service_and_cell(tmp_path: Path) -> None:
    stack = make_nova(tmp_path, NOVA_NUM_CELLS="2", NUMBER_FAKE_NOVA_COMPUTE="2", NOVA_CPU_CELL="2")
    daemons = (*processes.control_daemons(stack), *processes.compute_daemons(stack))
    assert {daemon.name: daemon.files for daemon in daemons} == {
        "n-super-cond": ("nova.conf",),
        "n-cond-cell1": ("nova_cell1.conf",),
        "n-cond-cell2": ("nova_cell2.conf",),
        "n-sch": ("nova.conf",),
        "n-cpu-1": ("nova_cell2.conf", "nova_cpu1.conf"),
        "n-cpu-2": ("nova_cell2.conf", "nova_cpu2.conf"),
    }


def test_computes_start_after_the_conductors_that_they_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack, done = make_nova(tmp_path), []
    monkeypatch.setattr(stack, "run_process", lambda name, *_, **__: done.append(name))
    monkeypatch.setattr(processes, "wait_until_served", lambda *_: done.append("answers"))
    monkeypatch.setattr(processes, "_wait_until_ready", lambda _: done.append("ready"))
    with stack.on_stage(Stage(lambda program: None)):
        nova.configure(stack)
        processes.start_nova(stack)
    assert done == ["n-api", "n-api-meta", "n-cond-cell1", "n-sch", "answers", "n-cpu-1", "ready"]


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("NOVA_NUM_CELLS", "0", "needs a cell"),
        ("NOVA_CPU_CELL", "2", "cells 1 to 1"),
        ("ENABLED_SERVICES", "n-api,key", "mysql,rabbit,placement-api,g-api"),
    ],
)
def test_what_nova_cannot_do_is_told_first(
    tmp_path: Path, setting: str, value: str, says: str
) -> None:
    with pytest.raises(SettingsError, match=says):
        nova.check(make_nova(tmp_path, **{setting: value}))


def commands(stage: Stage) -> list[list[str]]:
    """Return what nova-manage was told, without its configuration."""
    assert {Path(program.argv[0]).name for program in stage.programs} == {"nova-manage"}
    words = [list(map(str, program.argv[1:])) for program in stage.programs]
    return [[word for word in line if not word.startswith("--config-file")] for line in words]


def test_cells_are_told_to_the_api_without_secrets(tmp_path: Path) -> None:
    stack = make_nova(tmp_path, NOVA_NUM_CELLS="2")
    stage = Stage(lambda program: None)
    with stack.on_stage(stage):
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


def run_cells(stack: Stack, code: int) -> Stage:
    """Make cells with a nova-manage that ends with `code` where it should make one."""

    def play(program: Program) -> None:
        if "create_cell" in program.argv:
            raise CommandError("no cell", code)

    stage = Stage(play)
    with stack.on_stage(stage):
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
    stage = Stage(lambda program: None)
    with stack.on_stage(stage):
        cells.discover_hosts(stack)
    (program,) = stage.programs
    assert program.env is not None
    assert program.env["OS_NOVA_DISABLE_EVENTLET_PATCHING"] == "1"
