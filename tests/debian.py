"""Programs of Debian that tests use: root installs them, as a stack does with its packages."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_ALONE = (
    *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"),
    *("sh", "-c", 'mount -t tmpfs run /run && exec "$@"', "sh"),
)
"""The words before a command that end the daemons that it starts; systemd is not seen there."""

INSTALL = (
    *("apt-get", "-o", "DPkg::Lock::Timeout=300", "install"),
    *("--yes", "--no-install-recommends"),
)
"""A stack beside the tests may be installing packages: apt waits for it, in s."""


def have(program: str, package: str, *, has_daemon: bool = False) -> None:
    """Have `program` on this machine, or skip the test.

    `has_daemon`: installing the package starts one, which must not stay.
    """
    if shutil.which(program):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        pytest.skip(f"{package} is not installed, and only root on Debian can install it")
    install = [*INSTALL, package]
    with _alone():
        for command in (["apt-get", "update"], [*(_ALONE if has_daemon else ()), *install]):
            answer = subprocess.run(command, capture_output=True, text=True, check=False)
            if answer.returncode:
                why = answer.stderr.strip()[-200:]
                pytest.skip(f"{package} is not installed, and cannot be: {why}")


@contextmanager
def _alone() -> Iterator[None]:
    """Let the workers of a test run use apt one after the other."""
    directory = os.open(Path(__file__).parent, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)


def unpack(packages: Iterable[str], directory: Path) -> None:
    """Unpack packages into `directory`, or skip the test; `/bin` and such are in `/usr` there."""
    if not shutil.which("apt-get"):
        pytest.skip("there is no apt-get, which would fetch packages of Debian")
    for name in ("bin", "lib", "sbin"):
        (directory / "usr" / name).mkdir(parents=True)
        (directory / name).symlink_to(f"usr/{name}")
    # Root's apt would download as another user, who cannot write here.
    words = ["apt-get", "-o", "APT::Sandbox::User=root", "download", *packages]
    answer = subprocess.run(words, cwd=directory, capture_output=True, text=True, check=False)
    if answer.returncode:
        pytest.skip(f"packages of Debian cannot be fetched: {answer.stderr.strip()[-200:]}")
    for archive in directory.glob("*.deb"):
        command = 'dpkg-deb --fsys-tarfile "$0" | tar --extract --keep-directory-symlink'
        subprocess.run(["sh", "-c", command, archive], cwd=directory, check=True)
        archive.unlink()
