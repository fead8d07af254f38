"""The files of supervised programs, and their names from those. Imports little."""

from pathlib import Path

PATTERN = "conf.d/*.conf"


def program_names(directory: Path) -> list[str]:
    """Return the names of all programs that have a configuration in a supervisor's directory."""
    return sorted(path.stem for path in directory.glob(PATTERN))


def old_log(log: Path) -> Path:
    """Return where a program's log is that was large when the program was started again."""
    return log.with_name(f"{log.name}.old")
