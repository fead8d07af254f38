"""Checks of scripts before they run."""

from pathlib import Path

import pytest

from doitstack.planning.script_checks import (
    Complaint,
    complaints,
    may_be_sourced,
    missing_configuration,
    missing_files,
    needs_sudo,
    noexec_line,
    read_scripts,
    unknown_phases,
    unprovided_calls,
)

LACKS = "DevStack function that doitstack does not provide"


def scripts(directory: Path, **files: str) -> dict[Path, str]:
    for name, text in files.items():
        (directory / name).write_text(text)
    return read_scripts(sorted(directory.iterdir()))


WINDOWS = "has Windows line endings; fix: sed -i 's/\\r$//'"

COMPLAINTS = {
    "echo fine\n": None,
    "": None,
    'true\necho "a\r\nb"\n': None,
    "\N{BYTE ORDER MARK}true\n": (True, ":1: begins with a byte order mark; fix: sed -i "),
    "if true\nfi\n": (True, ":2: syntax error near unexpected token `fi'"),
    "[[ a == b ]; echo\n": (True, ":1: syntax error in conditional expression"),
    "\ncat <<EOF\nx\n": (False, ":3: warning: here-document at line 2 delimited by end-of-file"),
    "echo\r\n": (True, f":1: {WINDOWS}"),
    "\nif true; then\r\necho x\r\nfi\r\n": (True, f":2: {WINDOWS}"),
}


@pytest.mark.parametrize("text", COMPLAINTS)
def test_errors_of_bash_are_reported_with_file_and_line(tmp_path: Path, text: str) -> None:
    script = tmp_path / "a"
    script.write_bytes(text.encode())
    found = [(one.is_error, one.text) for one in complaints([script, script])]
    expected = COMPLAINTS[text]
    assert len(found) == (expected is not None)
    for is_error, message in found:
        assert (is_error, message[: len(f"{script}{expected[1]}")]) == (
            expected[0], f"{script}{expected[1]}"
        )  # fmt: skip


def test_script_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "link.sh").symlink_to("nowhere")
    (tmp_path / "directory.sh").mkdir()
    scripts = [tmp_path / "link.sh", tmp_path / "directory.sh"]
    assert complaints(scripts) == [
        Complaint(f"{scripts[0]}: cannot be read: No such file or directory", is_error=True),
        Complaint(f"{scripts[1]}: cannot be read: Is a directory", is_error=True),
    ]
    assert read_scripts(scripts) == {}


@pytest.mark.parametrize(
    ("line", "is_call"),
    [
        ("start_ldap", True),
        ("if is_it; then start_ldap now; fi", True),
        ("! start_ldap || exit", True),
        ("if a; then if start_ldap; then :; fi; fi", True),
        ("while start_ldap; do :; done", True),
        ("f() { start_ldap; }", True),
        ("x=$(start_ldap)", True),
        ("async_runfunc start_ldap", True),
        ("async_run ldap start_ldap", True),
        ("echo start_ldap", False),
        ("# start_ldap", False),
        ("true # start_ldap", False),
        ("start_ldap_of_mine", False),
        ("type start_ldap", False),
    ],
)
def test_calls_are_found_where_a_command_may_stand(
    tmp_path: Path, line: str, is_call: bool
) -> None:
    told = unprovided_calls(scripts(tmp_path, a=f"\n{line}\n{line}\n"))
    assert told == [f"{tmp_path}/a:2: start_ldap: {LACKS}"] * is_call


@pytest.mark.parametrize("definition", ["function start_ldap {\n:\n}\n", "start_ldap () { :; }\n"])
def test_functions_that_scripts_define_are_theirs(tmp_path: Path, definition: str) -> None:
    assert unprovided_calls(scripts(tmp_path, a="start_ldap\n", b=definition)) == []


@pytest.mark.parametrize(
    "line",
    [
        "source $TOP_DIR/lib/x",
        '. "${TOP_DIR}/lib/x" one',
        "if true; then source $TOP_DIR/lib/x; fi",
    ],
)
def test_files_of_devstacks_tree_are_looked_for(tmp_path: Path, line: str) -> None:
    texts = scripts(tmp_path, a=f"{line}\n")
    (told,) = missing_files(texts, lambda _: False)
    assert told.startswith(f"{tmp_path}/a:1: lib/x of DevStack is not in $TOP_DIR; ")
    assert missing_files(texts, lambda name: name == "lib/x") == []


