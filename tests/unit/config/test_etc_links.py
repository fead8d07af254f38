"""Links in /etc are made for scripts that name them, and only where nothing is."""

import os
import re
from pathlib import Path

import pytest

from doitstack import bash
from doitstack.config import dest_directory, etc_links
from doitstack.config.settings import Settings
from tests.unit.recorded_actions import make_stack

TEXTS = ("iniset /etc/nova/nova.conf a b c\n", "ls /etc/neutron /etc/keystones /etc/cinder\n")


@pytest.fixture
def etc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "etc"
    path.mkdir()
    monkeypatch.setattr(etc_links, "ETC", path)
    return path


@pytest.fixture
def settings(tmp_path: Path, etc: Path) -> Settings:
    names = ("nova", "neutron", "keystone")
    conf = {f"{name.upper()}_CONF_DIR": f"{tmp_path}/.stack/data/{name}/etc" for name in names}
    settings = make_stack(tmp_path, CINDER_CONF_DIR=f"{tmp_path}/elsewhere", **conf).settings
    dest_directory.claim(settings)
    return settings


def test_links_are_made_for_what_scripts_name(settings: Settings, etc: Path) -> None:
    for _ in range(2):
        etc_links.make_links(settings, TEXTS)
    assert sorted(path.name for path in etc.iterdir()) == ["neutron", "nova"]
    (etc / "nova" / "nova.conf").touch()
    assert (settings.path("NOVA_CONF_DIR") / "nova.conf").exists()
    assert [link.name for link in etc_links.links(settings)] == ["neutron", "nova"]


def test_programs_of_a_service_find_its_configuration(settings: Settings, etc: Path) -> None:
    calls = ("neutron-db-manage --subproject x upgrade head\n", "mynova-manage; nova-managed\n")
    etc_links.make_links(settings, calls)
    assert [path.name for path in etc.iterdir()] == ["neutron"]


def test_programs_of_a_user_find_the_links_elsewhere(
    settings: Settings, etc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert etc_links.variables(settings) == {}
    monkeypatch.setattr(os, "access", lambda path, mode: path != etc)
    for _ in range(2):
        etc_links.make_links(settings, TEXTS)
    assert list(etc.iterdir()) == []
    place = Path(etc_links.variables(settings)["SNAP_COMMON"])
    assert sorted(path.name for path in (place / "etc").iterdir()) == ["neutron", "nova"]
    assert (place / "etc" / "nova").resolve() == settings.path("NOVA_CONF_DIR")


def test_what_is_in_etc_already_is_not_touched(
    settings: Settings, etc: Path, tmp_path: Path
) -> None:
    (etc / "nova").mkdir()
    (etc / "neutron").symlink_to(tmp_path / "another" / "data" / "neutron" / "etc")
    etc_links.make_links(settings, TEXTS)
    assert list(etc_links.links(settings)) == []
    assert not (etc / "nova").is_symlink()
    assert (etc / "neutron").is_symlink()
    can = {name: etc_links.can_link(settings, name) for name in ("nova", "neutron", "keystone")}
    assert can == {"nova": False, "neutron": False, "keystone": True}


def test_link_of_this_stack_is_known(settings: Settings) -> None:
    etc_links.make_links(settings, TEXTS)
    assert etc_links.can_link(settings, "nova")


def test_the_shell_knows_the_same_projects() -> None:
    text = (Path(bash.__file__).parent / "library" / "service_files.sh").read_text()
    (names,) = re.findall(r"^_CONFIGURED_PROJECTS=\((.*)\)$", text, re.MULTILINE)
    assert names.lower().split() == [*etc_links.PROJECTS]
