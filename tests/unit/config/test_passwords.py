"""Passwords: given, or made once."""

import multiprocessing
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from doitstack.config.local_conf import LocalSettings, PluginRepository
from doitstack.config.passwords import Secrets, known_secrets, password, unmasked_names
from doitstack.config.settings import Settings
from doitstack.errors import SettingsError


def test_password_is_taken_from_the_settings(tmp_path: Path) -> None:
    assert password({"DEST": str(tmp_path), "ADMIN_PASSWORD": "p w$'"}, "ADMIN_PASSWORD") == "p w$'"
    assert list(tmp_path.iterdir()) == []


def test_password_is_made_once_and_kept_in_a_private_file(tmp_path: Path) -> None:
    settings = {"DEST": str(tmp_path / "dest")}
    first = password(settings, "ADMIN_PASSWORD")
    other = password(settings, "DATABASE_PASSWORD")
    path = tmp_path / "dest" / "passwords"
    assert len(first) == 32
    assert first != other
    assert path.read_text() == f"ADMIN_PASSWORD={first}\nDATABASE_PASSWORD={other}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert password(settings, "ADMIN_PASSWORD") == first


def test_password_may_be_edited_by_hand(tmp_path: Path) -> None:
    (tmp_path / "passwords").write_text("# mine\nADMIN_PASSWORD=a=b c\nEMPTY=\n")
    assert password({"DEST": str(tmp_path)}, "ADMIN_PASSWORD") == "a=b c"
    assert len(password({"DEST": str(tmp_path)}, "EMPTY")) == 32


@pytest.mark.parametrize("name", ["", "A B", "A=B", "A\nB", "1A"])
def test_password_refuses_a_bad_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="cannot name a password"):
        password({"DEST": str(tmp_path)}, name)


def test_password_refuses_line_ends(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="ADMIN_PASSWORD contains a line end") as caught:
        password({"DEST": str(tmp_path), "ADMIN_PASSWORD": "hunter\n2"}, "ADMIN_PASSWORD")
    assert "hunter" not in str(caught.value)


def test_password_is_the_same_for_processes_that_ask_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    names = [f"P{number % 3}" for number in range(24)]
    with context.Pool(8) as pool:
        values = pool.starmap(password, [({"DEST": str(tmp_path)}, name) for name in names])
    assert len(set(zip(names, values, strict=True))) == 3
    assert len((tmp_path / "passwords").read_text().splitlines()) == 3


def test_secrets_follow_changes(tmp_path: Path) -> None:
    settings = Settings({"DEST": str(tmp_path)}, LocalSettings({}), frozenset())
    secrets = Secrets(settings)
    assert secrets.redact("hunter22 and more") == "hunter22 and more"

    settings.default("MY_PASSWORD", "hunter22")
    assert secrets.redact("hunter22 and more") == "*** and more"
    settings.update({"MY_TOKEN": "and more"})
    assert secrets.redact("hunter22 and more") == "*** ***"
    made = password(settings, "ADMIN_PASSWORD")
    assert secrets.redact(f"with {made}") == "with ***"
    assert secrets.known is secrets.known, "read once"


def test_child_learns_what_its_parent_has_found_since(tmp_path: Path) -> None:
    settings = Settings({"DEST": str(tmp_path)}, LocalSettings({}), frozenset())
    secrets = Secrets(settings)
    assert secrets.known == []
    wait, ask = multiprocessing.Pipe()
    answer, answers = multiprocessing.Pipe()

    def child() -> None:
        wait.recv()
        secrets.learn("of the child, which the parent does not get")
        secrets.learn_from_parent()
        answers.send(secrets.known)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    settings.default("A_TOKEN", "hunter22")
    secrets.learn("hunter-of-script")
    assert secrets.known == ["hunter-of-script", "hunter22"]
    ask.send(None)
    assert answer.recv()[1:] == secrets.known == ["hunter-of-script", "hunter22"]
    process.join()


@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(b"A=\xff"), os.mkfifo, os.mkdir])
def test_passwords_that_cannot_be_read_are_reported_and_hide_nothing(
    tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    damage(tmp_path / "passwords")
    with pytest.raises(SettingsError, match=f"^{tmp_path}/passwords: cannot be read: "):
        password({"DEST": str(tmp_path)}, "ADMIN_PASSWORD")
    assert known_secrets({"DEST": str(tmp_path), "A_PASSWORD": "given"}) == ["given"]


@pytest.mark.parametrize(
    ("name", "value", "is_secret"),
    [
        *((name, "hunter22", True) for name in ("DB_PASSWORD", "my_secret", "X_TOKEN", "API_KEY")),
        *(
            (name, "hunter22", True)
            for name in ("HORIZON_SECRET_KEY", "GPG_PASSPHRASE", "A_PASSWD")
        ),
        *((name, "hunter22", False) for name in ("PASSWORD_FILE", "KEY_NAME", "TOKENS", "X_KEY")),
        *(("A_TOKEN", value, False) for value in ("False", "/etc/token", "none", "abc")),
        *(("A_TOKEN", value, False) for value in ("stack", "Admin", "12345678901")),
        *(("A_TOKEN", value, True) for value in ("stacks", "secret", "123456789012")),
    ],
)
def test_names_tell_secrets_from_other_settings(
    tmp_path: Path, name: str, value: str, is_secret: bool
) -> None:
    assert known_secrets({"DEST": str(tmp_path), name: value}) == [value] * is_secret


@pytest.mark.parametrize("name", ["barbican", "Barbican", "almanac", "horizon"])
def test_names_of_services_and_plugins_stay_readable(tmp_path: Path, name: str) -> None:
    repositories = (PluginRepository("almanac", "https://host/almanac", ""),)
    given = {"A_PASSWORD": name, "B_PASSWORD": f"{name}-22", "ENABLED_SERVICES": "key,barbican"}
    local = LocalSettings(given, repositories)
    settings = Settings({"DEST": str(tmp_path), **given}, local, frozenset())
    secrets = Secrets(settings)
    secrets.learn(name)
    assert secrets.redact(f"plugin {name}: {name}-22") == f"plugin {name}: ***"
    assert unmasked_names(settings) == ["A_PASSWORD"] * (name != "horizon")


def test_passwords_in_urls_are_secrets(tmp_path: Path) -> None:
    settings = {
        "DEST": str(tmp_path),
        "http_proxy": "http://me:pro%20xy1@proxy:3128/",
        "A_URL": "https://host:8080/a@b",
    }
    assert sorted(known_secrets(settings)) == ["pro xy1", "pro%20xy1"]
