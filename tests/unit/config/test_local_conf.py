"""Reading local.conf: its sections, its mistakes, and what bash makes of it."""

import os
import re
from pathlib import Path

import pytest

from doitstack.config.local_conf import (
    PluginRepository,
    Section,
    parse_sections,
    read_local_settings,
    session_script,
)
from doitstack.errors import SettingsError

CONF = """\
# a comment above all
[[local|localrc]]
A=1

[[post-config|$NOVA_CONF]]
[DEFAULT]
x = y
[[local|localrc]]
B=2
"""


def _read(top: Path, localrc: str) -> dict[str, str]:
    (top / "local.conf").write_text(f"[[local|localrc]]\n{localrc}")
    return read_local_settings(top, {"DEST": "/d", "ENABLED_SERVICES": "key"}).variables


def test_commands_that_fail_are_reported_with_their_lines(tmp_path: Path) -> None:
    conf = tmp_path / "local.conf"
    conf.write_text(
        "[[local|localrc]]\nsource ./missing.rc\nA=$(cat /nonexistent)\nfalse\n"
        "[[ $A ]] && B=1\nif false; then :; fi\nC=$(false || echo fine)\necho said >&2\n"
    )
    local = read_local_settings(tmp_path, {})
    assert local.variables == {"A": "", "C": "fine"}
    assert local.warnings == (
        f"{conf}:2: ./missing.rc: No such file or directory",
        f"{conf}:3: cat: /nonexistent: No such file or directory",
        f"{conf}:4: a command ended with code 1",
    )


def _mistake(top: Path, text: str) -> str:
    (top / "local.conf").write_text(text)
    with pytest.raises(SettingsError) as raised:
        read_local_settings(top, {})
    return str(raised.value)


def test_sections_are_read_in_order(tmp_path: Path) -> None:
    assert parse_sections(CONF, tmp_path) == (
        Section("local", "localrc", 3, ("A=1", "")),
        Section("post-config", "$NOVA_CONF", 6, ("[DEFAULT]", "x = y")),
        Section("local", "localrc", 9, ("B=2",)),
    )


def test_localrc_sections_are_evaluated_together(tmp_path: Path) -> None:
    (tmp_path / "local.conf").write_text(CONF)
    local = read_local_settings(tmp_path, {})
    assert {name: local.variables[name] for name in "AB"} == {"A": "1", "B": "2"}
    assert local.script == tmp_path / "local.conf"


@pytest.mark.parametrize(
    "header",
    [
        *("[[local|localrc]", "[[local]]", "[[local|]]", "[[local|localrc]] x", "[[ post-config|a"),
        *("[[ post-config | $NOVA_CONF ]]", "[[post-config|$A $B]]", "[[post-config|a|b]]"),
    ],
)
def test_broken_header_is_reported_with_its_line(tmp_path: Path, header: str) -> None:
    said = _mistake(tmp_path, f"[[local|localrc]]\nA=1\n{header}\nB=2\n")
    assert said == (
        f"{tmp_path}/local.conf:3: broken section header {header!r}; write [[group|file]]"
    )


@pytest.mark.parametrize("end", ["  ", " # of Nova", "\t#"])
def test_header_may_end_in_a_comment(tmp_path: Path, end: str) -> None:
    (section,) = parse_sections(f"[[post-config|$NOVA_CONF]]{end}\n[s]\n", tmp_path)
    assert section == Section("post-config", "$NOVA_CONF", 2, ("[s]",))


def test_setting_above_all_sections_is_reported_with_its_line(tmp_path: Path) -> None:
    said = _mistake(tmp_path, "# fine\n\nA=1\n[[local|localrc]]\n")
    assert said == (
        f"{tmp_path}/local.conf:3: 'A=1' is before the first section and would be ignored; "
        f"put [[local|localrc]] before it"
    )


def test_syntax_error_is_reported_with_file_and_line(tmp_path: Path) -> None:
    said = _mistake(tmp_path, "[[local|localrc]]\nA=1\nif true; then\nB=2\n")
    assert said.startswith(f"{tmp_path}/local.conf:")
    assert "syntax error: unexpected end of file" in said


