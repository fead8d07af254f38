"""Nova's functions, with its programs only recorded."""

import configparser
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from doitstack.errors import SettingsError
from doitstack.stack import Stack
from doitstack.steps import Kind
from doitstack_plugins import broker, database, nova, nova_cells, nova_conf, nova_processes, wsgi
from tests.unit.plugin_stage import Stage, make_stack

SERVICES = "key,mysql,rabbit,g-api,placement-api,neutron-api,n-api,n-cond,n-sch,n-cpu,n-api-meta"
HOOKS = (nova.stack_pre_install, nova.stack_install, nova.stack_post_config, nova.stack_extra)
PROGRAM = Path(wsgi.__file__).with_name("programs") / "nova_manage.py"


def make_nova(top_dir: Path, **environ: str) -> Stack:
    stack = make_stack(top_dir, **{"ENABLED_SERVICES": SERVICES, "LOCAL_HOSTNAME": "vm", **environ})
    for plugin in (database, broker, nova):
        plugin.source(stack.settings)
    return stack


def read(path: Path) -> configparser.RawConfigParser:
    conf = configparser.RawConfigParser()
    assert conf.read(path) == [str(path)]
    return conf


def names(stack: Stack, kind: Kind) -> list[str]:
    return [step.name for hook in HOOKS[1:] for step in hook(stack) if step.kind is kind]


def test_hooks_declare_nothing_when_nova_is_off(tmp_path: Path) -> None:
    stack = make_nova(tmp_path, ENABLED_SERVICES="key,mysql,rabbit")
    assert [list(hook(stack)) for hook in (*HOOKS, nova.stack_test_config)] == [[]] * 5


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
        nova.configure_nova(stack)
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
    assert nova_conf.transport_url(stack, 1) == nova_conf.transport_url(stack, 0)


def test_files_of_other_services_are_read_last(tmp_path: Path) -> None:
    stack = make_nova(tmp_path)
    drop_in = stack.data_dir / "nova" / "etc" / "nova.conf.d" / "neutron.conf"
    drop_in.parent.mkdir(parents=True)
    drop_in.write_text("[neutron]\n")
    assert [path.name for path in nova_conf.files(stack, "nova.conf")] == [
        *("nova.conf", "neutron.conf")
    ]


def test_processes_by_service_and_cell(tmp_path: Path) -> None:
    one = [daemon.name for daemon in nova_processes.daemons(make_nova(tmp_path))]
    assert one == ["n-cond-cell1", "n-sch", "n-cpu-1"]
    stack = make_nova(tmp_path, NOVA_NUM_CELLS="2", NUMBER_FAKE_NOVA_COMPUTE="2", NOVA_CPU_CELL="2")
    assert {daemon.name: daemon.files for daemon in nova_processes.daemons(stack)} == {
        "n-super-cond": ("nova.conf",),
        "n-cond-cell1": ("nova_cell1.conf",),
        "n-cond-cell2": ("nova_cell2.conf",),
        "n-sch": ("nova.conf",),
        "n-cpu-1": ("nova_cell2.conf", "nova_cpu1.conf"),
        "n-cpu-2": ("nova_cell2.conf", "nova_cpu2.conf"),
    }


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
        nova_processes.check_nova(make_nova(tmp_path, **{setting: value}))


def test_cells_are_told_to_the_api_without_secrets(tmp_path: Path) -> None:
    stack = make_nova(tmp_path, NOVA_NUM_CELLS="2")
    stage = Stage(lambda program: None)
    with stack.on_stage(stage):
        nova_cells.create_cells(stack)
    (program,) = stage.programs
    assert program.stdin is not None
    commands = [json.loads(line) for line in program.stdin.splitlines()]
    assert [(words[1:3], good) for words, good in commands] == [
        (["db", "online_data_migrations"], [0]),
        (["cell_v2", "create_cell"], [0, 2]),
        (["cell_v2", "create_cell"], [0, 2]),
    ]
    place = "{scheme}://{username}:{password}@{hostname}:{port}/nova_cell2"
    assert commands[2][0][4:] == [f"--database_connection={place}", f"--transport-url={place}"]


def manage(tmp_path: Path, *commands: object) -> "subprocess.CompletedProcess[str]":
    """Run commands of a nova-manage that only says its arguments and ends with the last one."""
    package = tmp_path / "nova" / "cmd"
    package.mkdir(parents=True)
    for directory in (package.parent, package):
        (directory / "__init__.py").touch()
    (package / "manage.py").write_text(
        "import sys\ndef main():\n    print(sys.argv)\n    return int(sys.argv[-1])\n"
    )
    return subprocess.run(
        [sys.executable, str(PROGRAM)],
        input="\n".join(map(json.dumps, commands)),
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_several_commands_run_in_one_program(tmp_path: Path) -> None:
    done = manage(tmp_path, [["db", "0"], [0]], [["cell", "2"], [0, 2]])
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "['nova-manage', 'db', '0']",
        "['nova-manage', 'cell', '2']",
    ]


def test_the_first_command_that_fails_ends_it(tmp_path: Path) -> None:
    done = manage(tmp_path, [["db", "3"], [0]], [["cell", "0"], [0]])
    assert done.returncode == 3
    assert "cell" not in done.stdout
    assert done.stderr.endswith("nova-manage db 3 ended with 3\n")
