"""The environment over local.conf over defaults."""

from contextlib import suppress
from pathlib import Path

import pytest

from doitstack.config import dest_directory
from doitstack.config import settings as settings_module
from doitstack.config.cache_directories import cache_directory
from doitstack.config.local_conf import LocalSettings
from doitstack.config.settings import SettingCheck, Settings, load_settings
from doitstack.errors import SettingsError

ENVIRON = {"HOME": "/home/nobody-here", "PATH": "/usr/bin:/bin"}


def _load(top: Path, conf: str = "", **environ: str) -> Settings:
    if conf:
        (top / "local.conf").write_text(f"[[local|localrc]]\n{conf}")
    return load_settings(top, {**ENVIRON, **environ})


def _plain(**values: str) -> Settings:
    return Settings(values, LocalSettings({}), frozenset())


def test_defaults_follow_the_stack_directory(tmp_path: Path) -> None:
    settings = _load(tmp_path)

    assert {name: settings[name] for name in ("TOP_DIR", "DEST", "DATA_DIR", "LOGDIR")} == {
        "TOP_DIR": str(tmp_path),
        "DEST": f"{tmp_path}/.stack",
        "DATA_DIR": f"{tmp_path}/.stack/data",
        "LOGDIR": f"{tmp_path}/.stack/logs",
    }
    assert settings.services == ("key", "tempest")
    assert settings.is_true("DEVSTACK_PARALLEL") is True
    assert settings.number("ASYNC_JOBS") == 0


def test_environment_wins_over_local_conf_over_defaults(tmp_path: Path) -> None:
    conf = "DEST=/opt/from-conf\nHOST_IP=10.0.0.1\nMINE=conf\n"
    settings = _load(tmp_path, conf, DEST="/opt/from-environment")

    assert settings["DEST"] == "/opt/from-environment"
    assert settings["HOST_IP"] == "10.0.0.1"
    assert settings["MINE"] == "conf"
    assert settings["REGION_NAME"] == "RegionOne"


def test_paths_follow_the_dest_that_counts(tmp_path: Path) -> None:
    assert _load(tmp_path, "DEST=/opt/x\n")["DATA_DIR"] == "/opt/x/data"
    assert _load(tmp_path, DEST="/opt/y")["LOGDIR"] == "/opt/y/logs"


def test_local_conf_sees_our_defaults_and_appends(tmp_path: Path) -> None:
    conf = 'LOGS=$DEST/elsewhere\nENABLED_SERVICES+=,g-api\ndisable_service tempest\nX="a b"\n'
    settings = _load(tmp_path, conf)

    assert settings["LOGS"] == f"{tmp_path}/.stack/elsewhere"
    assert settings.services == ("key", "g-api")
    assert settings["X"] == "a b"


def test_top_dir_cannot_be_set(tmp_path: Path) -> None:
    settings = _load(tmp_path, "TOP_DIR=/somewhere\n", TOP_DIR="/else")
    assert settings["TOP_DIR"] == str(tmp_path)


@pytest.mark.parametrize(
    ("dest", "complaint"),
    [
        ("", "DEST is empty; set it to a separate directory"),
        ("relative/x", "DEST=relative/x: use an absolute path"),
        ("/", "DEST=/: this is not a directory of doitstack's own; use another"),
        ("/tmp/..", "DEST=/tmp/..: this is not a directory of doitstack's own; use another"),
        ("/opt/a$b", "DEST=/opt/a$b: OpenStack cannot use a path with $"),
        ("/opt/a%b", "DEST=/opt/a%b: OpenStack cannot use a path with %"),
        ("/opt/a:b", "DEST=/opt/a:b: OpenStack cannot use a path with :"),
        ("/etc/passwd", "DEST=/etc/passwd: this is not a directory; use another"),
    ],
)
def test_dest_that_must_not_be_used_is_refused(tmp_path: Path, dest: str, complaint: str) -> None:
    with pytest.raises(SettingsError) as raised:
        _load(tmp_path, DEST=dest)
    assert str(raised.value) == complaint


def test_home_is_refused_as_dest_even_through_a_link(tmp_path: Path) -> None:
    home, link = tmp_path / "home", tmp_path / "link"
    home.mkdir()
    link.symlink_to(home)
    for dest in (home, link, f"{home}/."):
        with pytest.raises(SettingsError, match="not a directory of doitstack's own"):
            _load(tmp_path, DEST=str(dest), HOME=str(home))


