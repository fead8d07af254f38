"""How trees are given to uv, and what an editable installation lacks."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from doitstack.editable_installs import (
    install_trees,
    link_data_files,
    pinned_versions,
    without_packages,
)
from doitstack.errors import StepError
from doitstack.source_trees import SourceTree
from tests.unit.source_repository import git, make_repository, write_project

CONSTRAINTS = """\
# oslo-messaging is a comment
alembic==1.20.1 \\
    --hash=sha256:83
oslo_messaging==18.3.1 ; python_version > "3" \\
    --hash=sha256:99 \\
    --hash=sha256:98
zope===5.0
"""


def tree(directory: Path, package: str = "sample") -> SourceTree:
    return SourceTree(package, package, directory, "", "")


def test_trees_are_taken_out_of_the_constraints() -> None:
    assert without_packages(CONSTRAINTS, ["oslo-messaging", "zope"]) == (
        "# oslo-messaging is a comment\nalembic==1.20.1 \\\n    --hash=sha256:83\n"
    )
    assert without_packages(CONSTRAINTS, []) == CONSTRAINTS


def test_pinned_versions_are_found() -> None:
    versions = {"alembic": "1.20.1", "oslo-messaging": "18.3.1", "zope": "5.0"}
    assert pinned_versions(CONSTRAINTS) == versions


def test_tree_without_version_gets_that_of_its_wheel_alone(tmp_path: Path) -> None:
    calls: list[tuple[list[str], dict[str, str]]] = []

    def run_uv(arguments: Sequence[str], variables: Mapping[str, str]) -> None:
        calls.append((list(arguments), dict(variables)))

    (write_project(tmp_path / "unpacked") / "PKG-INFO").touch()
    git(make_repository(tmp_path / "tagged"), "tag", "1.0")
    make_repository(tmp_path / "shallow")
    names = ("unpacked", "tagged", "shallow")
    install_trees(
        [tree(tmp_path / name, name) for name in names],
        arguments=["--python", "p"],
        versions=dict.fromkeys(names, "7.0"),
        run_uv=run_uv,
    )
    ((first, no_variables), (second, variables)) = calls
    assert first == [
        *("pip", "install", "--python", "p"),
        *("--no-binary", "unpacked"),
        *("--config-settings-package", "unpacked:editable_mode=compat"),
        *("--no-binary", "tagged"),
        *("--config-settings-package", "tagged:editable_mode=compat"),
        *("--editable", f"{tmp_path}/unpacked", "--editable", f"{tmp_path}/tagged"),
    ]
    assert no_variables == {}
    assert second[-1] == f"{tmp_path}/shallow"
    assert variables == {"PBR_VERSION": "7.0"}


def test_data_files_are_links_to_the_tree(tmp_path: Path) -> None:
    project, venv = write_project(tmp_path / "tree"), tmp_path / "venv"
    (project / "etc" / "metadefs").mkdir()
    (project / "etc" / "metadefs" / "one.json").write_text("{}")
    (project / "setup.cfg").write_text(
        "[metadata]\nname = sample\n[files]\ndata_files =\n"
        "    etc/sample/metadefs =\n        etc/metadefs/*\n    share/doc = README\n"
    )
    (venv / "etc" / "sample").mkdir(parents=True)
    (venv / "etc" / "sample" / "paste.ini").write_text("of the wheel")
    for _ in range(2):
        link_data_files(project, venv)
    assert (venv / "etc/sample/paste.ini").readlink() == project / "etc/paste.ini"
    assert (venv / "etc/sample/metadefs/one.json").read_text() == "{}"
    assert not (venv / "share").exists()


def test_data_files_stay_in_the_environment(tmp_path: Path) -> None:
    project = write_project(tmp_path / "tree")
    (project / "setup.cfg").write_text("[files]\ndata_files =\n    ../../out = etc/*.ini\n")
    link_data_files(project, tmp_path / "venv")
    assert not (tmp_path / "out").exists()


def test_broken_metadata_are_named(tmp_path: Path) -> None:
    (write_project(tmp_path) / "pyproject.toml").write_text("[project\n")
    with pytest.raises(StepError, match="cannot read the metadata of "):
        link_data_files(tmp_path, tmp_path / "venv")
