"""The files of another host's stack directory."""

import io
import tarfile
from pathlib import Path

from doitstack.config.hosts import Host
from doitstack.config.settings import load_settings
from doitstack.hosts.stack_files import Repositories, directory_of, packed_files
from doitstack.stack import Stack

FACTS: dict[str, object] = {"connection": "192.0.2.1 50000 192.0.2.2 22"}


def test_host_gets_drop_ins_passwords_and_addresses(tmp_path: Path) -> None:
    (tmp_path / "extras.d/__pycache__").mkdir(parents=True)
    (tmp_path / "extras.d/__pycache__/a.pyc").touch()
    (tmp_path / "extras.d/50-a.sh").write_text("echo a\n")
    (tmp_path / "local.conf").write_text("[[local|localrc]]\nHOSTS=one,two\nHOST_IP=192.0.2.1\n")
    stack = Stack(load_settings(tmp_path, {"ADMIN_PASSWORD": "of the user"}))
    data = packed_files(stack, Host("one", "one"), FACTS)
    with tarfile.open(fileobj=io.BytesIO(data)) as packed:
        names = set(packed.getnames())
        assert names == {"extras.d", "extras.d/50-a.sh", "local.conf"}
        assert packed.getmember("local.conf").mode == 0o600
        assert {(one.uid, one.uname) for one in packed} == {(0, "")}, "of whoever unpacks them"
        packed.extractall(tmp_path / "there", filter="tar")
    settings = load_settings(tmp_path / "there", {})
    assert settings["THIS_HOST"] == "one"
    assert settings["ALL_HOSTS"] == "one two"
    assert not settings.get("HOSTS")
    assert settings["HOST_IP"] == "192.0.2.2"
    assert settings["SERVICE_HOST"] == "192.0.2.1"
    assert settings["ADMIN_PASSWORD"] == "of the user"
    assert settings["RABBIT_PASSWORD"] == stack.password("RABBIT_PASSWORD")


def test_hosts_that_share_a_home_have_directories_of_their_own() -> None:
    assert directory_of(Host("one", "a")) != directory_of(Host("two", "a"))


def test_clones_of_plugins_are_sent_with_what_was_changed_in_them(tmp_path: Path) -> None:
    (tmp_path / "local.conf").write_text(
        "[[local|localrc]]\nenable_plugin demo https://example.invalid/demo\n"
    )
    stack = Stack(load_settings(tmp_path, {}))
    assert Repositories(stack).digest == "", "there is no clone yet"
    script = stack.dest / "demo/devstack/plugin.sh"
    script.parent.mkdir(parents=True)
    script.write_text("echo\n")
    first = Repositories(stack)
    with tarfile.open(fileobj=io.BytesIO(first.packed())) as packed:
        names = packed.getnames()
    assert {".repositories/demo/devstack/plugin.sh", first.mark} <= {*names}
    assert Repositories(stack).mark == first.mark
    script.write_text("echo changed\n")
    assert Repositories(stack).mark != first.mark
