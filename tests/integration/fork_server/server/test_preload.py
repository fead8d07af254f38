"""What importing does besides is done in each call."""

from tests.served_tool import Tool, plain_environment


def test_rehearsals_leave_modules_alone(unserved: Tool) -> None:
    unserved.start(rehearsals=(("password",), ("count",)))
    assert unserved.run("imported", "getpass").stdout == b"True\n"
    assert unserved.run("count").stdout == b"1\n"


def test_output_of_imports_is_repeated_by_each_call(unserved: Tool) -> None:
    (unserved.bin / "fake_tool.py.talks").touch()
    unserved.start()
    for words in (("exit", "0"), ("lines", "2"), ("words",)):
        mine, real = unserved.both(*words)
        assert mine == real
        assert mine[2].startswith("ü deprecated\n".encode())
    assert "deprecated" in unserved.log.read_text()


def test_what_imports_set_is_set_in_each_call(unserved: Tool) -> None:
    (unserved.bin / "fake_tool.py.talks").touch()
    unserved.start()
    mine, real = unserved.both("state")
    assert mine == real
    assert b'"SET_AT_IMPORT": "by the tool"' in mine[1]
    env = plain_environment(SET_AT_IMPORT="by the caller")
    assert not unserved.is_served(env=env)
    assert b'"SET_AT_IMPORT": "by the caller"' in unserved.run("state", env=env).stdout
