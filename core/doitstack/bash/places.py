"""What scripts expect to exist from the beginning, as with DevStack: directories, $PYTHON.

Nothing is made outside of DEST and DATA_DIR, nor in a directory of the user's.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from doitstack.config.settings import Settings
from doitstack.config.shared_directories import shared_directory

_REQUIREMENTS = {
    "global-requirements.txt": "# pip_install_gr installs what is not listed by its name.\n",
    "upper-constraints.txt": "# NAME===VERSION: constrains what scripts install.\n",
}


def make(settings: Settings) -> None:
    """Make what is missing, as far as the settings are known already."""
    for path in _directories(settings):
        shared_directory(settings, path)
    _make_requirements(settings)
    _make_python(settings)


def _directories(settings: Settings) -> Iterator[Path]:
    for name in ("FILES", "REQUIREMENTS_DIR", "TEMPEST_CONFIG_DIR"):
        if settings.get(name):
            yield settings.path(name)
    if settings.get("Q_PLUGIN_CONF_FILE"):
        yield Path("/", settings["Q_PLUGIN_CONF_FILE"]).parent
    if settings.get("HORIZON_DIR"):
        local = settings.path("HORIZON_DIR") / "openstack_dashboard" / "local"
        yield from (local / "enabled", local / "local_settings.d")


def _make_requirements(settings: Settings) -> None:
    """Make the two lists of the requirements project, which plugins extend and pass to pip."""
    if not settings.get("REQUIREMENTS_DIR"):
        return
    directory = settings.path("REQUIREMENTS_DIR")
    if shared_directory(settings, directory):
        for name, text in _REQUIREMENTS.items():
            if not (directory / name).exists():
                (directory / name).write_text(text)


def _make_python(settings: Settings) -> None:
    """Make an empty environment at STACK_VENV; the first installation makes the real one.

    Without `python3`, so that programs still find the machine's, and with its packages.
    """
    if not settings.get("STACK_VENV"):
        return
    venv = settings.path("STACK_VENV")
    python = venv / "bin" / "python"
    if python.exists() or not shared_directory(settings, python.parent):
        return
    base = Path(getattr(sys, "_base_executable", sys.executable))
    # The library's sign of an environment that is not complete.
    venv.with_name(f"{venv.name}.making").touch()
    text = f"home = {base.parent}\ninclude-system-site-packages = true\n"
    (venv / "pyvenv.cfg").write_text(text)
    python.symlink_to(base)