@pytest.mark.parametrize(
    ("line", "name", "remedy"),
    [
        ("enable_servce key", "enable_servce", "; did you mean enable_service?"),
        (
            "A_PASSWORD = x",
            "A_PASSWORD",
            "; bash takes no blanks around `=`: write A_PASSWORD=VALUE",
        ),
        ("A=b c d", "c", "; quote a value that has blanks: A='...'"),
        ("A= c", "c", "; quote a value that has blanks: A='...'"),
        ("nosuch x", "nosuch", ""),
    ],
)
def test_unknown_command_is_reported_with_file_and_line(
    tmp_path: Path, line: str, name: str, remedy: str
) -> None:
    said = _mistake(tmp_path, f"[[local|localrc]]\nA=1\n{line}\n")
    assert said == f"{tmp_path}/local.conf:3: {name}: command not found{remedy}"


def test_unknown_command_after_the_last_line_that_bash_counts_is_reported(tmp_path: Path) -> None:
    """In `$(` over several lines, bash counts beyond the end of the file."""
    said = _mistake(tmp_path, "[[local|localrc]]\nA=$(B=1\nC=2\n\n\nD)E=3\n")
    assert re.fullmatch(rf"{tmp_path}/local.conf:\d+: D: command not found", said)


def test_enable_plugin_without_a_url_is_reported_with_its_line(tmp_path: Path) -> None:
    said = _mistake(tmp_path, "[[local|localrc]]\nenable_plugin heat\n")
    assert said == f"{tmp_path}/local.conf:2: enable_plugin needs a name and a URL"


def test_binary_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "local.conf").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=r"local\.conf: cannot be read"):
        read_local_settings(tmp_path, {})


@pytest.mark.parametrize("name", ["local.conf", "localrc"])
def test_dangling_link_is_reported(tmp_path: Path, name: str) -> None:
    (tmp_path / name).symlink_to("gone")
    with pytest.raises(SettingsError, match=rf"{name}: cannot be read: No such file or directory$"):
        read_local_settings(tmp_path, {})


def test_windows_line_endings_are_reported(tmp_path: Path) -> None:
    # Bash would make them part of values, and of the names of files.
    said = _mistake(tmp_path, "[[local|localrc]]\nA=1\r\n")
    path = tmp_path / "local.conf"
    assert said == f"{path}:2: has Windows line endings; fix: sed -i 's/\\r$//' {path}"


def test_byte_order_mark_is_reported(tmp_path: Path) -> None:
    said = _mistake(tmp_path, "\N{BYTE ORDER MARK}[[local|localrc]]\nA=1\n")
    assert said.startswith(f"{tmp_path / 'local.conf'}:1: begins with a byte order mark; fix: sed ")


def test_values_are_those_of_bash(tmp_path: Path) -> None:
    assert _read(
        tmp_path,
        "A='two  words'\nB=\"$A *\"\nexport C=$DEST/x\nD=$'a\\nb'\nE=\nG=(1 2)\nH=$(echo hi)\n"
        "f() { echo not a variable; }\n",
    ) == {"A": "two  words", "B": "two  words *", "C": "/d/x", "D": "a\nb", "E": "", "H": "hi"}


def test_lines_end_as_in_bash(tmp_path: Path) -> None:
    assert _read(tmp_path, "A='a\u2028b\fc'\n") == {"A": "a\u2028b\fc"}


def test_failing_test_in_localrc_is_no_mistake(tmp_path: Path) -> None:
    assert _read(tmp_path, "[[ -d /nowhere ]] && A=1\nfalse\nB=2\n") == {"B": "2"}


def test_services_can_be_switched(tmp_path: Path) -> None:
    found = _read(tmp_path, "enable_service n-api g-api -key\ndisable_service g-api\n")
    assert found == {"ENABLED_SERVICES": "n-api", "DISABLED_SERVICES": "g-api"}
    assert _read(tmp_path, "disable_all_services\nenable_service x\n") == {"ENABLED_SERVICES": "x"}


def test_plugin_repositories_are_kept_in_order(tmp_path: Path) -> None:
    (tmp_path / "local.conf").write_text(
        "[[local|localrc]]\nenable_plugin b https://b.example/b\n"
        "enable_plugin a https://a.example/a stable/1\n"
    )
    assert read_local_settings(tmp_path, {}).plugins == (
        PluginRepository("b", "https://b.example/b", ""),
        PluginRepository("a", "https://a.example/a", "stable/1"),
    )


def test_service_that_is_disabled_stays_so(tmp_path: Path) -> None:
    found = _read(tmp_path, "disable_service a b\nenable_service a c\nenable_service b\n")
    assert found == {"ENABLED_SERVICES": "key,c", "DISABLED_SERVICES": "a,b"}


