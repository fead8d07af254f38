"""The names of supervised programs, from the names of their configuration files. Imports little."""

from pathlib import Path

PATTERN = "conf.d/*.conf"


def program_names(directory: Path) -> list[str]:
    """Return the names of all programs that have a configuration in a supervisor's directory."""
    return sorted(path.stem for path in directory.glob(PATTERN))