def test_home_of_devstacks_own_user_is_its_dest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "stack"
    home.mkdir()
    monkeypatch.setattr(settings_module, "_HOME_OF_STACK", home)
    (home / ".bashrc").touch()
    settings = _load(tmp_path, DEST=str(home), HOME=str(home), PATH="/bin")
    dest_directory.claim(settings)
    dest_directory.remove(settings)
    assert [path.name for path in home.iterdir()] == [".bashrc"]


def test_missing_setting_error_gives_advice() -> None:
    with pytest.raises(SettingsError, match=r"^X is not set; set it in local.conf$"):
        _plain()["X"]
    assert "X" not in _plain()


def test_get_takes_the_default_for_empty_too() -> None:
    settings = _plain(EMPTY="", SET="x")
    assert [settings.get(name, "d") for name in ("EMPTY", "SET", "MISSING")] == ["d", "x", "d"]


def test_default_sets_only_unset_names() -> None:
    settings = _plain(SET="x", EMPTY="")
    assert [settings.default(name, "d") for name in ("SET", "EMPTY", "NEW")] == ["x", "d", "d"]
    assert dict(settings) == {"SET": "x", "EMPTY": "d", "NEW": "d"}
    assert len(settings) == 3


@pytest.mark.parametrize(
    ("text", "truth"),
    [("True", True), ("yes", True), ("1", True), (" on ", True), ("False", False), ("no", False),
     ("0", False), ("off", False)],
)  # fmt: skip
def test_truth_is_in_devstacks_spelling(text: str, truth: bool) -> None:
    assert _plain(X=text).is_true("X") is truth
    assert _plain(X=text).is_true("X", default=not truth) is truth


def test_truth_of_an_unset_name_is_the_default() -> None:
    assert _plain().is_true("X", default=True)
    assert _plain(X="").is_true("X", default=True)
    assert not _plain().is_true("X")


def test_bad_values_name_the_setting() -> None:
    settings = _plain(TRUTH="maybe", NUMBER="-1", PORT="70000")
    with pytest.raises(SettingsError, match=r"^TRUTH=maybe: use True or False$"):
        settings.is_true("TRUTH")
    with pytest.raises(SettingsError, match=r"^NUMBER=-1: use a whole number, 0 or more$"):
        settings.number("NUMBER")
    with pytest.raises(SettingsError, match=r"^PORT=70000: a port is a number from 1 to 65535$"):
        settings.port("PORT")


@pytest.mark.parametrize(
    ("lines", "environ", "host"),
    [
        ("", {}, "127.0.0.1"),
        ("HOST_IP=127.0.0.2\n", {}, "127.0.0.2"),
        ("HOST_IP=127.0.0.2\nSERVICE_HOST=127.0.0.3\n", {}, "127.0.0.3"),
        ("HOST_IP=127.0.0.2\n", {"HOST_IP": "127.0.0.4"}, "127.0.0.4"),
        ("HOST_IPV6=fd00::2\n", {}, "127.0.0.1"),
        ("SERVICE_IP_VERSION=6\n", {}, "[::1]"),
        ("SERVICE_IP_VERSION=6\nHOST_IPV6=fd00::2\n", {}, "[fd00::2]"),
        ("SERVICE_IP_VERSION=6\nHOST_IPV6=[fd00::2]\n", {}, "[fd00::2]"),
        ("HOST_IPV6=fd00::2\n", {"SERVICE_IP_VERSION": "6"}, "[fd00::2]"),
        ("SERVICE_IP_VERSION=6\nSERVICE_HOST=[fd00::3]\n", {}, "[fd00::3]"),
    ],
)
def test_service_host_follows_host_ip(
    tmp_path: Path, lines: str, environ: dict[str, str], host: str
) -> None:
    (tmp_path / "local.conf").write_text(f"[[local|localrc]]\n{lines}")
    assert load_settings(tmp_path, environ)["SERVICE_HOST"] == host


def test_services_are_added_and_taken_away() -> None:
    settings = _plain(ENABLED_SERVICES="key, tempest,-tempest,g-api key")
    settings.enable_service("n-api", "key")
    settings.disable_service("g-api")
    assert settings["ENABLED_SERVICES"] == "key,n-api"


def test_service_that_is_disabled_is_not_enabled_again() -> None:
    settings = _plain(ENABLED_SERVICES="key,a", DISABLED_SERVICES="b")
    settings.disable_service("a")
    settings.enable_service("a", "b", "c")
    assert settings.services == ("key", "c")
    assert settings["DISABLED_SERVICES"] == "b,a"


