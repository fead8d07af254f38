"""Serve a program by hand: install its client, then become its server.

Usage: python -m fork_server SCRIPT CLIENT DIRECTORY [MODULE...]
"""

import os
import sys
from pathlib import Path

from fork_server import Options, Preparation, install_client, server_command, stamp


def main(script: str, client: str, directory: str, *modules: str) -> None:
    """Serve the console script `script`, having imported `modules`; write its client."""
    program = Path(script).absolute()
    options = Options(
        script=str(program),
        directory=str(Path(directory).absolute()),
        name=program.name,
        stamp=stamp(str(program), *modules),
        preparation=Preparation(preload=modules),
    )
    install_client(options, Path(client))
    command = server_command(options, program.parent / "python")
    os.execv(command[0], command)  # noqa: S606 - the server


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
