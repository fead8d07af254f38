"""Messages, giving up, questions about variables."""

import pytest


def test_die_prints_the_trace_and_keeps_the_status(bash) -> None:
    done = bash("f() { g; }; g() { (exit 7) || die 12 no way; }; f; echo never", code=7)
    assert done.out.startswith("[Call Trace]\n")
    assert done.err.endswith(":12 no way\n")
    assert done.err.startswith("[ERROR] ")


def test_die_exits_with_one_if_nothing_failed(bash) -> None:
    bash("die $LINENO gone", code=1)


def test_messages_go_to_the_error_log(bash) -> None:
    bash('LOGDIR=$PWD; err 3 "one"; err 4 "two"')
    assert [
        line.partition(":")[2] for line in (bash.path / "error.log").read_text().splitlines()
    ] == [
        *("3 one", "4 two"),
    ]


def test_err_and_warn_keep_the_status(bash) -> None:
    script = """
    set +e
    (exit 3); err 1 text; echo $?
    (exit 4); warn 1 text; echo $?
    A=; (exit 0); err_if_not_set 1 A text; echo $?
    """
    done = bash(script)
    assert [line for line in done.lines if line.isdigit()] == ["3", "4", "0"]
    assert "[WARNING] " in done.out


def test_die_if_not_set_looks_at_the_variable_and_the_status(bash) -> None:
    assert bash.says("A=1; die_if_not_set 1 A text; echo here") == "here"
    bash("A=; die_if_not_set 1 A text; echo here", code=1)
    bash("set +e; A=1; (exit 5); die_if_not_set 1 A text", code=5)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *(("1", "True"), ("yes", "True"), ("Yes", "True"), ("TRUE", "True"), ("true", "True")),
        *(("0", "False"), ("No", "False"), ("NO", "False"), ("false", "False"), ("", "Maybe")),
        *(("yep", "Maybe"), ("tRUE", "Maybe")),
    ],
)
def test_trueorfalse(bash, value: str, expected: str) -> None:
    assert bash.says(f"A={value}; trueorfalse Maybe A") == expected


def test_trueorfalse_returns_the_default_if_unset(bash) -> None:
    assert bash.says("trueorfalse False NONE") == "False"
    bash("trueorfalse False", code=1)


def test_is_set_needs_a_value_and_isset_a_variable(bash) -> None:
    script = "A=1 B=; for n in A B C; do is_set $n && echo $n; isset $n && echo ${n,}; done; :"
    assert bash(script).lines == ["A", "a", "b"]


def test_get_field_counts_from_both_ends(bash) -> None:
    (bash.path / "t").write_text("+---+\n| id | the name | x |\n|  7 | a b      | y |\n")
    assert bash("get_field 2 < t").lines == ["", "the name", "a b"]
    assert bash("get_field -1 < t").lines[1:] == ["x", "y"]


@pytest.mark.parametrize(
    ("question", "code"),
    [
        *(("1.10 '>' 1.9", 0), ("1.9 '<' 1.10", 0), ("1.0 '==' 1.0", 0), ("1.0 '<=' 1.0", 0)),
        *(("1.0 '>=' 1.1", 1), ("2 '<' 1", 1), ("1 '==' 2", 1), ("1 '!' 2", 1)),
    ],
)
def test_vercmp(bash, question: str, code: int) -> None:
    bash(f"vercmp {question}", code=code)


def test_small_functions(bash) -> None:
    script = """
    function_exists die && echo exists; function_exists nothing_of_the_kind || echo not
    echo_summary a b; echo_nolog c; deprecated old 2>&1; echo "$DEPRECATED_TEXT"
    generate_hex_string 4 | tr -d 0-9a-f
    x=$(generate_hex_string 16); echo ${#x}
    """
    assert bash(script).lines == [
        *("exists", "not", "a b", "c", "WARNING: old", r"\nold", "", "32"),
    ]
