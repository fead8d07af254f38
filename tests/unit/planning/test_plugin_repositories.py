"""Plugin repositories are fetched, and sorted by what they require."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from doitstack.config.local_conf import LocalSettings, PluginRepository
from doitstack.config.settings import Settings
from doitstack.errors import PlanError, PluginError
from doitstack.planning.plugin_repositories import fetch, in_order, unmet_requirements


def _repositories(dest: Path, settings: dict[str, str]) -> list[PluginRepository]:
    """Return repositories with these texts of `devstack/settings`."""
    for name, text in settings.items():
        directory = dest / name / "devstack"
        directory.mkdir(parents=True)
        (directory / "settings").write_text(text)
    return [PluginRepository(name, f"/url/{name}", "") for name in settings]


def _names(repositories: Sequence[PluginRepository]) -> list[str]:
    return [repository.name for repository in repositories]


def test_plugins_come_after_those_that_they_require(tmp_path: Path) -> None:
    repositories = _repositories(
        tmp_path,
        {
            "a": "plugin_requires a c\n",
            "b": "",
            "c": "define_plugin 'see'\nplugin_requires c \"dee\"\n",
            "d": "define_plugin dee\n",
        },
    )
    assert _names(in_order(repositories, tmp_path)) == ["d", "c", "a", "b"]


def test_plugins_that_are_not_fetched_keep_their_order(tmp_path: Path) -> None:
    repositories = [PluginRepository(name, "/url", "") for name in "ba"]
    assert _names(in_order(repositories, tmp_path)) == ["b", "a"]


def test_missing_plugins_are_all_warned_of_with_their_lines(tmp_path: Path) -> None:
    repositories = _repositories(
        tmp_path, {"a": "\nplugin_requires a x\n", "b": "plugin_requires b y\n"}
    )
    assert _names(in_order(repositories, tmp_path)) == ["a", "b"]
    assert list(unmet_requirements(repositories, tmp_path, ())) == [
        f"{tmp_path}/a/devstack/settings:2: plugin a requires plugin x, which is not enabled; "
        f"add enable_plugin x URL to local.conf",
        f"{tmp_path}/b/devstack/settings:1: plugin b requires plugin y, which is not enabled; "
        f"add enable_plugin y URL to local.conf",
    ]


def test_requirements_are_met_by_services_and_by_defined_names(tmp_path: Path) -> None:
    settings = {
        "a": "plugin_requires a cinder\nplugin_requires a bee\n",
        "b": "define_plugin bee\n",
    }
    repositories = _repositories(tmp_path, settings)
    assert list(unmet_requirements(repositories, tmp_path, {"cinder"})) == []


def test_plugins_that_require_each_other_are_refused(tmp_path: Path) -> None:
    repositories = _repositories(
        tmp_path, {"a": "plugin_requires a b\n", "b": "plugin_requires b a\n"}
    )
    with pytest.raises(PlanError, match=r"^plugins require each other: (a -> b -> a|b -> a -> b);"):
        in_order(repositories, tmp_path)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a git repository with two commits, of which the first has the tag `old`."""
    path = tmp_path / "repository"
    git = ["git", "-C", str(path), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run(["git", "init", "-q", str(path)], check=True)
    for text, tag in (("1", "old"), ("2", "new")):
        (path / "file").write_text(text)
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-q", "-m", text], check=True)
        subprocess.run([*git, "tag", tag], check=True)
    return path


def _settings(dest: Path, **values: str) -> Settings:
    places = {"DEST": str(dest), "TOP_DIR": str(dest / "top")}
    return Settings({**places, **values}, LocalSettings({}), frozenset())


def test_repository_is_cloned_at_its_ref_once(tmp_path: Path, repository: Path) -> None:
    dest = tmp_path / "dest"
    wanted = [PluginRepository("demo", str(repository), "old")]

    lines = list(fetch(wanted, _settings(dest)))

    assert lines == [f"cloning plugin demo from {repository} to {dest}/demo"]
    assert (dest / "demo" / "file").read_text() == "1"
    assert list(fetch(wanted, _settings(dest))) == []
    assert [path.name for path in dest.iterdir()] == ["demo"]


def test_clone_of_the_controller_is_used_as_it_is(tmp_path: Path) -> None:
    clone = tmp_path / "top/.repositories/demo"
    clone.mkdir(parents=True)
    wanted = [PluginRepository("demo", "https://example.invalid/demo", "main")]
    for _ in range(2):
        assert list(fetch(wanted, _settings(tmp_path, RECLONE="yes"))) == []
        assert (tmp_path / "demo").readlink() == clone


def test_reclone_updates_to_the_ref(tmp_path: Path, repository: Path) -> None:
    dest = tmp_path / "dest"
    list(fetch([PluginRepository("demo", str(repository), "old")], _settings(dest)))

    again = [PluginRepository("demo", str(repository), "new")]
    lines = list(fetch(again, _settings(dest, RECLONE="True")))

    assert lines == [f"fetching plugin demo from {repository} to {dest}/demo"]
    assert (dest / "demo" / "file").read_text() == "2"


def test_unknown_ref_leaves_no_clone(tmp_path: Path, repository: Path) -> None:
    dest = tmp_path / "dest"
    dest.mkdir()
    with pytest.raises(PluginError, match=r"demo: cannot be fetched from .*; check its URL"):
        list(fetch([PluginRepository("demo", str(repository), "none")], _settings(dest)))
    assert list(dest.iterdir()) == []


@pytest.mark.parametrize("name", ["OFFLINE", "ERROR_ON_CLONE"])
def test_cloning_may_be_forbidden(tmp_path: Path, repository: Path, name: str) -> None:
    with pytest.raises(PluginError, match="OFFLINE or ERROR_ON_CLONE forbids cloning it"):
        list(
            fetch(
                [PluginRepository("demo", str(repository), "")],
                _settings(tmp_path / "dest", **{name: "True"}),
            )
        )


def test_settings_with_many_empty_lines_are_read_in_linear_time(tmp_path: Path) -> None:
    lines = "\n" * 100_000
    repositories = _repositories(tmp_path, {"b": f"{lines}\tplugin_requires b a\n", "a": lines})
    assert _names(in_order(repositories, tmp_path)) == ["a", "b"]
