"""The ini functions: against a model for anything, and against files for the odd cases."""

import shlex

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.bash.ini_model import Model

LINES = st.sampled_from(
    [
        *("[a]", "[b]", "[a] # x", "[a] # [q", "[broken", "[[a|b]]", "[[a]", "[", ""),
        *("x = 1", "x=2", "x\t= tab", "x =", "xx = 2", "xy = 3", " x = indented", "x = [q]"),
        *("x = [[1]]", "x = [", "no[x]=1", "#x = 3", "# x=4", "  # x = 5", "a #x = 6", "foo#x = 7"),
        *("y =   long value", "k.v = 1", "kxv = 2", "é = ü", "x = ü[é", "#y #x = 2"),
    ]
)
VALUES = st.sampled_from(
    [
        *("v", "", "a b  c", "  lead", "a/b|c,d", "x # y; z", "it's", '"q"', "$HOME", "a=b", "*"),
        *("a&b", r"a\&b", r"a\\b", r"a\.b", r"\1z", r"\0z", "%(color)s[", "a]b", "ünï", "-n"),
        "rabbit://u:p@h:5672/",
    ]
)
FILES = st.builds(
    lambda lines, end: "\n".join(lines) + (end if lines else ""),
    st.lists(LINES, max_size=10),
    st.sampled_from(["\n", "\n", "\n", ""]),
)
SECTIONS = st.sampled_from(["a", "b", "new", "k.k", "filter:x"])
OPTIONS = st.sampled_from(["x", "y", "k.v", "z"])
CHANGES = st.one_of(
    st.tuples(st.just("iniset"), SECTIONS, OPTIONS, VALUES),
    st.tuples(
        st.sampled_from(["inicomment", "iniuncomment", "inidelete"]),
        SECTIONS,
        OPTIONS,
    ),
    st.tuples(st.just("iniadd_literal"), SECTIONS, OPTIONS, VALUES),
    st.tuples(st.sampled_from(["iniset_multiline", "iniadd"]), SECTIONS, OPTIONS, VALUES, VALUES),
)
CASES = st.lists(
    st.tuples(FILES, st.lists(CHANGES, min_size=1, max_size=4)), min_size=8, max_size=8
)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(CASES)
def test_ini_functions_agree_with_the_model(bash, cases) -> None:
    script, expected = [], []
    for number, (before, changes) in enumerate(cases):
        file = f"{number}.ini"
        (bash.path / file).write_text(before)
        model = Model(before)
        for name, section, option, *values in changes:
            script.append(shlex.join([name, file, section, option, *values]))
            getattr(model, name)(section, option, *values)
        for question in ("iniget", "iniget_multiline"):
            script.append(shlex.join([question, file, "a", "x"]))
            expected.append(getattr(model, question)("a", "x"))
        expected.append(model)
    out = bash("\n".join(script)).lines
    assert out == [one for one in expected if isinstance(one, str)]
    models = [one.text for one in expected if isinstance(one, Model)]
    assert [(bash.path / f"{number}.ini").read_text() for number in range(len(cases))] == models


