"""Placement's configuration."""

import configparser
import stat
from pathlib import Path

from doitstack_plugins.placement.plugin import plugin as placement
from tests.unit.recorded_actions import make_stack


def read(path: Path) -> configparser.RawConfigParser:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    conf = configparser.RawConfigParser()
    conf.read(path)
    return conf


def test_configuration_is_private_and_complete(tmp_path: Path) -> None:
    stack = make_stack(tmp_path, ENABLED_SERVICES="key,placement-api")
    placement.source(stack.settings)
    placement.configure(stack)
    conf = read(stack.data_dir / "placement" / "etc" / "placement.conf")
    assert conf["placement_database"]["connection"].endswith("/placement.db")
    assert conf["keystone_authtoken"]["username"] == "placement"
