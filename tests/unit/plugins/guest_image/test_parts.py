"""The packages of which guests are made, with apt only played."""

from pathlib import Path

import pytest

from doitstack.errors import CommandError, StepError
from doitstack.processes.program import Program
from doitstack_plugins.backing import debian_packages
from doitstack_plugins.guest_image import parts
from tests.unit.plugins.libvirt.stacks import make_guests
from tests.unit.recorded_actions import RecordedActions

UPDATE = ["flock", "/var/lib/dpkg", "apt-get", "update"]
NEWEST = "linux-image-cloud-amd64\n  Depends: linux-image-6.1.0-56-cloud-amd64\n"


def test_packages_are_unpacked_and_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = make_guests(tmp_path)
    monkeypatch.setattr(stack, "output_of", lambda _: NEWEST)

    def download(program: Program) -> None:
        if "download" in program.argv:
            (tmp_path / "busybox.deb").touch()

    stage = RecordedActions(download)
    with stack.acting(stage):
        parts.fetch(stack, tmp_path)
    first, second = (list(map(str, program.argv)) for program in stage.programs)
    assert {"linux-image-6.1.0-56-cloud-amd64", *parts.PROGRAMS} <= set(first)
    assert "install" not in first
    assert second[:2] == ["dpkg-deb", "--extract"]
    assert not (tmp_path / "busybox.deb").exists()


def test_a_system_without_such_a_kernel_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack, stage = make_guests(tmp_path), RecordedActions(lambda program: None)
    monkeypatch.setattr(stack, "output_of", lambda _: "")
    for root, done in ((None, []), (["sudo", "-n"], [["sudo", "-n", *UPDATE]])):
        monkeypatch.setattr(debian_packages, "root_command", lambda root=root: root)
        with stack.acting(stage), pytest.raises(StepError, match="set IMAGE_URLS"):
            parts.fetch(stack, tmp_path)
        assert [list(program.argv) for program in stage.programs] == done


def test_a_kernel_that_is_in_old_lists_alone_is_not_asked_for_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack, lists = make_guests(tmp_path), ["6.1.0-37"]
    monkeypatch.setattr(debian_packages, "root_command", list)
    monkeypatch.setattr(
        stack, "output_of", lambda _: f"  Depends: linux-image-{lists[-1]}-cloud-amd64\n"
    )

    def play(program: Program) -> None:
        if "update" in program.argv:
            lists.append("6.1.0-56")
        elif "linux-image-6.1.0-37-cloud-amd64" in program.argv:
            raise CommandError("404 Not Found", 100)

    stage = RecordedActions(play)
    with stack.acting(stage):
        parts.fetch(stack, tmp_path)
    assert "linux-image-6.1.0-56-cloud-amd64" in stage.programs[-1].argv


def test_libraries_are_found_by_the_names_that_programs_look_for(tmp_path: Path) -> None:
    for name in ("libz.so.1", "libz.so.1.2.13", "libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2"):
        (tmp_path / name).touch()
    found = [path.name for path in parts.library_files(tmp_path)]
    assert found == ["libc.so.6", "libz.so.1", "ld-linux-x86-64.so.2"]