@pytest.mark.parametrize(
    ("before", "script", "after"),
    [
        # a new section goes to the end, after an empty line
        ("", "iniset f.ini a x 1", "\n[a]\nx = 1\n"),
        ("[b]\ny = 2\n", "iniset f.ini a x 1", "[b]\ny = 2\n\n[a]\nx = 1\n"),
        # but a last line without an end gets the line end only
        ("[b]\ny = 2", "iniset f.ini a x 1", "[b]\ny = 2\n[a]\nx = 1\n"),
        # a new option goes right below the header, of every header
        ("[a]\ny = 2\n", "iniset f.ini a x 1", "[a]\nx = 1\ny = 2\n"),
        ("[a]", "iniset f.ini a x 1", "[a]\nx = 1\n"),
        ("[a]\n[b]\n[a]\n", "iniset f.ini a x 1", "[a]\nx = 1\n[b]\n[a]\nx = 1\n"),
        # the spaces around "=" stay as they are
        ("[a]\nx=0\n", "iniset f.ini a x 1", "[a]\nx=1\n"),
        ("[a]\nx  =\t0\n", "iniset f.ini a x 1", "[a]\nx  =\t1\n"),
        ("[a]\nx =\n", "iniset f.ini a x 1", "[a]\nx =1\n"),
        # every line of the option, in every range of the section
        (
            "[a]\nx = 1\nx = 2\n[b]\n[a]\nx = 3\n",
            "iniset f.ini a x 0",
            "[a]\nx = 0\nx = 0\n[b]\n[a]\nx = 0\n",
        ),
        # a second header directly after the first closes the section
        ("[a]\n[a]\nx = 3\n", "iniset f.ini a x 0", "[a]\nx = 0\n[a]\nx = 0\nx = 3\n"),
        # a header may have text after it
        ("[a] # b\nx = 1\n", "iniset f.ini a x 0", "[a] # b\nx = 0\n"),
        # "&" stands for itself, in a new line and in one that is replaced
        ("[a]\n", "iniset f.ini a x 'p&q'", "[a]\nx = p&q\n"),
        ("[a]\nx = 1\n", "iniset f.ini a x 'p&q'", "[a]\nx = p&q\n"),
        (
            "[a]\nx = 1\n",
            "iniset f.ini a x '?charset=utf8&plugin=y'",
            "[a]\nx = ?charset=utf8&plugin=y\n",
        ),
        # words, as an unquoted echo has them
        ("[a]\n", "iniset f.ini a x $'  p \\t q\\nr '", "[a]\nx = p q r\n"),
        # other characters stand for themselves, too
        ("[a]\nx = 1\n", r"iniset f.ini a x 'p\&q'", "[a]\nx = p\\&q\n"),
        ("[a]\n", r"iniset f.ini a x 'C:\new\\table\d'", "[a]\nx = C:\\new\\\\table\\d\n"),
        ("[a]\nx = 1\n", r"iniset f.ini a x '\\1|/,|\0'", "[a]\nx = \\\\1|/,|\\0\n"),
        ("", r"iniset f.ini a x 'foo\bar'", "\n[a]\nx = foo\\bar\n"),
        # not where DevStack passes them to sed
        ("[a]\n", r"iniadd_literal f.ini a x 'A\x41\o102\d067'", "[a]\nx = AABC\n"),
        # empty names change nothing
        ("[a]\n", "iniset f.ini '' x 1; iniset f.ini a '' 1", "[a]\n"),
        # comments
        ("[a]\nx = 1\n", "inicomment f.ini a x", "[a]\n#x = 1\n"),
        ("[a]\n# x = 1\n", "iniuncomment f.ini a x", "[a]\nx = 1\n"),
        ("[a]\n  ##  x=1\n", "iniuncomment f.ini a x", "[a]\n  x=1\n"),
        ("[a]\n#my_x = 1\n", "iniuncomment f.ini a x", "[a]\n#my_x = 1\n"),
        # the last line without an end gets one when it goes
        ("[a]\nx = 1", "inidelete f.ini a x", "[a]\n"),
        ("[a]\nx = 1\nx = 2\ny = 3\n", "inidelete f.ini a x", "[a]\ny = 3\n"),
        # many values
        ("[a]\nx = 0\n", "iniset_multiline f.ini a x 1 2 3", "[a]\nx = 1\nx = 2\nx = 3\n"),
        ("[a]\nx = 0\n", "iniset_multiline f.ini a x", "[a]\n"),
        ("[a]\nx = 1\n", "iniadd f.ini a x 2 '3 4'", "[a]\nx = 1\nx = 2\nx = 3\nx = 4\n"),
        ("[a]\nx = 1\n", "iniadd_literal f.ini a x '2 3'", "[a]\nx = 2 3\nx = 1\n"),
    ],
)
def test_ini_functions_agree_with_sed(ini, before: str, script: str, after: str) -> None:
    assert ini(before, script) == after


def test_ini_values_are_read(bash) -> None:
    (bash.path / "f.ini").write_text("[a]\nx = 1  2\ny=\n[b]\nx = 3\nx = 4\nz = *\n[c] d\n")
    script = """
    iniget f.ini a x; iniget f.ini a y; iniget f.ini a none; iniget f.ini b x
    iniget_multiline f.ini b x; iniget f.ini b z; iniget_sections f.ini
    ini_has_option f.ini a x && echo has; ini_has_option f.ini a z || echo not
    """
    assert bash(script).lines == [
        *("1 2", "", "", "3 x = 4", "3 4", "*", "a b c d", "has", "not"),
    ]


def test_iniset_makes_the_file_and_keeps_mode_owner_and_links(bash) -> None:
    bash("iniset new.ini a x 1")
    assert (bash.path / "new.ini").read_text() == "\n[a]\nx = 1\n"
    file = bash.path / "new.ini"
    file.chmod(0o640)
    link = bash.path / "link.ini"
    link.symlink_to(file)
    before = file.stat()
    bash("iniset link.ini a x 1000; iniset link.ini a x 2; iniset link.ini a y 3")
    after = file.stat()
    assert link.is_symlink()
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
    assert file.read_text() == "\n[a]\ny = 3\nx = 2\n"


def test_iniset_counts_bytes_not_characters(ini) -> None:
    assert ini("[a]\nx = üü\ny = 1\n", "iniset f.ini a x abc") == "[a]\nx = abc\ny = 1\n"


