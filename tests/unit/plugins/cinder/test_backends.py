"""Where volumes are: back ends in LVM, in files or nowhere."""

import subprocess
from pathlib import Path

import pytest

from doitstack.config.settings import SettingCheck
from doitstack.errors import SettingsError, StepError
from doitstack.stack import Stack
from doitstack_plugins.cinder import backends, files
from doitstack_plugins.cinder.plugin import plugin as cinder
from doitstack_plugins.libvirt import node
from doitstack_plugins.lvm import device_mapper, needs, volume_groups
from tests.unit.plugins.libvirt.stacks import make_guests

PROGRAMS = Path(node.__file__).with_name("programs")


def make(top_dir: Path, **environ: str) -> Stack:
    services = "key,mysql,rabbit,n-cpu,c-api,c-sch,c-vol,c-bak"
    stack = make_guests(top_dir, **{"ENABLED_SERVICES": services, **environ})
    cinder.source(stack.settings)
    return stack


@pytest.mark.parametrize(("kind", "holds"), [("lvm", True), ("nfs", True), ("fake", False)])
def test_volumes_that_hold_data_are_in_the_node(tmp_path: Path, kind: str, holds: bool) -> None:
    stack = make(tmp_path, CINDER_ENABLED_BACKENDS=f"{kind}:{kind}")
    assert backends.hold_data(stack) == holds


def test_each_back_end_has_a_section(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_mapper, "has_target", lambda _: True)
    stack = make(tmp_path, CINDER_ENABLED_BACKENDS="nfs:one, fake:two,lvm:lvmdriver-1")
    found = backends.sections(stack, tmp_path)
    assert list(found) == ["one", "two", "lvmdriver-1"]
    assert found["one"]["volume_driver"].endswith("NfsDriver")
    assert found["two"]["volume_driver"] == "cinder.tests.fake_driver.FakeLoggingVolumeDriver"
    assert found["lvmdriver-1"] == {
        "volume_backend_name": "lvmdriver-1",
        "volume_driver": "doitstack_lvm.LocalVolumeDriver",
        "volume_group": "stack-volumes-lvmdriver-1",
        "lvm_type": "auto",
        "lvm_conf_file": "none",
        "volume_clear": "zero",
    }


@pytest.mark.parametrize(
    ("chosen", "target", "configured"),
    [("auto", True, "auto"), ("auto", False, "default"), ("thin", False, "thin")],
)
def test_volumes_are_thin_where_the_kernel_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: str, target: bool, configured: str
) -> None:
    monkeypatch.setattr(device_mapper, "has_target", lambda _: target)
    stack = make(tmp_path, CINDER_ENABLED_BACKENDS="lvm", CINDER_LVM_TYPE=chosen)
    assert backends.sections(stack, tmp_path)["lvm"]["lvm_type"] == configured


def test_the_daemons_find_our_driver_and_our_groups_alone(tmp_path: Path) -> None:
    found = backends.environ(make(tmp_path, CINDER_ENABLED_BACKENDS="lvm:one"))
    assert Path(found["PYTHONPATH"], "doitstack_lvm.py").is_file()
    assert found["LVM_SYSTEM_DIR"].endswith("/data/lvm")
    assert backends.environ(make(tmp_path, CINDER_ENABLED_BACKENDS="nfs:one")) == {}


@pytest.mark.parametrize(("value", "is_checked"), [("nfs:one", False), ("nfs:one,lvm:two", True)])
def test_needs_of_lvm_are_checked_if_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, is_checked: bool
) -> None:
    def refuse(_: Stack) -> None:
        raise StepError("no device mapper")

    monkeypatch.setattr(needs, "CHECKS", (refuse,))
    found = list(backends.checks(make(tmp_path, CINDER_ENABLED_BACKENDS=value)))
    assert bool(found) == is_checked
    for check in found:
        with pytest.raises(StepError, match="no device mapper"):
            check()


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("ceph:ceph", "use lvm:NAME, volumes in LVM, nfs:NAME"),
        ("nfs:a,lvm:a", "a name of its own"),
        ("lvm:a/b", "letters, digits"),
    ],
)
def test_back_ends_that_cannot_be_are_refused(tmp_path: Path, value: str, says: str) -> None:
    settings = make(tmp_path, CINDER_ENABLED_BACKENDS=value).settings
    with pytest.raises(SettingsError, match=says):
        backends.check(settings, "CINDER_ENABLED_BACKENDS")


@pytest.mark.parametrize(
    ("check", "name"),
    [
        (backends.check_lvm_type, "CINDER_LVM_TYPE"),
        (backends.check_clear, "CINDER_VOLUME_CLEAR"),
        (needs.check_name, "VOLUME_GROUP_NAME"),
    ],
)
def test_other_settings_are_checked(tmp_path: Path, check: SettingCheck, name: str) -> None:
    check(make(tmp_path).settings, name)
    with pytest.raises(SettingsError, match=name):
        check(make(tmp_path, **{name: "thi n"}).settings, name)


def test_a_size_has_a_unit_that_is_known(tmp_path: Path) -> None:
    settings = make(tmp_path, VOLUME_BACKING_FILE_SIZE="30 GB").settings
    with pytest.raises(SettingsError, match="number of bytes"):
        backends.check_size(settings, "VOLUME_BACKING_FILE_SIZE")


def test_what_keeps_volumes_is_made_after_the_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = make(
        tmp_path, VOLUME_BACKING_FILE_SIZE="3M", CINDER_ENABLED_BACKENDS="nfs:a,lvm:b,nfs:c"
    )
    done: list[tuple[object, ...]] = []
    monkeypatch.setattr(node, "start", lambda _: done.append(("node",)))
    monkeypatch.setattr(files, "mount", lambda _, __, *words: done.append(words))
    monkeypatch.setattr(volume_groups, "prepare", lambda _, size: done.append(("lvm", size)))
    backends.prepare(stack, tmp_path)
    size = 3 * 2**20
    assert done == [("node",), ("a", size), ("c", size), ("lvm", size)]


def test_daemons_that_open_volumes_run_in_the_node(
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
