"""Swift's functions, with its programs only recorded."""

from pathlib import Path

from doitstack_plugins.backing import memcached
from doitstack_plugins.swift.plugin import plugin as swift
from tests.unit.recorded_actions import RecordedActions, make_stack


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
