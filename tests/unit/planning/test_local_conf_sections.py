"""Sections of local.conf that nothing reads."""

import os
from pathlib import Path

import pytest

from doitstack.errors import PlanError
from doitstack.planning.stack_directory import StackDirectory


@pytest.mark.parametrize(
    ("group", "near"), [("loacl", "local"), ("post_config", "post-config"), ("Extra", "extra")]
)
def test_misspelt_group_of_sections_is_refused(tmp_path: Path, group: str, near: str) -> None:
    conf = tmp_path / "local.conf"
    conf.write_text(f"[[local|localrc]]\nENABLED_SERVICES=,\n[[{group}|x]]\nA=1\n")
    with pytest.raises(PlanError) as raised:
        StackDirectory(tmp_path, {"PATH": os.environ["PATH"]}).check()
    assert str(raised.value) == f"{conf}:3: there is no group {group}; did you mean {near}?"


@pytest.mark.parametrize("group", ["local", "local:subnode"])
def test_section_of_settings_with_another_name_is_refused(tmp_path: Path, group: str) -> None:
    conf = tmp_path / "local.conf"
    conf.write_text(f"[[local|localrc]]\nENABLED_SERVICES=,\n[[{group}|localrcs]]\nA=1\n")
    with pytest.raises(PlanError) as raised:
        StackDirectory(tmp_path, {"PATH": os.environ["PATH"]}).check()
    assert str(raised.value) == (
        f"{conf}:3: nothing reads [[{group}|localrcs]]; write [[{group}|localrc]]"
    )


@pytest.mark.parametrize(
    ("hosts", "message"),
    [
        ("HOSTS=two", "there is no host tow; did you mean two?"),
        ("HOSTS=other", "there is no host tow; HOSTS names other"),
        ("", "there is no host tow; HOSTS names none"),
    ],
)
def test_section_of_a_host_that_does_not_exist_is_refused(
    tmp_path: Path, hosts: str, message: str
) -> None:
    conf = tmp_path / "local.conf"
    conf.write_text(f"[[local|localrc]]\nENABLED_SERVICES=,\n{hosts}\n[[local:tow|localrc]]\n")
    with pytest.raises(PlanError) as raised:
        StackDirectory(tmp_path, {"PATH": os.environ["PATH"]}).check()
    assert str(raised.value) == f"{conf}:4: {message}"


def test_group_that_resembles_no_other_is_warned_of(tmp_path: Path) -> None:
    conf = tmp_path / "local.conf"
    conf.write_text("[[local|localrc]]\nENABLED_SERVICES=,\n[[mine|x]]\nA=1\n")
    directory = StackDirectory(tmp_path, {"PATH": os.environ["PATH"]})
    directory.check()
    assert directory.warnings() == [
        f"{conf}:3: nothing merges the group mine; "
        f"there are post-config, extra, post-extra, test-config"
    ]


def test_lines_that_are_not_merged_as_they_seem_are_warned_of(tmp_path: Path) -> None:
    conf = tmp_path / "local.conf"
    conf.write_text(
        "[[local|localrc]]\nENABLED_SERVICES=,\n[[post-config|$TOP_DIR/x]]\n"
        "early=1\n# words\n[s]\njust words\na=1\n  more\n\nempty=\n"
    )
    assert StackDirectory(tmp_path, {"PATH": os.environ["PATH"]}).warnings() == [
        f"{conf}:4: 'early=1' is before the first [section], so it is not used",
        f"{conf}:7: 'just words' has no `=`, so it is an option without a value",
    ]