def test_functions_of_devstack_are_there(tmp_path: Path) -> None:
    assert _read(
        tmp_path,
        "if is_service_enabled key; then A=key; fi\nB=$(trueorfalse False NONE)\n"
        "iniset $PWD/a.ini s k v\nC=$(iniget $PWD/a.ini s k)\nis_plugin_enabled x || D=no\n"
        "enable_plugin x https://x\nis_plugin_enabled x && E=${GITDIR[x]}\n",
    ) == {"A": "key", "B": "False", "C": "v", "D": "no", "E": "/d/x"}


def test_defaults_of_devstack_are_not_there_yet(tmp_path: Path) -> None:
    assert _read(tmp_path, "REGION_NAME=${REGION_NAME:-mine}\n") == {"REGION_NAME": "mine"}


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("exit 0", "exit 0: everything below would be ignored"),
        ("f() { exit; }; f", "exit 0: everything below would be ignored"),
        ('die $LINENO "there is no disk"', "there is no disk"),
        (
            "enable_plugin ../x https://x",
            "enable_plugin: bad name for a plugin: '../x'; use letters, digits, '.', '_' and '-'",
        ),
        ("A=$(no_such_command here)", "no_such_command: command not found"),
        ("enable_plugin a https://b", "plugin a is enabled twice"),
        ("A=${NONE:?is not set}", "NONE: is not set"),
        ("set -u; A=$NONE", "NONE: unbound variable"),
    ],
)
def test_early_end_is_reported_with_its_line(tmp_path: Path, line: str, what: str) -> None:
    before = "enable_plugin a https://a\necho said before; cd /nowhere\n"
    said = _mistake(tmp_path, f"[[local|localrc]]\n{before}{line}\nB=2\n")
    assert said == f"{tmp_path}/local.conf:4: {what}"


@pytest.mark.parametrize("line", ["builtin exit 0", "set -e; false", "exec true"])
def test_end_of_bash_is_never_silent(tmp_path: Path, line: str) -> None:
    said = _mistake(tmp_path, f"[[local|localrc]]\nA=1\n{line}\nB=2\n")
    assert said == f"{tmp_path}/local.conf: bash ended before the end of the file"


def test_subshell_may_exit_and_options_may_change(tmp_path: Path) -> None:
    assert _read(tmp_path, "A=$(echo a; exit 3)\n(exit 1)\nIFS=,\nset -fu\nB=b\n") == {
        "A": "a",
        "B": "b",
        "IFS": ",",
    }


def test_plain_localrc_is_read_when_there_is_no_local_conf(tmp_path: Path) -> None:
    (tmp_path / "localrc").write_text("A=1\n")
    local = read_local_settings(tmp_path, {})
    assert local.variables == {"A": "1"}
    assert session_script(local, tmp_path / "dest") == tmp_path / "localrc"


def test_plain_localrc_is_preferred_and_the_other_sections_kept(tmp_path: Path) -> None:
    (tmp_path / "localrc").write_text("A=plain\n")
    (tmp_path / "local.conf").write_text(CONF)
    local = read_local_settings(tmp_path, {})
    assert local.variables == {"A": "plain"}
    assert [section.group for section in local.sections] == ["local", "post-config", "local"]
    assert local.is_ignored


def test_missing_local_conf_sets_nothing(tmp_path: Path) -> None:
    local = read_local_settings(tmp_path, {})
    assert (local.variables, local.plugins, local.sections) == ({}, (), ())
    assert session_script(local, tmp_path) is None


def test_session_script_keeps_the_lines_of_local_conf(tmp_path: Path) -> None:
    (tmp_path / "local.conf").write_text(CONF)
    local = read_local_settings(tmp_path, {})

    script = session_script(local, tmp_path)

    assert script == tmp_path / ".localrc.auto"
    assert script.read_text().splitlines() == ["", "", "A=1", "", "", "", "", "", "B=2"]
    assert oct(script.stat().st_mode) == "0o100600"


def test_evaluation_leaves_no_copy_of_the_settings_on_any_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr("tempfile.tempdir", None)
    assert _read(tmp_path, 'SECRET=x\nFOUND="$(ls -A "$TMPDIR")"')["FOUND"] == ""


@pytest.mark.parametrize("name", ["local.conf", "localrc"])
def test_fifo_is_refused(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(SettingsError, match=f"/{name}: cannot be read: it is a FIFO$"):
        read_local_settings(tmp_path, {})
