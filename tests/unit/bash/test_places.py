"""What scripts expect to exist is made where it may be made, and nowhere else."""

import subprocess
from pathlib import Path

from doitstack.bash import places
from doitstack.config import dest_directory
from doitstack.config.settings import Settings
from doitstack.venvs import Environment
from tests.unit.recorded_actions import make_stack


def _settings(tmp_path: Path, **values: str) -> Settings:
    """Return the settings of a claimed DEST, with the places that the shell names."""
    dest = tmp_path / ".stack"
    named = {
        "FILES": f"{dest}/files",
        "REQUIREMENTS_DIR": f"{dest}/requirements",
        "HORIZON_DIR": f"{dest}/horizon",
        "TEMPEST_CONFIG_DIR": f"{dest}/data/tempest/etc",
        "Q_PLUGIN_CONF_FILE": f"{dest}/data/neutron/etc/plugins/ml2/ml2_conf.ini"[1:],
        "STACK_VENV": f"{dest}/venvs/stack",
    }
    settings = make_stack(tmp_path, **{**named, **values}).settings
    dest_directory.claim(settings)
    return settings


def test_places_are_made_once_and_removed_by_clean(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    places.make(settings)
    dest = settings.path("DEST")
    requirements = dest / "requirements" / "global-requirements.txt"
    requirements.write_text("mine\n")
    places.make(settings)
    assert requirements.read_text() == "mine\n"
    made = ("files", "horizon/openstack_dashboard/local/enabled", "data/tempest/etc")
    more = ("horizon/openstack_dashboard/local/local_settings.d", "data/neutron/etc/plugins/ml2")
    assert [name for name in (*made, *more) if not (dest / name).is_dir()] == []
    dest_directory.remove(settings)
    assert not dest.exists()


def test_places_are_not_made_in_directories_of_the_user(tmp_path: Path) -> None:
    tree = tmp_path / ".stack" / "horizon"
    tree.mkdir(parents=True)
    (tree / "setup.py").touch()
    outside = tmp_path / "outside"
    settings = _settings(tmp_path, FILES=str(outside), REQUIREMENTS_DIR=f"{tmp_path}/.stack/own/x")
    places.make(settings)
    assert not outside.exists()
    assert [path.name for path in tree.iterdir()] == ["setup.py"]
    assert not (settings.path("DEST") / "own").exists()
    dest_directory.remove(settings)
    assert tree.exists()


def test_places_that_are_not_known_yet_are_not_made(tmp_path: Path) -> None:
    stack = make_stack(tmp_path)
    places.make(stack.settings)
    assert not stack.dest.exists()


def test_python_is_an_environment_that_is_not_complete(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    places.make(settings)
    venv = settings.path("STACK_VENV")
    words = [
        str(venv / "bin" / "python"),
        "-c",
        "import sys; print(sys.prefix, sys.version_info[:2])",
    ]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    version = Environment(venv, ()).site_packages.parent.name.removeprefix("python")
    assert said == f"{venv} ({version.replace('.', ', ')})\n"
    assert (venv.parent / "stack.making").exists()
    assert [path.name for path in (venv / "bin").iterdir()] == ["python"]


def test_python_that_is_there_stays(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    python = settings.path("STACK_VENV") / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("")
    places.make(settings)
    assert not python.is_symlink()
    assert not (python.parents[2] / "stack.making").exists()


def test_place_that_cannot_be_made_is_left_to_the_script(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    (settings.path("DEST") / "files").touch()
    places.make(settings)
    assert (settings.path("DEST") / "files").is_file()
