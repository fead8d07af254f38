"""Which calls the server leaves to the program itself, and when it restarts."""

import time
from pathlib import Path

from tests.served_tool import Tool, plain_environment, until


def test_another_version_is_left_alone(unserved: Tool) -> None:
    unserved.start(stamp="another")
    assert unserved.run("served").stdout == b"False\n"
    assert "another version" in unserved.log.read_text()


def test_a_changed_program_is_not_served(tool: Tool) -> None:
    assert tool.is_served()
    source = tool.bin / "fake_tool.py"
    source.write_text(source.read_text().replace(" in sys.modules)", " in sys.modules, 'new')"))
    time.sleep(0.06)  # for so long the last check holds
    assert tool.run("served").stdout == b"False new\n"
    until(lambda: tool.run("served").stdout == b"True new\n", tool.log)
    assert tool.server
    assert tool.server.poll() is None


def test_a_locale_in_no_encoding_does_not_end_the_server(tool: Tool) -> None:
    assert tool.run("served", env=plain_environment(LC_ALL="\udcff")).returncode == 0
    assert tool.is_served()


def test_a_server_that_restarts_forgets_what_imports_have_set(unserved: Tool) -> None:
    (unserved.bin / "fake_tool.py.talks").touch()
    unserved.start()
    assert unserved.is_served()
    (unserved.bin / "fake_tool.py").touch()
    time.sleep(0.06)  # for so long the last check holds
    assert not unserved.is_served()
    until(unserved.is_served, unserved.log)
    env = plain_environment(SET_AT_IMPORT="by the caller")
    assert not unserved.is_served(env=env)
    assert "SET_AT_IMPORT" in unserved.log.read_text()


def test_a_package_that_comes_while_the_program_is_imported_is_seen(unserved: Tool) -> None:
    new = unserved.bin / "new.py"
    unserved.start(setup=f"open({str(new)!r}, 'w').close()")
    assert not unserved.is_served()
    until(unserved.is_served, unserved.log)


def test_byte_code_is_no_change(unserved: Tool) -> None:
    unserved.start(
        setup=f"import os; os.makedirs({str(unserved.bin / '__pycache__')!r}, exist_ok=True)"
    )
    assert unserved.is_served()


def test_a_directory_of_packages_that_comes_later_is_seen(unserved: Tool, tmp_path: Path) -> None:
    later = tmp_path / "later"
    unserved.start(paths=(str(later),))
    assert unserved.is_served()
    later.mkdir()
    time.sleep(0.06)  # for so long the last check holds
    assert not unserved.is_served()
    until(unserved.is_served, unserved.log)


def test_what_was_read_at_import_must_be_the_same(tool: Tool) -> None:
    assert tool.run("import").stdout == b"None\n"
    done = tool.run("import", env=plain_environment(READ_AT_IMPORT="mine"))
    assert done.stdout == b"mine\n"
    assert "READ_AT_IMPORT (fake_tool)" in tool.log.read_text()


def test_a_fresh_module_sees_the_callers_environment(unserved: Tool) -> None:
    unserved.start(fresh=("fake_tool",))
    env = plain_environment(READ_AT_IMPORT="mine")
    assert unserved.run("import", env=env).stdout == b"mine\n"
    assert unserved.is_served(env=env)
