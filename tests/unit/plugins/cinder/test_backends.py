"""Where volumes are: back ends in files or nowhere."""

import subprocess
from pathlib import Path

import pytest

from doitstack.errors import SettingsError
from doitstack.processes.program import Program
from doitstack.stack import Stack
from doitstack_plugins.cinder import backends
from doitstack_plugins.cinder.plugin import plugin as cinder
from doitstack_plugins.libvirt import node
from tests.unit.plugins.libvirt.stacks import make_guests
from tests.unit.recorded_actions import RecordedActions

PROGRAMS = Path(node.__file__).with_name("programs")


def make(top_dir: Path, **environ: str) -> Stack:
    services = "key,mysql,rabbit,n-cpu,c-api,c-sch,c-vol,c-bak"
    stack = make_guests(top_dir, **{"ENABLED_SERVICES": services, **environ})
    cinder.source(stack.settings)
    return stack


@pytest.mark.parametrize(("driver", "kind"), [("libvirt", "nfs"), ("fake", "fake")])
def test_volumes_hold_data_if_servers_run(tmp_path: Path, driver: str, kind: str) -> None:
    stack = make(tmp_path, VIRT_DRIVER=driver)
    assert backends.enabled(stack.settings) == [(kind, kind)]
    assert backends.has_files(stack) == (kind == "nfs")


def test_each_back_end_has_a_file_system_of_its_own(tmp_path: Path) -> None:
    stack = make(tmp_path, CINDER_ENABLED_BACKENDS="nfs:one, fake:two,nfs")
    found = backends.sections(stack, tmp_path)
    assert list(found) == ["one", "two", "nfs"]
    assert found["one"]["nas_share_path"] != found["nfs"]["nas_share_path"]
    assert found["two"]["volume_driver"] == "cinder.tests.fake_driver.FakeLoggingVolumeDriver"


@pytest.mark.parametrize(
    ("value", "says"), [("lvm:lvmdriver-1", "use nfs:NAME"), ("nfs:a,fake:a", "a name of its own")]
)
def test_back_ends_that_cannot_be_are_refused(tmp_path: Path, value: str, says: str) -> None:
    settings = make(tmp_path, CINDER_ENABLED_BACKENDS=value).settings
    with pytest.raises(SettingsError, match=says):
        backends.check(settings, "CINDER_ENABLED_BACKENDS")


def test_a_size_has_a_unit_that_is_known(tmp_path: Path) -> None:
    settings = make(tmp_path, VOLUME_BACKING_FILE_SIZE="30 GB").settings
    with pytest.raises(SettingsError, match="number of bytes"):
        backends.check_size(settings, "VOLUME_BACKING_FILE_SIZE")


def test_a_file_system_is_made_once_and_mounted_in_the_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = make(tmp_path, VOLUME_BACKING_FILE_SIZE="3M")
    monkeypatch.setattr(node, "start", lambda _: None)
    monkeypatch.setattr(node, "command", lambda _: ["in-node"])

    def play(program: Program) -> None:
        if program.argv[0] == "/sbin/mke2fs":
            assert Path(program.argv[-1]).stat().st_size == 3 * 2**20

    stage = RecordedActions(play)
    with stack.acting(stage):
        backends.prepare(stack, tmp_path)
        backends.prepare(stack, tmp_path)
    assert [program.argv[0] for program in stage.programs] == [
        *("/sbin/mke2fs", "in-node", "in-node")
    ]
    assert (tmp_path / "volumes-nfs.ext4").stat().st_mode & 0o777 == 0o600


def test_daemons_that_mount_volumes_run_in_the_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node, "command", lambda _: ["in-node"])
    stack = make(tmp_path)
    words = {name: cinder.daemon_command(stack, name)[0] for name in cinder.daemons}
    assert [name for name, word in words.items() if word == "in-node"] == ["c-vol", "c-bak"]


def test_backups_go_to_swift_if_there_is_one(tmp_path: Path) -> None:
    stack = make(tmp_path)
    assert "posix" in cinder.backup_options(stack)["backup_driver"]
    stack.settings.enable_service("s-proxy")
    assert "swift" in cinder.backup_options(stack)["backup_driver"]


def test_an_nfs_mount_becomes_a_bind_of_the_directory(tmp_path: Path) -> None:
    # Without /bin/mount, its arguments are what counts.
    script = (PROGRAMS / "mount").read_text().replace("/bin/mount", "echo")
    words = ["-t", "nfs", "-o", "vers=4", "127.0.0.1:/srv/a b", "/mnt/x"]
    for arguments, expected in {
        tuple(words): "--bind /srv/a b /mnt/x\n",
        ("-o", "loop", "a", "b"): "-o loop a b\n",
    }.items():
        command: list[str | Path] = ["sh", "-c", script, "mount", *arguments]
        assert _output_of(command) == expected


def test_the_commands_of_rootwrap_run_without_it() -> None:
    command: list[str | Path] = [
        PROGRAMS / "sudo",
        "cinder-rootwrap",
        "/etc/rootwrap.conf",
        "echo",
        "ran",
    ]
    assert _output_of(command) == "ran\n"


def _output_of(command: list[str | Path]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
