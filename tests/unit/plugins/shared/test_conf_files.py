"""Files of configuration."""

import stat
from pathlib import Path
from string import Template

import pytest

from doitstack.errors import SettingsError
from doitstack_plugins.shared import conf_files
from tests.unit.recorded_actions import make_stack


def test_values_mean_themselves() -> None:
    sections = {"DEFAULT": {"a": "p$x 100%", "b": ""}, "database": {"c": "d"}}
    assert conf_files.text(sections) == ("[DEFAULT]\na = p$$x 100%\nb = \n\n[database]\nc = d\n")
    assert "p$x 100%%" in conf_files.text(sections, special="%")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (r"a\$b", r"a\\$b"),
        (r"\\$$x", r"\\\$$$x"),
        (" a", '" a"'),
        ("a ", '"a "'),
        ('"a"', '""a""'),
        ("'", '"\'"'),
        ("'a\"", "'a\""),
        ('a"', 'a"'),
    ],
)
def test_values_that_oslo_config_would_change_are_quoted(value: str, written: str) -> None:
    text = conf_files.text({"DEFAULT": {"a": value}})
    assert text == f"[DEFAULT]\na = {written}\n"
    assert _read_by_oslo(text) == value


def _read_by_oslo(text: str) -> str:
    """Return the value of the last line as oslo.config's iniparser and Template read it."""
    value = text.splitlines()[-1].partition("=")[2].strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    return Template(value.replace(r"\$", "$$")).safe_substitute()


def test_blank_that_no_quotes_can_keep_is_refused() -> None:
    with pytest.raises(SettingsError, match="the value of a begins or ends with a blank"):
        conf_files.text({"DEFAULT": {"a": "x "}}, special="%")


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


def test_options_of_others_stay() -> None:
    before = """
[ours]
ours = old
theirs = kept
list = a
  b
# a comment
gone = old

[theirs]
theirs=kept
"""
    sections = {"ours": {"ours": "new", "list": "c"}, "more": {"x": "1"}}
    assert conf_files.with_others(before, sections, {("ours", "gone")}) == (
        "[ours]\nours = new\nlist = c\ntheirs = kept\n\n[more]\nx = 1\n\n[theirs]\ntheirs=kept\n"
    )
    long = "[theirs]\nlist = a\n  b\n"
    assert conf_files.with_others(long, {}) == long


def test_text_without_options_of_others_is_that_of_the_sections() -> None:
    sections = {"a": {"x": "1"}, "b": {"y": "$2"}}
    text = conf_files.text(sections)
    assert conf_files.with_others("", sections) == text
    assert conf_files.with_others(text, sections) == text


def test_options_of_later_parts_win() -> None:
    parts = ({"a": {"x": "1", "y": "1"}}, {"a": {"x": "2"}, "b": {"z": "2"}})
    assert conf_files.merged(*parts) == {"a": {"x": "2", "y": "1"}, "b": {"z": "2"}}