def test_iniset_writes_nothing_if_nothing_changes(bash) -> None:
    file = bash.path / "f.ini"
    file.write_text("[a]\nx = 1\n")
    file.chmod(0o400)
    before = file.stat().st_mtime_ns
    bash("iniset f.ini a x 1")
    assert file.stat().st_mtime_ns == before


def test_ini_functions_name_a_file_they_cannot_read(bash) -> None:
    done = bash("inidelete none.ini a x", code=2)
    assert done.err == "inidelete: cannot read none.ini\n"
    # as sed's failure within $(...) is none of iniget's
    done = bash('x=$(iniget none.ini a x; iniget_multiline none.ini a x); echo "<$x>"')
    assert done.out == "<>\n"
    assert done.err == "iniget: cannot read none.ini\niniget_multiline: cannot read none.ini\n"


def test_values_make_the_file(bash) -> None:
    bash("iniadd new.ini a x 1 2; iniset_multiline other.ini a x 3; iniadd other.ini a x 4")
    assert (bash.path / "new.ini").read_text() == "\n[a]\nx = 1\nx = 2\n"
    assert (bash.path / "other.ini").read_text() == "\n[a]\nx = 3\nx = 4\n"


def test_iniset_sudo_uses_sudo_only_if_needed(bash) -> None:
    bash.program("sudo", 'echo "$@" >> "$HOME/log"; "$@"')
    (bash.path / "f.ini").write_text("[a]\n")
    script = "iniset -sudo f.ini a x 1; iniset -sudo /proc/none a x 1 || echo failed"
    assert bash.says(script) == "failed"
    assert (bash.path / "f.ini").read_text() == "[a]\nx = 1\n"
    assert (bash.path / "log").read_text() == "test -e /proc/none\ntee -a -- /proc/none\n"


def test_ini_sudo_reads_files_of_root(bash) -> None:
    """The file is visible through sudo alone: under a name that only the fake sudo maps."""
    (bash.path / "real.ini").write_text("[a]\nx = 1000\n")
    script = """
    sudo() {
        local word words=()
        for word; do words+=("${word/hidden.ini/real.ini}"); done
        "${words[@]}"
    }
    ini_has_option -sudo hidden.ini a x && echo has; iniset -sudo hidden.ini a x 2
    iniadd -sudo hidden.ini a y 3; ls
    """
    assert bash(script).lines == ["has", "real.ini"]
    assert (bash.path / "real.ini").read_text() == "[a]\ny = 3\nx = 2\n"


def test_ini_functions_leave_xtrace_alone_and_print_little(bash) -> None:
    script = """
    echo '[a]' > f.ini
    set -x
    iniset f.ini a x 1
    iniget f.ini a x
    [[ $- == *x* ]] && echo on
    """
    done = bash(script)
    assert done.lines == ["1", "on"]
    assert "_ini" not in done.err


def test_ini_functions_use_no_external_program(bash) -> None:
    script = """
    PATH=
    printf '[a]\\n' > f.ini
    iniset f.ini a x 10; iniset f.ini a x 1; iniset f.ini b y 2; inicomment f.ini b y
    iniuncomment f.ini b y; iniadd f.ini b y 3; inidelete f.ini a x; iniget_multiline f.ini b y
    """
    assert bash.says(script) == "2 3"


def test_iniset_keeps_the_traps_of_its_caller(bash) -> None:
    script = """
    printf '[a]\\nx = 1000\\n' > f.ini
    trap 'echo "it'"'"'s term"' TERM; trap '' HUP
    iniset f.ini a x 1
    trap -p HUP INT TERM
    kill -TERM $$
    """
    quoted = "trap -- 'echo \"it'\\''s term\"' SIGTERM"
    assert bash(script).lines == ["trap -- '' SIGHUP", quoted, "it's term"]
    assert (bash.path / "f.ini").read_text() == "[a]\nx = 1\n"


def test_file_is_announced_in_a_run_before_it_changes_for_the_first_time(bash) -> None:
    script = """
    _doitstack_messages=7
    doitstack_request() { echo "$1 ${2#"$PWD"/}: $(head -n 9 -- "$2")"; [[ ! -e full ]]; }
    printf '[a]' > f.ini
    iniset f.ini a x 1; iniset "$PWD/f.ini" a x 2; iniset f.ini a x 2; inidelete f.ini a x
    printf 'A=1\n' > g.conf
    localrc_set g.conf A 2
    : > full > h.ini
    iniset h.ini a x 1 || echo "not changed: $(< h.ini)"
    """
    assert bash(script).lines == [
        *("changes f.ini: [a]", "changes g.conf: A=1"),
        *("changes h.ini: ", "not changed: "),
    ]
