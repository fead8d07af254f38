"""The server's own modules are none of the program's."""

from tests.served_tool import Tool


def test_program_may_have_modules_of_the_same_names(unserved: Tool) -> None:
    for name in ("fork_server", "server", "protocol"):
        (unserved.bin / f"{name}.py").write_text("")
    unserved.start(preload=("fake_tool", "server"))
    mine = [unserved.run("imported", name).stdout for name in ("server", "fork_server", "protocol")]
    assert mine == [b"True\n", b"False\n", b"False\n"]
    assert unserved.is_served()
