"""Files of configuration."""

import stat
from pathlib import Path

import pytest

from doitstack.errors import SettingsError
from doitstack_plugins.shared import conf_files
from tests.unit.recorded_actions import make_stack


def test_values_mean_themselves() -> None:
    sections = {"DEFAULT": {"a": "p$x 100%", "b": ""}, "database": {"c": "d"}}
    assert conf_files.text(sections) == ("[DEFAULT]\na = p$$x 100%\nb = \n\n[database]\nc = d\n")
    assert "p$x 100%%" in conf_files.text(sections, special="%")


def test_a_value_cannot_write_further_lines() -> None:
    with pytest.raises(SettingsError, match="the value of a holds a line end"):
        conf_files.text({"DEFAULT": {"a": "x\ny = z"}})


def test_file_is_private_and_written_only_if_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "etc" / "a.conf"
    assert conf_files.read(path) == ""
    assert conf_files.write(path, {"DEFAULT": {"a": "b"}})
    assert not conf_files.write(path, {"DEFAULT": {"a": "b"}})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert conf_files.read(path) == "[DEFAULT]\na = b\n"


@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_addresses_follow_the_service_host(tmp_path: Path, host: str) -> None:
    settings = make_stack(tmp_path, SERVICE_HOST=host, WEB_SERVICE_PORT="81").settings
    conf_files.set_address(settings, "WEB", "80", "/v2")
    assert settings["WEB_SERVICE_URI"] == "http://[::1]:81/v2"
