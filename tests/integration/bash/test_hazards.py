"""What real plugins do to their shell: each of it in a small script, in a real run.

The page shell-contract.md says the same in words. What a script leaves behind in DevStack, where
all are sourced inside functions of one shell, it leaves behind here.
"""

import os
from pathlib import Path

import pytest

from tests.conftest import MakeStackDir, StackDir
from tests.integration.bash.scripts import FIRST, SECOND, Run, error_of, in_phase, install, said
from tests.integration.probes import plugin

pytestmark = pytest.mark.usefixtures("served_runs")

# -- words and status --------------------------------------------------------------------------


def test_command_whose_name_is_in_a_variable_runs(run: Run) -> None:
    assert run.says("""
        greet() { echo "hello $1"; }
        command=greet arguments=(echo "two  words")
        $command you
        "${arguments[@]}"
        set_it="iniset $DEST/a.ini s k v"
        $set_it
        iniget "$DEST/a.ini" s k
    """) == ["hello you", "two  words", "v"]


def test_xtrace_is_saved_and_restored_as_the_last_command(run: Run) -> None:
    body = """
        XTRACE=$(set +o | grep xtrace)
        set +o xtrace
        echo quiet
        $XTRACE
    """
    text = f"{FIRST} {SECOND}".split()
    stack = run.stack()
    for name in text:
        path = stack.path / name
        path.parent.mkdir(exist_ok=True)
        lines = [line.strip() for line in body.strip().splitlines()]
        path.write_text("\n".join(lines) + "\n")
    assert said(stack.run("stack").ok()) == ["quiet"] * 14


def test_xtrace_goes_to_a_file_of_the_step_and_ends_with_it(run: Run) -> None:
    stack = run.stack("set -o xtrace\n: traced in the first", ": not traced")
    outcome = stack.run("stack").ok()
    assert said(outcome) == []
    logs = stack.dest / "logs" / "xtrace"
    assert "+ : traced in the first\n" in (logs / "stack:install:first:20-first.sh.log").read_text()
    assert (logs / "stack:install:second:30-second.sh.log").read_text() == ""


def test_verbose_ends_with_the_script(run: Run) -> None:
    # Else it would show commands of ours, secrets among them.
    assert run.says("set -o verbose\n: one of mine", ": one of others") == []


def test_trace_of_a_script_that_fails_is_in_a_file_of_its_own(run: Run) -> None:
    outcome = run.fails("set -x\n: the reason\nfalse")
    assert not [line for line in outcome.lines if line.startswith("+")]
    (told,) = [line for line in outcome.lines if line.startswith("trace of its commands: ")]
    traced = Path(told.partition(": ")[2]).read_text().splitlines()
    assert [line.lstrip("+ ") for line in traced][:2] == [": the reason", "false"]


def test_status_of_the_last_command_is_there(run: Run) -> None:
    assert run.says("""
        leave() { return 3; }
        if leave; then :; else echo "code $?"; fi
        leave || echo "code $?"
        (exit 7) || { code=$?; echo "code $code"; }
        ! true || echo "negated $?"
        true
        echo "code $?"
    """) == ["code 3", "code 3", "code 7", "negated 1", "code 0"]


def test_failing_command_is_reported_with_file_line_and_functions(run: Run) -> None:
    outcome = run.fails("""
        inner() {
            ls /nowhere/at/all
        }
        outer() { inner; }
        outer
    """)
    path = outcome.directory.path / FIRST
    assert error_of(outcome) == (
        f"{path}:3: 'ls /nowhere/at/all' ended with code 2 (in inner < outer)"
    )


def test_failing_library_function_is_reported_with_its_caller(run: Run) -> None:
    outcome = run.fails("iniset /nowhere/at/all/a.ini s k v")
    path = outcome.directory.path / FIRST
    assert error_of(outcome) == f"{path}:2: 'iniset' ended with code 1"


