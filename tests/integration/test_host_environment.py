"""The archive of this environment, made and unpacked: the code of all that doitstack needs."""

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from doitstack.hosts.environment import environment_archive


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of this environment, where there was one of another state of its files."""
    directory = tmp_path_factory.mktemp("cache")
    for name, time in (("unused", 1000), ("of-another-version", None)):
        (directory / f"{name}.tgz").touch()
        if time:
            os.utime(directory / f"{name}.tgz", (time, time))
    return environment_archive(directory)


def test_archive_is_an_environment_without_pip_and_checkout(archive: Path, tmp_path: Path) -> None:
    new, stack = tmp_path / "new", tmp_path / "stack"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", new], check=True)
    with tarfile.open(archive) as packed:
        names = packed.getnames()
        packed.extractall(new, filter="tar")
    assert not any(name.endswith((".pth", ".pyc", "direct_url.json")) for name in names)
    assert not any("/site-packages/pytest/" in name for name in names), "only what is needed"
    subprocess.run([new / "bin/python", "-m", "doitstack", "init", stack], check=True)
    environ = {"PATH": os.defpath, "ENABLED_SERVICES": ","}
    listed = subprocess.run(
        [new / "bin/doit", "list"],
        cwd=stack,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "start the stack" in listed.stdout
    script = "import doitstack; print(doitstack.__file__)"
    used = subprocess.run([new / "bin/python", "-c", script], capture_output=True, check=True)
    assert Path(os.fsdecode(used.stdout)).is_relative_to(new)
    assert (new / "bin/uv").is_file()


def test_archive_is_made_once_for_each_state_of_the_files(archive: Path) -> None:
    made = archive.stat().st_ino
    assert environment_archive(archive.parent) == archive
    assert archive.stat().st_ino == made
    others = {path.name for path in archive.parent.glob("*.tgz")} - {archive.name}
    assert others == {"of-another-version.tgz"}, "a stack of that version may be sending it"
    assert archive.stat().st_mode & 0o077 == 0
