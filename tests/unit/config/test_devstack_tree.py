"""Files of DevStack's tree are there for scripts that name them, and only where nothing is."""

import re
import subprocess
from pathlib import Path

import pytest

from doitstack.config import dest_directory, devstack_tree
from doitstack.config.settings import Settings
from tests.unit.recorded_actions import make_stack

TEXTS = ("source $TOP_DIR/functions\n", '. "${RC_DIR}/inc/python"\n')


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = make_stack(tmp_path).settings
    dest_directory.claim(settings)
    return settings


def names(settings: Settings) -> list[str]:
    return sorted(path.name for path in settings.path("TOP_DIR").iterdir() if path.is_symlink())


def test_links_are_made_for_what_scripts_name(settings: Settings) -> None:
    top = settings.path("TOP_DIR")
    for _ in range(2):
        devstack_tree.make_links(settings, TEXTS)
    assert names(settings) == ["functions", "functions-common", "inc", "lib"]
    said = subprocess.check_output(["bash", "-c", f"source {top}/lib/tls; declare -F init_CA"])
    assert said.splitlines()[-1] == b"init_CA"
    assert sorted(link.name for link in devstack_tree.links(settings)) == names(settings)
    assert not (top / "lib" / "no-such-file").exists()


def test_no_links_are_made_if_no_script_names_one(settings: Settings) -> None:
    devstack_tree.make_links(settings, ("source $TOP_DIR/functions; echo $TOP_DIR/library\n",))
    assert names(settings) == []


def test_links_follow_the_installation(settings: Settings) -> None:
    devstack_tree.make_links(settings, TEXTS)
    nova = settings.path("TOP_DIR") / "lib" / "nova"
    nova.unlink()
    nova.symlink_to("/an/earlier/installation")
    devstack_tree.make_links(settings, TEXTS)
    assert nova.exists()


def test_what_is_in_the_stack_directory_is_not_touched(settings: Settings) -> None:
    top = settings.path("TOP_DIR")
    (top / "lib").mkdir()
    (top / "inc").symlink_to("/elsewhere")
    (top / "functions").touch()
    devstack_tree.make_links(settings, TEXTS)
    assert list((top / "lib").iterdir()) == []
    assert names(settings) == ["functions-common", "inc"]
    assert [link.name for link in devstack_tree.links(settings)] == ["functions-common"]
    assert not devstack_tree.has_file(settings, "lib/nova")


def test_files_are_known_before_the_links_are_made(settings: Settings) -> None:
    (settings.path("TOP_DIR") / "stackrc").touch()
    names = ("lib/nova", "lib/novae", "functions", "stackrc")
    found = [name for name in names if devstack_tree.has_file(settings, name)]
    assert found == ["lib/nova", "functions", "stackrc"]


def test_table_has_names_alone() -> None:
    for file, functions in devstack_tree.functions_of_devstack().items():
        assert re.fullmatch(r"(lib|inc)/[\w/-]+|functions(-common)?", file)
        assert all(re.fullmatch(r"[\w-]+", name) for name in functions)
