"""The configuration of swift's servers."""

import configparser
import stat
from pathlib import Path

from doitstack_plugins.backing import memcached
from doitstack_plugins.swift import conf as swift_conf
from doitstack_plugins.swift.plugin import plugin as swift
from tests.unit.recorded_actions import make_stack


def read(path: Path) -> configparser.RawConfigParser:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    conf = configparser.RawConfigParser()
    conf.read(path)
    return conf


def test_configuration_of_swift(tmp_path: Path) -> None:
    stack = make_stack(
        tmp_path, ENABLED_SERVICES="key,s-proxy", SWIFT_HASH="h%h", SERVICE_PASSWORD="p$% w"
    )
    for plugin in (memcached, swift):
        plugin.source(stack.settings)
    swift_conf.configure_swift(stack)
    root = stack.data_dir / "swift" / "etc"
    assert read(root / "swift.conf")["swift-hash"]["swift_hash_path_prefix"] == "h%%h"
    proxy = read(root / "proxy-server.conf")
    assert proxy["filter:authtoken"]["password"] == "p$%% w"
    for name in proxy["pipeline:main"]["pipeline"].split()[:-1]:
        assert f"filter:{name}" in proxy
    assert read(root / "object-server.conf")["DEFAULT"]["bind_port"] == "6613"