def test_status_of_a_script_is_that_of_its_last_command(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({FIRST: '[[ "$2" == install ]] && echo installing\n'})
    outcome = stack.run("stack").failed(1)
    assert outcome.lines[0] == "==> override_defaults: first: 20-first.sh"
    assert error_of(outcome) == (
        f"{stack.path / FIRST}: its last command, or `return`, ended with code 1"
    )


@pytest.mark.parametrize("call", ["refuse 'it'", "async_run 'a b' true"])
def test_function_that_returned_a_failure_is_named_by_the_line_of_its_call(
    run: Run, call: str
) -> None:
    outcome = run.fails(f"refuse() {{ return 1; }}\n  {call}")
    assert error_of(outcome).endswith(f"{FIRST}:3: '{call}' ended with code 1")


def test_unset_variable_under_nounset_is_reported_with_its_line(run: Run) -> None:
    outcome = run.fails("set -o nounset\necho $nothing_at_all")
    path = outcome.directory.path / FIRST
    assert f"{path}: line 3: nothing_at_all: unbound variable" in outcome.lines
    assert error_of(outcome).startswith(f"{path}: bash has ended with code 1: ")


@pytest.mark.parametrize("call", ["again", "async_run f again\nasync_wait f"])
def test_function_that_calls_itself_without_end_is_a_failure(run: Run, call: str) -> None:
    """Bash took minutes of CPU time until it crashed, and said nothing."""
    outcome = run.fails(f"again() {{\n again\n}}\n{call}")
    path = outcome.directory.path / FIRST
    message = f"{path}: line 3: again: maximum function nesting level exceeded (1000)"
    assert any(message in line for line in outcome.lines)


# -- exit --------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["", "0", "3"])
def test_exit_at_top_level_is_a_failed_step(run: Run, code: str) -> None:
    outcome = run.fails(f"echo before\nexit {code}")
    path = outcome.directory.path / FIRST
    assert error_of(outcome) == (
        f"{path}:3: exit {code or 0} in a script; use `return`, or `die` with a message"
    )


def test_exit_in_a_function_is_a_failed_step(run: Run) -> None:
    outcome = run.fails("leave() { exit 0; }\nleave")
    path = outcome.directory.path / FIRST
    assert error_of(outcome).startswith(f"{path}:2: exit 0 in a script (in leave); ")


def test_exit_in_a_subshell_leaves_the_subshell_alone(run: Run) -> None:
    assert run.says("""
        (echo inside; exit 0; echo unreached)
        (exit 5) || echo "code $?"
        text=$(echo captured; exit 0)
        echo "$text"
    """) == ["inside", "code 5", "captured"]


def test_die_is_reported_with_its_message_and_the_line_of_its_caller(run: Run) -> None:
    outcome = run.fails('complain() {\n    die $LINENO "no such thing"\n}\ncomplain')
    path = outcome.directory.path / FIRST
    assert error_of(outcome) == f"{path}:3: no such thing"


def test_exit_of_bash_itself_is_never_silent(run: Run) -> None:
    outcome = run.fails("builtin exit 0")
    path = outcome.directory.path / FIRST
    assert error_of(outcome).startswith(f"{path}: bash has ended with code 0: ")


def test_exec_of_a_program_is_never_silent(run: Run) -> None:
    outcome = run.fails("exec true")
    assert "the bash session has ended with code 0, without a message" in outcome.out


def test_return_at_top_level_ends_the_script_alone(run: Run) -> None:
    assert run.says("echo first\nreturn\necho unreached", "echo second") == ["first", "second"]


def test_return_of_a_failure_at_top_level_is_a_failed_step(run: Run) -> None:
    outcome = run.fails("return 4")
    assert error_of(outcome).startswith(f"{outcome.directory.path / FIRST}:")
    assert error_of(outcome).endswith(" ended with code 4")


# -- unstack and clean -------------------------------------------------------------------------


def test_wait_for_what_never_ran_is_short_in_a_teardown(stack_dir: MakeStackDir) -> None:
    body = 'echo "$SERVICE_TIMEOUT s"\n'
    stack = stack_dir({FIRST: in_phase("stack install", body) + in_phase("clean", body)})
    assert said(stack.run("stack").ok()) == ["600 s"]
    assert said(stack.run("clean").ok()) == ["60 s"]
    stack.run("stack").ok()
    assert said(stack.run("clean", SERVICE_TIMEOUT="7").ok()) == ["7 s"]


def test_unstack_and_clean_continue_after_a_failure(stack_dir: MakeStackDir) -> None:
    body = """
        take_away() { rm /nowhere/at/all; echo the rest of $1; }
        take_away $1
        rmdir /nowhere/at/all
        [[ ! -d $DEST/none ]]
        if false; then :; fi
        (exit 3)
        [[ -e /nowhere/at/all ]] && echo it is there
    """
    stack = stack_dir(
        {
            FIRST: in_phase("unstack", body)
            + in_phase("clean", body)
            + in_phase("source", "false"),
            SECOND: "echo second $*\n",
        }
    )
    path = stack.path / FIRST
    rmdir = "rmdir: failed to remove '/nowhere/at/all': No such file or directory"
    rm = "rm: cannot remove '/nowhere/at/all': No such file or directory"

    def lines(mode: str, line: int) -> list[str]:
        told = [rm, f"the rest of {mode}", rmdir]
        told += [f"WARNING: {path}:{line}: this command ended with code 1; continuing"]
        told += [f"WARNING: {path}:{line + 3}: this command ended with code 3; continuing"]
        return [*told, f"second {mode}"]

    before = ["second override_defaults"]
    before += [f"WARNING: {path}:20: this command ended with code 1; continuing", "second source"]
    stack.dest.mkdir(mode=0o700)
    assert said(stack.run("unstack").ok()) == [*before, *lines("unstack", 4)]
    assert said(stack.run("clean").ok()) == [*before, *lines("unstack", 4), *lines("clean", 13)]


ENDINGS = {
    "exit 0": "exit 0 in a script; use `return`, or `die` with a message",
    "exit": "exit 1 in a script; use `return`, or `die` with a message",
    "die $LINENO gone": "gone",
    ": ${NO_SUCH_SETTING:?is needed}": "bash has ended with code",
    "kill -KILL $$": "the bash session has ended with code -9",
    "exec true": "the bash session has ended with code 0",
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("mode", ["unstack", "source", "override_defaults"])
def test_scripts_after_one_that_ends_the_session_are_run(
    stack_dir: MakeStackDir, ending: str, mode: str
) -> None:
    stack = stack_dir(
        {
            "local.conf": "[[local|localrc]]\nLISTED=(one two)\nof_user() { echo of the user; }\n",
            "extras.d/10-set.sh": in_phase(
                "override_defaults", "readonly OF_SCRIPT=set\nreadonly _GUARD=set"
            ),
            FIRST: in_phase(mode, f"cd /\nfalse\n{ending}"),
            SECOND: in_phase(
                "unstack",
                """
                echo "second $OF_SCRIPT ${_GUARD-unset} ${LISTED[1]} $(of_user) $PWD $EUID"
                is_service_enabled nosuch || echo "functions are there: $KEYSTONE_SERVICE_PORT"
                """,
            ),
            "extras.d/70-last.py": plugin("""
                @hookimpl
                def unstack(stack):
                    yield run(shell("echo a shell step; false"))
                    yield run(["touch", "taken_away"])
            """),
        }
    )
    stack.dest.mkdir(mode=0o700)
    outcome = stack.run("unstack").failed(1)
    second = f"second set unset two of the user {stack.path} {os.geteuid()}"
    assert outcome.lines.count(second) == 1, outcome.out
    assert "functions are there: 5000" in outcome.lines
    assert "a shell step" in outcome.lines
    assert (stack.path / "taken_away").exists()
    errors = [line for line in outcome.lines if line.startswith("ERROR: ")]
    assert len(errors) == 2, errors
    assert ENDINGS[ending] in errors[0]
    assert "'false' ended with code 1" in errors[1]


def test_errexit_of_a_script_counts_in_unstack_too(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({FIRST: in_phase("unstack", "set -e\nfalse\necho unreached")})
    stack.dest.mkdir(mode=0o700)
    outcome = stack.run("unstack").failed(1)
    assert "unreached" not in outcome.lines
    assert error_of(outcome) == f"{stack.path / FIRST}:3: 'false' ended with code 1"


# -- arrays, subshells, here-documents, sudo ---------------------------------------------------


def test_arrays_of_repositories_can_be_assigned_at_top_level(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            FIRST: """\
                GITREPO["demo-lib"]=${DEMO_REPO:-https://opendev.org/demo/lib.git}
                GITDIR["demo-lib"]=$DEST/demo-lib
                GITBRANCH["demo-lib"]=${DEMO_BRANCH:-master}
            """,
            SECOND: install(
                'echo "${GITREPO[demo-lib]} ${GITDIR[demo-lib]} ${GITBRANCH[demo-lib]}"'
            ),
        }
    )
    assert said(stack.run("stack").ok()) == [
        f"https://opendev.org/demo/lib.git {stack.dest}/demo-lib master"
    ]


def test_subshell_keeps_what_it_does_to_itself(run: Run) -> None:
    assert run.says("""
        name=outside
        (cd /; name=inside; set +e; false; echo "$PWD $name")
        echo "$name $([[ $PWD == "$TOP_DIR" ]] && echo here)"
        (echo_summary "from a subshell")
        echo a | while read -r word; do iniset "$DEST/a.ini" s k "$word"; done
        iniget "$DEST/a.ini" s k
    """) == ["/ inside", "outside here", "from a subshell", "a"]


def test_failing_subshell_fails_the_step_once(run: Run) -> None:
    outcome = run.fails("(false; echo unreached)")
    path = outcome.directory.path / FIRST
    assert "unreached" not in outcome.lines
    assert error_of(outcome) == f"{path}:2: '( false; echo unreached )' ended with code 1"


def test_here_documents_are_read_by_commands_and_sudo(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            FIRST: """\
if [[ "$1 $2" == "stack install" ]]; then
name=value
cat <<END >"$DEST/plain"
name=$name
END
cat <<-'END' >"$DEST/quoted"
	$name
END
sudo tee "$DEST/by-sudo" >/dev/null <<END
line of $name
END
sudo bash -c "cat >$DEST/by-bash" <<<"word of $name"
cat <<END | sudo dd of=$DEST/by-pipe status=none
piped
END
fi
"""
        }
    )
    as_root(stack)
    stack.run("stack").ok()
    names = ("plain", "quoted", "by-sudo", "by-bash", "by-pipe")
    assert [(stack.dest / name).read_text() for name in names] == [
        "name=value\n",
        "$name\n",
        "line of value\n",
        "word of value\n",
        "piped\n",
    ]


def as_root(stack: StackDir) -> None:
    """Give an ordinary user a `sudo` that needs no password."""
    if os.geteuid():
        tool = stack.path / "tools" / "sudo"
        tool.parent.mkdir()
        tool.write_text(
            '#!/bin/sh\nwhile getopts nE option; do :; done\nshift $((OPTIND - 1))\nexec "$@"\n'
        )
        tool.chmod(0o755)
        stack.environ["PATH"] = f"{tool.parent}:{stack.environ['PATH']}"


def test_sudo_runs_commands_shells_and_variables(run: Run) -> None:
    stack = run.stack("""
        sudo echo plain
        sudo -E env FROM=sudo bash -c 'echo "$FROM"'
        sudo bash -c "echo one; echo two"
        run_as_root="sudo"
        $run_as_root echo by a variable
        echo "a pipe" | sudo tee "$DEST/piped"
        sudo chmod 600 "$DEST/piped"
        ! sudo false || echo unreached
        sudo sh -c 'exit 3' || echo "code $?"
    """)
    as_root(stack)
    assert said(stack.run("stack").ok()) == [
        *("plain", "sudo", "one", "two", "by a variable", "a pipe", "code 3")
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_without_sudo_root_becomes_another_user(run: Run) -> None:
    assert run.says("sudo -u nobody id -un\nsudo -H -u nobody -- id -un") == ["nobody"] * 2


# -- sourcing ----------------------------------------------------------------------------------


def test_files_are_sourced_from_wherever_scripts_name_them(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            FIRST: install("""
                MY_LIB=$DEST/project/devstack/lib.sh
                source $MY_LIB
                source $DEST/project/more one "two words"
                source $TOP_DIR/lib/in-tree
                here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
                source "$here/helpers/beside"
                echo "$# $1 $2"
            """),
            "lib/in-tree": "echo in tree, called with $1\n",
            "extras.d/helpers/beside": 'echo "beside, from ${BASH_SOURCE[0]##*/}"\n',
            ".stack/project/devstack/lib.sh": 'lib_dir=$(dirname "${BASH_SOURCE[0]}")\n'
            'echo "lib in ${lib_dir##*/}"\n',
            ".stack/project/more": 'echo "$# arguments, the last is $2"\n',
        }
    )
    assert said(stack.run("stack").ok()) == [
        "lib in devstack",
        "2 arguments, the last is two words",
        "in tree, called with stack",
        "beside, from beside",
        "2 stack install",
    ]


def test_caller_of_a_script_has_its_mode_and_phase(run: Run) -> None:
    assert run.says('echo "$mode $phase"\nmode=other phase=other dir=/', 'echo "$mode $phase"') == [
        "stack install",
        "stack install",
    ]


def test_local_works_outside_of_a_function_and_ends_with_the_script(run: Run) -> None:
    assert run.says(
        'local mine="of the first"\nlocal -a list=(a b)\necho "$mine ${#list[@]}"',
        'echo "${mine-gone} ${list-gone}"',
    ) == ["of the first 2", "gone gone"]


def test_declare_ends_with_the_script_and_declare_g_does_not(run: Run) -> None:
    assert run.says(
        "declare here=1\ndeclare -g there=2\ndeclare -gA table=([key]=value)",
        'echo "${here-gone} $there ${table[key]}"',
    ) == ["gone 2 value"]


def test_positional_parameters_end_with_the_script(run: Run) -> None:
    assert run.says("set -- other words\nshift", 'echo "$*"') == ["stack install"]


# -- all at once -------------------------------------------------------------------------------


def test_contract_page_names_every_hazard() -> None:
    page = (Path(__file__).parents[3] / "docs" / "shell-contract.md").read_text()
    for word in (
        *("`exit`", "`cd`", "`umask`", "`IFS`", "`set -o posix`", "`set +o errexit`"),
        *("`exec PROGRAM`", "`eval`", "`local`", "`return`", "`readonly`", "`export -f`"),
        *("`trap`", "`sudo`", "`$XTRACE`", "`GITDIR[...]`", "`BASH_SOURCE`", "`$dir`"),
        *("`$mode`", "`&`", "`$?`"),
    ):
        assert word in page, word


def test_scripts_know_only_this_cloud(stack_dir: MakeStackDir) -> None:
    script = install("env | grep ^OS_; echo ${OS_PASSWORD-none}")
    stack = stack_dir({FIRST: script})

    outcome = stack.run(
        "stack", OS_CLOUD="production", OS_PASSWORD="secret", OS_CLIENT_CONFIG_FILE="/etc/mine"
    ).ok()

    assert sorted(said(outcome)) == [
        f"OS_CLIENT_CONFIG_FILE={stack.dest}/clouds.yaml",
        "OS_CLOUD=devstack-admin",
        "none",
    ]


def test_cloud_of_scripts_is_the_one_that_local_conf_names(stack_dir: MakeStackDir) -> None:
    local = "[[local|localrc]]\nOS_CLOUD=devstack-alt\n"
    stack = stack_dir({FIRST: install("env | grep ^OS_CLOUD"), "local.conf": local})
    assert said(stack.run("stack").ok()) == ["OS_CLOUD=devstack-alt"]


def test_programs_of_a_run_keep_their_byte_code(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({FIRST: install('echo "${PYTHONDONTWRITEBYTECODE-unset}"')})

    assert said(stack.run("stack", PYTHONDONTWRITEBYTECODE="1").ok()) == ["unset"]


def test_lock_is_an_option_of_async_run(run: Run) -> None:
    said_so = run.says(
        "mkfifo gate; async_run --lock apt a cat gate; async_run --lock apt b echo second\n"
        "async_run c echo free; async_wait c; echo first >gate; async_wait b a"
    )
    assert [line for line in said_so if line in ("first", "second", "free")] == [
        *("free", "second", "first"),
    ]


def test_makeflags_name_the_slots_after_the_users_flags(run: Run) -> None:
    stack = run.stack('echo "flags:${MAKEFLAGS%%fifo:*}"')
    flags = next(line for line in stack.run("stack", MAKEFLAGS="-k").lines if "flags" in line)
    assert flags.startswith("flags: -k ")
    assert flags.endswith("--jobserver-auth=")


def test_failed_serial_future_ends_the_step(run: Run) -> None:
    stack = run.stack("async_run a false\necho not reached; async_wait a")
    outcome = stack.run("stack", DEVSTACK_PARALLEL="False").failed(1)
    assert "not reached" not in outcome.lines
    assert "20-first.sh:2: 'async_run' ended with code 1" in outcome.out