@pytest.mark.parametrize(
    ("enabled", "asked", "answer"),
    [("key", "key", True), ("key", "keystone", True), ("n-api", "nova", True),
     ("g-api", "glance", True), ("c-vol", "cinder", True), ("q-svc", "neutron", True),
     ("neutron-api", "neutron", True), ("s-proxy", "swift", True), ("swift", "s-proxy", True),
     ("tr-api", "trove", True), ("placement-api", "placement", True),
     ("", "key", False), ("nova", "n-api", False)],
)  # fmt: skip
def test_group_names_mean_any_of_their_parts(enabled: str, asked: str, answer: bool) -> None:
    assert _plain(ENABLED_SERVICES=enabled).is_service_enabled(asked) is answer


def test_update_takes_changes_of_the_shell_except_top_dir() -> None:
    settings = _plain(TOP_DIR="/here", X="1")
    settings.update({"TOP_DIR": "/there", "X": "2", "Y": "3"})
    assert dict(settings) == {"TOP_DIR": "/here", "X": "2", "Y": "3"}


def test_names_that_are_set_late_are_recorded() -> None:
    settings = Settings({"EARLY": "1"}, LocalSettings({}), frozenset())
    with settings.late_defaults():
        settings.default("EARLY", "2")
        settings.default("LATE", "3")
    settings.default("AFTERWARDS", "4")
    assert settings.late == {"LATE"}


@pytest.mark.parametrize("name", ["DEST", "DATA_DIR", "LOGDIR", "HOME"])
def test_links_in_a_circle_are_a_mistake_or_nothing(tmp_path: Path, name: str) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with suppress(SettingsError):
        settings = load_settings(tmp_path, {name: str(loop)})
        cache_directory(settings)
        dest_directory.owned(settings)
        dest_directory.claim(settings)
    assert loop.is_symlink()


def test_defaults_are_text(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, {})
    assert settings.default("A_PORT", 3) == "3"
    for name, value in (("B", None), (3, "x"), ("B", ["x"])):
        with pytest.raises(TypeError, match="a default is a name and its text: got "):
            settings.default(name, value)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="enable_service takes names: got 3"):
        settings.enable_service(3)  # type: ignore[arg-type]


def test_empty_address_is_the_default_one(tmp_path: Path) -> None:
    assert load_settings(tmp_path, {"HOST_IP": ""})["SERVICE_HOST"] == "127.0.0.1"


def test_paths_networks_and_urls_are_read() -> None:
    settings = _plain(P="/a/b", N="10.0.0.0/22", N6=" fd00::/64 ", U="http://h/x, file:///y", E="")
    assert settings.absolute_path("P") == Path("/a/b")
    assert [str(settings.network(name)) for name in ("N", "N6")] == ["10.0.0.0/22", "fd00::/64"]
    assert settings.urls("U") == ["http://h/x", "file:///y"]
    assert settings.urls("E") == []


@pytest.mark.parametrize(
    ("check", "values", "remedy"),
    [
        (Settings.absolute_path, ("relative", "./x", "~/x"), "use an absolute path"),
        (
            Settings.network,
            ("nonsense", "10.0.0.1/22", "10.0.0.0", "10.0.0.0/33", "10.0.0.0/x", "/22", "a/b/c"),
            "use a range of addresses, such as 10.0.0.0/22",
        ),
        (
            Settings.urls,
            ("nonsense", "/tmp/x.img", "http://", "http://a,b"),
            "use URLs, such as https://HOST/PATH or file:///PATH",
        ),
    ],
)
def test_bad_path_network_or_url_is_named(
    check: SettingCheck, values: tuple[str, ...], remedy: str
) -> None:
    for value in values:
        with pytest.raises(SettingsError) as raised:
            check(_plain(X_NAME=value), "X_NAME")
        assert str(raised.value) == f"X_NAME={value}: {remedy}"


def test_bad_value_of_the_users_file_is_named_with_its_line(tmp_path: Path) -> None:
    settings = _load(tmp_path, "A=1\nTIDES_PORT=x\nBAY_PORT=y\n", BAY_PORT="z")
    for name, place in (("TIDES_PORT", f"{tmp_path}/local.conf:3: "), ("BAY_PORT", "")):
        with pytest.raises(SettingsError) as raised:
            settings.port(name)
        assert str(raised.value).startswith(f"{place}{name}={settings[name]}: use a whole number")
