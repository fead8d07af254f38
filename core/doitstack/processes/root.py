"""Whether commands can be run as root, and how."""

import os


def root_command() -> list[str] | None:
    """Return the prefix of a command that runs it as root, or None if that is not possible.

    `sudo` is used only if it needs no password.
    """
    import subprocess  # noqa: PLC0415 - not for every `doit list`

    if os.geteuid() == 0:
        return []
    try:
        answer = subprocess.run(
            ["sudo", "-n", "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except FileNotFoundError:
        return None
    return ["sudo", "-n"] if answer.returncode == 0 else None
