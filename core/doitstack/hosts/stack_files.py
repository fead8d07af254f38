"""The stack directory of another host: its local.conf, the user's files, the clones of plugins."""

import hashlib
import io
import tarfile
from pathlib import Path

from doitstack.config.host_settings import COPIED, REPOSITORIES, local_conf_of, services_of_hosts
from doitstack.config.hosts import Host, host_names
from doitstack.config.passwords import SHELL_PASSWORDS
from doitstack.stack import Stack


def directory_of(host: Host) -> str:
    """Return the stack directory on a host, below the home directory there."""
    return f"doitstack/{host.name}"


def packed_files(stack: Stack, host: Host, facts: dict[str, object]) -> bytes:
    """Return the archive of the files for a host."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
        for name in COPIED:
            path = stack.top_dir / name
            if path.exists():
                archive.add(path, name, filter=_for_host)
        text = local_conf_of(host.name, stack.settings.local.sections, _values(stack, host, facts))
        data = text.encode()
        info = tarfile.TarInfo("local.conf")
        info.size, info.mode = len(data), 0o600
        archive.addfile(info, io.BytesIO(data))
    return packed.getvalue()


class Repositories:
    """The controller's clones of plugin repositories, with whatever was changed in them.

    Attributes:
        digest: the digest of the names, sizes and times of their files; empty without clones.
    """

    def __init__(self, stack: Stack) -> None:
        clones = (stack.dest / repository.name for repository in stack.settings.local.plugins)
        self._clones = [clone for clone in clones if clone.is_dir()]
        self.digest = self._digest() if self._clones else ""

    def _digest(self) -> str:
        digest = hashlib.sha256()
        for clone in self._clones:
            for path in sorted(clone.rglob("*")):
                if "__pycache__" not in path.parts:
                    found = path.lstat()
                    size = 0 if path.is_dir() else found.st_size
                    time = 0 if path.is_dir() else found.st_mtime_ns
                    digest.update(
                        f"{clone.name}/{path.relative_to(clone)} {size} {time}\n".encode()
                    )
        return digest.hexdigest()[:16]

    def packed(self) -> bytes:
        """Return the archive of the directory of all clones, with a file that has the digest."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
            for clone in self._clones:
                archive.add(clone, f"{REPOSITORIES}/{clone.name}", filter=_for_host)
            archive.addfile(tarfile.TarInfo(self.mark))
        return packed.getvalue()

    @property
    def mark(self) -> str:
        """The file that a host has if its clones are these."""
        return f"{REPOSITORIES}/.{self.digest}"


def _for_host(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Return a file as it is sent: without byte code, and of the user who unpacks it."""
    if Path(info.name).name == "__pycache__":
        return None
    return info.replace(uid=0, gid=0, uname="", gname="", deep=False)


def _values(stack: Stack, host: Host, facts: dict[str, object]) -> dict[str, str]:
    """Return the settings that a host needs of the controller."""
    values = {name: stack.password(name) for name in SHELL_PASSWORDS}
    words = str(facts.get("connection", "")).split()
    if len(words) == 4:
        # SSH_CONNECTION: the addresses and ports of the client and of the server.
        values["HOST_IP"] = words[2]
    values["SERVICE_HOST"] = stack.settings["SERVICE_HOST"]
    values["THIS_HOST"] = host.name
    values["ENABLED_SERVICES"] = services_of_hosts(stack.settings)
    values["ALL_HOSTS"] = " ".join(host_names(stack.settings))
    return values
