"""Nova's files of configuration."""

import configparser
import stat
from pathlib import Path

from doitstack_plugins.nova import conf
from doitstack_plugins.nova.plugin import plugin as nova
from tests.unit.plugins.nova.stacks import make_nova
from tests.unit.recorded_actions import RecordedActions


def read(path: Path) -> configparser.RawConfigParser:
    conf = configparser.RawConfigParser()
    assert conf.read(path) == [str(path)]
    return conf


def test_configuration_of_cells_and_computes(tmp_path: Path) -> None:
    stack = make_nova(tmp_path, NOVA_NUM_CELLS="2", NUMBER_FAKE_NOVA_COMPUTE="2")
    with stack.acting(RecordedActions(lambda program: None)):
        nova.configure(stack)
    directory = stack.data_dir / "nova" / "etc"
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == (
        dict.fromkeys(
            (
                *("nova.conf", "nova-cpu.conf", "nova_cell1.conf", "nova_cell2.conf"),
                *("nova_cpu1.conf", "nova_cpu2.conf"),
            ),
            0o600,
        )
        | {"rootwrap.d": 0o700}
    )
    api, second = read(directory / "nova.conf"), read(directory / "nova_cell2.conf")
    assert api["database"]["connection"].endswith("/nova_cell0")
    assert second["database"]["connection"].endswith("/nova_cell2")
    # Sections of local.conf for nova.conf count for all processes.
    assert set(second.sections()) == {"database"}
    assert set(second["DEFAULT"]) == {"transport_url"}
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
    addition = stack.data_dir / "nova" / "etc" / "additions" / "neutron.conf"
    addition.parent.mkdir(parents=True)
    addition.write_text("[neutron]\n")
    assert [path.name for path in conf.files(stack, "nova.conf")] == [
        *("nova.conf", "neutron.conf")
    ]


def test_script_may_bring_a_driver_of_its_own(tmp_path: Path) -> None:
    stack = make_nova(tmp_path)
    assert "compute_driver" in conf.sections(stack)["DEFAULT"]
    # What a script sets is not checked, as what is in local.conf is.
    stack.settings.update({"VIRT_DRIVER": "theirs"})
    assert "compute_driver" not in conf.sections(stack)["DEFAULT"]


def test_subnode_has_no_databases(tmp_path: Path) -> None:
    stack = make_nova(
        tmp_path, ENABLED_SERVICES="n-cpu", SERVICE_HOST="192.0.2.1", HOST_IP="127.0.0.2"
    )
    with stack.acting(RecordedActions(lambda program: None)):
        nova.configure(stack)
    directory = stack.data_dir / "nova" / "etc"
    whole, cell = read(directory / "nova.conf"), read(directory / "nova_cell1.conf")
    assert {"database", "api_database"}.isdisjoint((*whole.sections(), *cell.sections()))
    assert "mysql" not in (directory / "nova.conf").read_text()
    assert whole["DEFAULT"]["my_ip"] == "127.0.0.2"
    assert whole["neutron"]["auth_url"] == "http://192.0.2.1:5000"
    assert "@192.0.2.1:15672/" in cell["DEFAULT"]["transport_url"]
    assert conf.generation(stack, "nova.conf")


def test_scheduler_looks_for_computes_of_other_hosts_that_reach_it(tmp_path: Path) -> None:
    name, delay = "discover_hosts_in_cells_interval", "periodic_fuzzy_delay"
    alone = conf.sections(make_nova(tmp_path))
    assert (name in alone["scheduler"], delay in alone["DEFAULT"]) == (False, False)
    there = make_nova(tmp_path, HOST_IP="192.0.2.1", THIS_HOST="controller")
    there.settings.update({"SERVICE_HOST": "127.0.0.1"})
    made = conf.sections(there)
    assert made["scheduler"][name] == "2"
    assert made["DEFAULT"][delay] == "0", "else it begins after up to a minute"


def test_scheduler_has_the_filters_of_devstack_to_which_plugins_add_theirs(tmp_path: Path) -> None:
    default, own = (
        conf.sections(make_nova(tmp_path, **more)) for more in ({}, {"NOVA_FILTERS": "A"})
    )
    filters = default["filter_scheduler"]["enabled_filters"].split(",")
    assert {"ComputeFilter", "SameHostFilter", "DifferentHostFilter"} < {*filters}
    assert own["filter_scheduler"] == {"enabled_filters": "A"}


def test_hosts_of_a_stack_have_different_names(tmp_path: Path) -> None:
    stack = make_nova(tmp_path, LOCAL_HOSTNAME="", THIS_HOST="compute1", SERVICE_HOST="192.0.2.1")
    assert conf.compute_host(stack, 1) == "compute11"
