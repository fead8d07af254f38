"""Where files are kept that outlive a stack."""

import pwd
from collections.abc import Callable
from pathlib import Path

import pytest

from doitstack.config import cache_directories
from doitstack.config.cache_directories import cache_directory, uv_variables
from doitstack.config.settings import Settings, load_settings
from tests.unit.another_user import give_away


@pytest.fixture
def home(tmp_path: Path) -> Path:
    directory = tmp_path / "home"
    directory.mkdir()
    return directory


Load = Callable[..., Settings]


@pytest.fixture
def load(tmp_path: Path, home: Path) -> Load:
    """Return a function that loads the settings of a stack directory."""
    return lambda **environ: load_settings(tmp_path / "top", {"HOME": str(home), **environ})


@pytest.fixture
def read_only_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A HOME that is not writable, not even for root."""
    is_writable = cache_directories.os.access

    def access(path: Path, mode: int) -> bool:
        return Path(path) != home and is_writable(path, mode)

    monkeypatch.setattr(cache_directories.os, "access", access)
    return home


def test_cache_is_the_users(load: Load, home: Path, tmp_path: Path) -> None:
    assert cache_directory(load()) == home / ".cache" / "doitstack"
    xdg = tmp_path / "xdg"
    assert cache_directory(load(XDG_CACHE_HOME=str(xdg))) == xdg / "doitstack"
    assert cache_directory(load(XDG_CACHE_HOME="relative")) == home / ".cache" / "doitstack"


def test_setting_names_the_cache(load: Load, tmp_path: Path) -> None:
    assert cache_directory(load(DOITSTACK_CACHE_DIR="/mine")) == Path("/mine")
    assert cache_directory(load(DOITSTACK_CACHE_DIR="mine")) == tmp_path / "top" / "mine"


def test_cache_is_below_dest_if_home_is_not_writable(
    load: Load, read_only_home: Path, tmp_path: Path
) -> None:
    dest = tmp_path / "top" / ".stack"
    assert cache_directory(load()) == dest / "cache"
    assert uv_variables(load()) == {"UV_CACHE_DIR": f"{dest}/cache/uv"}


@pytest.mark.parametrize("home", ["/proc/self/mem/x", "/dev/null", "relative"])
def test_home_that_is_no_directory_is_not_used(tmp_path: Path, home: str) -> None:
    settings = load_settings(tmp_path, {"HOME": home})
    assert cache_directory(settings) == tmp_path / ".stack" / "cache"
    assert uv_variables(settings) == {"UV_CACHE_DIR": f"{tmp_path}/.stack/cache/uv"}


def test_uv_keeps_its_own_choice(load: Load, read_only_home: Path, tmp_path: Path) -> None:
    assert uv_variables(load(UV_CACHE_DIR="/theirs")) == {"UV_CACHE_DIR": "/theirs"}
    assert uv_variables(load(XDG_CACHE_HOME=str(tmp_path))) == {}


def test_offline_is_for_uv_too(load: Load) -> None:
    assert uv_variables(load()) == {}
    assert uv_variables(load(OFFLINE="True")) == {"UV_OFFLINE": "true"}


def test_user_without_home_and_account_has_the_cache_below_dest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)
    settings = load_settings(tmp_path, {})
    assert cache_directory(settings) == settings.path("DEST") / "cache"


def _is_below(settings: Settings, home: Path) -> bool:
    return cache_directory(settings).is_relative_to(home)


@pytest.mark.parametrize("name", ["", ".cache", ".cache/uv", ".cache/doitstack"])
def test_cache_that_another_user_could_change_is_not_used(
    load: Load, home: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    place = home / name
    place.mkdir(parents=True, exist_ok=True)
    used = [uv_variables(load()) == {}, _is_below(load(), home)]
    assert used == [True, True]
    is_concerned = [
        not name or name.count("/") == 0 or name.endswith(one) for one in ("uv", "stack")
    ]

    place.chmod(0o777)
    used = [uv_variables(load()) == {}, _is_below(load(), home)]
    assert used == [not one for one in is_concerned]

    place.chmod(0o755)
    give_away(place, monkeypatch)
    used = [uv_variables(load()) == {}, _is_below(load(), home)]
    assert used == [not one for one in is_concerned]


def test_cache_may_be_below_a_sticky_directory(load: Load, home: Path) -> None:
    home.chmod(0o1777)
    assert _is_below(load(), home)


def test_home_that_is_too_long_is_not_used(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, {"HOME": "/a" * 20_000})
    assert cache_directory(settings) == settings.path("DEST") / "cache"
