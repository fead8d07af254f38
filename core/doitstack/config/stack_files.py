"""The files that doitstack brings for a stack directory: in a wheel, or in a checkout."""

from pathlib import Path

_CHECKOUT = Path(__file__).parents[3]
_PACKAGED = Path(__file__).parents[1] / "stack_directory"

_FILES = ("dodo.py", "functions", "openrc", "stackrc")

DROP_INS = "extras.d"
"""The directory of drop-ins in a stack directory."""


def stack_files() -> dict[str, Path]:
    """Return the files by their names in a stack directory."""
    source = _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT
    paths = [source / name for name in _FILES]
    paths += [path for path in sorted((source / DROP_INS).iterdir()) if path.is_file()]
    return {str(path.relative_to(source)): path for path in paths}
