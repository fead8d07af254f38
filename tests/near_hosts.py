"""Hosts that are directories of this machine: an `ssh` that runs the command in their homes."""

import os
from pathlib import Path

_SSH = """#!/bin/sh
# As ssh: the word after -- is the address, the rest the command, run by the login shell there.
while [ "$1" != -- ]; do shift; done
address=$2
shift 2
[ -d "@HOMES@/$address" ] || { echo "ssh: no host $address" >&2; exit 255; }
cd "@HOMES@/$address" || exit 255
[ ! -e .profile ] || . ./.profile
HOME=$PWD SSH_CONNECTION="192.0.2.1 50000 192.0.2.2 22" exec sh -c "$*"
"""


def near_hosts(top: Path, *names: str, environments: Path | None = None) -> dict[str, str]:
    """Make hosts; return the environment in which ssh leads to them.

    `environments` is where they keep the environments that they are given, if they share them.
    """
    homes, programs = top / "homes", top / "programs"
    for name in names:
        (homes / name / ".cache/doitstack").mkdir(parents=True)
        if environments:
            (homes / name / ".cache/doitstack/environments").symlink_to(environments)
    programs.mkdir()
    ssh = programs / "ssh"
    ssh.write_text(_SSH.replace("@HOMES@", str(homes)))
    ssh.chmod(0o755)
    return {"PATH": f"{programs}:{os.environ['PATH']}"}
