"""The configuration files of supervised programs, as far as their names say. Imports little."""

from pathlib import Path

PATTERN = "conf.d/*.conf"


def program_names(directory: Path) -> list[str]:
    """Return the names of all programs that have a configuration in a supervisor's directory."""
    return sorted(path.stem for path in directory.glob(PATTERN))