@pytest.mark.parametrize("line", ["sudo true", "  echo a | sudo tee b", "x=$(sudo id)", "! sudo x"])
def test_sudo_is_found(tmp_path: Path, line: str) -> None:
    assert needs_sudo(scripts(tmp_path, a="true\n", b=f"\n{line}\n")) == f"{tmp_path}/b:2"


@pytest.mark.parametrize("line", ["# sudo true", "pseudo x", "run_as_sudo x", "sudoers=1"])
def test_call_of_sudo_is_not_found_without_one(tmp_path: Path, line: str) -> None:
    assert needs_sudo(scripts(tmp_path, a=f"{line}\n")) is None


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        *(("lib/demo", True), ("common.sh", True), ("lib/a/b.sh", True)),
        *(("README.rst", False), ("README", False), ("files/a.conf", False), ("x.py", False)),
        *(("upgrade/upgrade.sh", False), ("gate/hook.sh", False), (".gitignore", False)),
    ],
)
def test_files_of_functions_are_distinguished_from_others(name: str, answer: bool) -> None:
    assert may_be_sourced(Path(name)) is answer


def test_script_that_switches_execution_off_is_an_error(tmp_path: Path) -> None:
    script = tmp_path / "s.sh"
    script.write_text("echo\nif [[ $1 ]]; then set -en; fi\n")
    (complaint,) = complaints([script])
    assert complaint.is_error
    assert complaint.text.startswith(f"{script}:2: set -n: bash would execute nothing more")


@pytest.mark.parametrize(
    "line",
    [
        *(" " * 100_000 + '"', "then" + "\t" * 100_000 + '"', "set -" + "n" * 100_000 + "_"),
        *(";a" * 50_000, "f" + " " * 100_000 + "(x", "source $TOP_DIR/" + "a/" * 50_000),
    ],
)
def test_long_lines_are_read_in_linear_time(tmp_path: Path, line: str) -> None:
    texts = scripts(tmp_path, a=f"{line}\n")
    assert unprovided_calls(texts) == []
    assert len(missing_files(texts, lambda _: False)) == line.count("source")
    assert complaints([]) == []
    assert noexec_line(line) == 0


@pytest.mark.parametrize(
    ("line", "warning"),
    [
        (
            'if [[ "$1" == "stack" && "$2" == "instal" ]]; then',
            "stack instal; did you mean install?",
        ),
        (
            "[ $1 = stack ] && [ ${2} = post_config ] && true",
            "stack post_config; did you mean post-config?",
        ),
        (
            'if [[ "$1" == "stak" && "$2" == "install" ]]; then',
            "that begins with stak; did you mean stack?",
        ),
        ('if [[ "$1" == "stak" ]]; then', ""),
        ('if [[ "$1" == "unstack" && "$2" == "extra" ]]; then', ""),
        ('if [[ "$1" == "stack" && "$2" == "pre-install" ]]; then', ""),
        ('if [[ "$1" == "stack" && "$2" == "zebra" ]]; then', ""),
        ('if [[ "$1" == "mine" && "$2" == "instal" ]]; then', ""),
    ],
)
def test_phase_with_nearly_the_name_of_another_is_found(
    tmp_path: Path, line: str, warning: str
) -> None:
    found = unknown_phases(scripts(tmp_path, a=f"{line}\n"))
    assert found == ([f"{tmp_path / 'a'}:1: there is no phase {warning}"] if warning else [])


def test_configuration_that_cannot_be_in_etc_is_warned_of() -> None:
    text = """\
        # cp x /etc/nova/
        iniset /etc/nova/nova.conf a b c
        echo 1 > /etc/neutron/thing.ini; cp y /etc/neutron/
        run_process q-thing "thing --config-file /etc/nova/nova.conf"
        ls /etc/neutron-own /etc/keystone
        """
    asked: list[str] = []

    def can_link(project: str) -> bool:
        asked.append(project)
        return project == "keystone"

    assert missing_configuration({Path("s"): text}, can_link) == [
        "s:3: the configuration of neutron is not in /etc/neutron; use $NEUTRON_CONF_DIR",
        "s:4: the configuration of nova is not in /etc/nova; use $NOVA_CONF_DIR",
    ]
