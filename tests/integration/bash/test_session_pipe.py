"""The pipe of the session: long and simultaneous messages are whole, foreign ones one failure."""

import pytest

from tests.conftest import MakeStackDir

pytestmark = pytest.mark.usefixtures("served_runs")

SCRIPT = """\
if [[ "$1 $2" == 'stack install' ]]; then
    {}
fi
"""

MANY = r"""
    say() {
        local text number
        builtin printf -v text '%05000d\n%s\n \\n' "$1" "line two of $1"
        for number in 1 2 3 4 5; do
            echo_summary "short $1"$'\n'"of two lines"
            echo_summary "$text"
        done
    }
    read() { echo mine; }; sleep() { :; }; printf() { :; }; export -f read sleep printf
    for number in 1 2 3 4; do async_run "f$number" say "$number"; done
    async_wait f1 f2 f3 f4
"""


def test_long_messages_of_many_futures_are_not_torn(stack_dir: MakeStackDir) -> None:
    outcome = stack_dir({"extras.d/50-demo.sh": SCRIPT.format(MANY)}).run("stack").ok()
    for number in range(1, 5):
        assert outcome.out.count(f"{number:05000d}\nline two of {number}\n \\n\n") == 5
        assert outcome.out.count(f"short {number}\nof two lines\n") == 5


FUNCTION = "() {  echo mine\n}"


def test_exported_functions_of_the_caller_have_no_effect(stack_dir: MakeStackDir) -> None:
    names = ("read", "printf", "sleep", "echo", "local")
    exported = {f"BASH_FUNC_{name}%%": FUNCTION for name in names}
    stack = stack_dir(
        {
            "extras.d/50-demo.sh": SCRIPT.format("async_run f echo hi; async_wait f"),
            "local.conf": "[[local|localrc]]\nA=1\n",
        },
        **exported,
    )
    outcome = stack.run("stack").ok()
    assert "hi" in outcome.lines
    assert "mine" not in outcome.out


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("echo rubbish >&233", "something other than the session wrote to its pipes: 'rubbish"),
        ("_doitstack_send async_started x", "something other than the session wrote to its pipes"),
        ("doitstack_request async_declare", "async_declare has 4 arguments, not 0"),
        ("exec 233>&-", "the bash session has ended with code 70"),
        ("exec 233>/dev/null", "the bash session has ended with code 70"),
        ("exec 230>&-", "the bash session has ended with code 70"),
        ("exit nonsense", ":2: exit 2 in a script"),
    ],
)
def test_foreign_message_is_one_failure(stack_dir: MakeStackDir, command: str, reason: str) -> None:
    outcome = stack_dir({"extras.d/50-demo.sh": SCRIPT.format(command)}).run("stack")
    assert "Traceback" not in outcome.out
    assert outcome.code == 1
    assert reason in outcome.out
