"""The stack directory of another host as an archive: its local.conf, and the user's other files."""

import io
import tarfile
from pathlib import Path

from doitstack.config.host_settings import COPIED, local_conf_of
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
                archive.add(path, name, filter=_without_byte_code)
        text = local_conf_of(host.name, stack.settings.local.sections, _values(stack, host, facts))
        data = text.encode()
        info = tarfile.TarInfo("local.conf")
        info.size, info.mode = len(data), 0o600
        archive.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def _without_byte_code(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if Path(info.name).name == "__pycache__" else info


def _values(stack: Stack, host: Host, facts: dict[str, object]) -> dict[str, str]:
    """Return the settings that a host needs of the controller."""
    values = {name: stack.password(name) for name in SHELL_PASSWORDS}
    words = str(facts.get("connection", "")).split()
    if len(words) == 4:
        # SSH_CONNECTION: the addresses and ports of the client and of the server.
        values["HOST_IP"] = words[2]
    values["SERVICE_HOST"] = stack.settings["SERVICE_HOST"]
    values["THIS_HOST"] = host.name
    values["ALL_HOSTS"] = " ".join(host_names(stack.settings))
    return values
