"""Swift's functions, with its programs only recorded."""

from pathlib import Path

import pytest

from doitstack import warm
from doitstack.stack import Stack
from doitstack_plugins.backing import memcached
from doitstack_plugins.shared import health
from doitstack_plugins.swift import conf
from doitstack_plugins.swift.plugin import plugin as swift
from tests.unit.recorded_actions import RecordedActions, make_stack


def test_servers_are_forks_of_one_that_imports_all_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack, started = make_stack(tmp_path, ENABLED_SERVICES="key,s-proxy"), []
    for plugin in (memcached, swift):
        plugin.source(stack.settings)

    def daemon(_: Stack, program: warm.Program, service: str, name: str) -> list[str]:
        assert {f"swift.{kind}.server" for kind in ("account", "obj")} <= {*program.preload}
        return [f"fork of {program.name}", service, name]

    monkeypatch.setattr(warm, "daemon", daemon)
    monkeypatch.setattr(stack, "run_process", lambda _, argv, **__: started.append(argv))
    monkeypatch.setattr(health, "wait_until", lambda *_: None)
    with stack.acting(RecordedActions(lambda program: None)):
        conf.configure_swift(stack)
        swift.start(stack)
    assert [words[:3] for words in started] == [
        ["fork of swift-proxy-server", f"s-{kind}", f"swift-{kind}-server"]
        for kind in ("account", "container", "object", "proxy")
    ]
    assert [Path(words[3]).name for words in started] == [one.file for one in conf.SERVERS]


def test_rings_are_made_by_a_script_that_is_there(tmp_path: Path) -> None:
    stack, stage = (
        make_stack(tmp_path, ENABLED_SERVICES="key,s-proxy"),
        RecordedActions(lambda program: None),
    )
    for plugin in (memcached, swift):
        plugin.source(stack.settings)
    with stack.acting(stage):
        swift.init(stack)
    (program,) = stage.programs
    assert Path(program.argv[2]).read_text().startswith('"""Make Swift\'s rings')
