"""Secrets are stars wherever text is kept or shown, no matter what has written it."""

import os
import re
import signal
from pathlib import Path

import pytest

from tests.conftest import MakeStackDir, StackDir
from tests.integration.probes import plugin, wait_until

pytestmark = pytest.mark.usefixtures("served_runs")

PYTHON = """
from doitstack.errors import StepError

def secrets_of(stack):
    names = "ADMIN_PASSWORD", "SERVICE_PASSWORD", "PROXY_URL"
    return [*map(stack.password, names[:2]), stack.settings["PROXY_URL"]]

def put(stack, who):
    for secret in secrets_of(stack):
        print(f"{who} prints {secret}, {secret!r}", flush=True)
        stack.say(f"{who} says {secret}")
        stack.warn(f"{who} warns of {secret}")
        script = 'echo "$0 echoes $S" >&2; printf "$0 no end $S"'
        stack.run(["sh", "-c", script, who], env={"S": secret})
        print()

def act(stack, *words):
    put(stack, "step")

def future(stack, *words):
    put(stack, "future")

def cut(stack, *words):
    # Its last line would come between the two halves of a secret.
    log = stack.log_dir / "stack.log"
    until(lambda: "FAILED with rc 1" in log.read_text(), "the end of never_waited_for")
    for secret in secrets_of(stack):
        stack.run(["sh", "-c", 'printf "cut %s" "${S%??}"; sleep 0.4; echo "${S#"${S%??}"}"'],
            env={"S": secret})

def last_words(stack):
    stack.say(f"at the end {stack.password('ADMIN_PASSWORD')}", at_end=True)

def fails_in_future(stack):
    raise ValueError(f"future fails with {secrets_of(stack)}")

def service(stack, *words):
    for secret in secrets_of(stack):
        stack.run_process("dying", ["sh", "-c", 'echo "service $S"; exit 1'], env={"S": secret})

def fails_by_error(stack, *words):
    raise StepError(f"failed with {secrets_of(stack)}")

def fails_by_traceback(stack, *words):
    raise ValueError(f"bad {secrets_of(stack)}")

def fails_by_argv(stack, *words):
    stack.run(["/nonexistent/" + secrets_of(stack)[0], secrets_of(stack)[1]])

def fails_by_exit(stack, *words):
    sys.exit(f"left with {secrets_of(stack)}")

FAILURES = {
    "error": fails_by_error,
    "traceback": fails_by_traceback,
    "argv": fails_by_argv,
    "exit": fails_by_exit,
    "service": service,
}

@hookimpl
def stack_install(stack):
    secret = stack.settings["ADMIN_PASSWORD"]
    yield async_run("f", future, secret)
    yield async_run("g", ["sh", "-c", 'echo "program $0 $ADMIN_PASSWORD"', f"--p={secret}"])
    yield async_run("h", shell('echo "shell future $SERVICE_PASSWORD $ADMIN_PASSWORD"'))
    yield async_run("never_waited_for", fails_in_future)
    yield run(act, secret)
    yield run(last_words)
    yield async_wait("f", "g", "h")
    yield run(cut)

@hookimpl
def stack_test_config(stack):
    if name := os.environ.get("FAIL"):
        yield run(FAILURES.get(name, act), stack.settings["ADMIN_PASSWORD"])
"""

BASH = """
if [[ $2 == extra ]]; then
    MY_SERVICE_SECRET=hunter-of-script
    echo_it() { echo "not known yet: $MY_SERVICE_SECRET"; }
    async_run k echo_it
    async_run i true "$MY_SERVICE_SECRET"
    talk() {
        echo "bash $ADMIN_PASSWORD $SERVICE_PASSWORD $MY_SERVICE_SECRET $PROXY_URL"
        python3 -c 'import sys; sys.exit(f"python {sys.argv[1:]}")' "$ADMIN_PASSWORD" || true
        set -x
        : "$ADMIN_PASSWORD" "$SERVICE_PASSWORD" "$MY_SERVICE_SECRET" "$PROXY_URL"
        set +x
    }
    talk
    async_run j talk
    async_wait i j k
    echo_summary "said $MY_SERVICE_SECRET"
    warn $LINENO "warned $SERVICE_PASSWORD"
fi
if [[ $2 == test-config && ${FAIL-} == bash ]]; then
    die $LINENO "died of $ADMIN_PASSWORD $SERVICE_PASSWORD $MY_SERVICE_SECRET"
fi
"""

FILES = {"extras.d/50-demo.py": plugin(PYTHON), "extras.d/60-script.sh": BASH}

LISTINGS = (
    *(("list", "--all"), ("plan",), ("plan", "--json"), ("plan", "--dot"), ("dumpdb",)),
    *(("futures",), ("futures", "--json"), ("log",), ("log", "--json"), ("services", "--json")),
    *(("timing",), ("timing", "--json"), ("timing", "--run", "--json"), ("plugins", "--json")),
    *(("info", "stack:install:demo:act"), ("services",)),
    *(("log", name) for name in ("stack", "f", "g", "h", "i", "j", "never_waited_for")),
)


def secrets_of(stack: StackDir) -> list[str]:
    """Return the secrets of the plugins above."""
    passwords = (stack.dest / "passwords").read_text().splitlines()
    made = [line.partition("=")[2] for line in passwords]
    return [*made, "hunter of 'user", "hunter\\ of\\ ", "hunter-of-script", "hunter-of-proxy"]


def make(stack_dir: MakeStackDir, **environ: str) -> StackDir:
    return stack_dir(
        FILES,
        ADMIN_PASSWORD="hunter of 'user",
        PROXY_URL="http://me:hunter-of-proxy@proxy:80/",
        **environ,
    )


def assert_hidden(text: str, secrets: list[str], where: object) -> None:
    """Fail if a text has a secret, or most of one."""
    for secret in secrets:
        assert secret[:-4] not in text, f"{where}: {secret}\n{text}"


def files_below(stack: StackDir) -> list[Path]:
    """Return the files that a run leaves, other than configuration and services' own logs."""
    found = [path for place in ("logs", "async") for path in (stack.dest / place).rglob("*")]
    return [path for path in found if path.is_file() and path.name != "dying.log"]


def test_secrets_are_stars_everywhere(stack_dir: MakeStackDir) -> None:
    stack = make(stack_dir)
    out = stack.run("stack").ok().out
    secrets = secrets_of(stack)
    assert len(secrets) > 5
    for who in ("step", "future"):
        for verb in ("prints", "says", "warns of", "echoes", "no end"):
            assert len(re.findall(rf"{who} {verb} [^*\n]*\*\*\*", out)) >= 3, (who, verb, out)
    assert out.count("cut ***") + out.count("cut http://me:***") == 3
    for words in ("program", "shell future", "bash", "python", "said", "warned", "at the end"):
        assert re.search(rf"{words} [^\n]*\*\*\*", out), (words, out)
    assert "running: true ***" in out
    assert_hidden(out, secrets, "the console")
    for path in files_below(stack):
        assert_hidden(path.read_text(), secrets, path)
    traced = (stack.dest / "logs/xtrace/stack:extra:script:60-script.sh.log").read_text()
    assert traced.count("****") >= 4
    for command in LISTINGS:
        shown = stack.run(*command)
        assert shown.code == 0 or command[0] == "info", shown.out
        assert_hidden(shown.out, secrets, command)
    for report in ("--html", "--junit", "--trace"):
        stack.run("timing", report, "report").ok()
        assert_hidden((stack.path / "report").read_text(), secrets, report)


@pytest.mark.parametrize("failure", ["error", "traceback", "argv", "exit", "service", "bash"])
def test_failures_have_stars(stack_dir: MakeStackDir, failure: str) -> None:
    stack = make(stack_dir, FAIL=failure)
    out = stack.run("stack").failed(1).out
    secrets = secrets_of(stack)
    assert re.search(r"(?m)^(ERROR|FAILED).*\*\*\*|^service [^\w\n]*\*\*\*", out), out
    assert_hidden(out, secrets, "the console")
    stack.run("timing", "--junit", "report").ok()
    if failure == "service":
        assert "service ***" in out
        assert_hidden(stack.run("log", "dying").ok().out, secrets, "a service's log")
    for path in (*files_below(stack), stack.path / "report"):
        assert_hidden(path.read_text(), secrets, path)


ENDLESS = """
def endless(stack):
    print("future", stack.password("ADMIN_PASSWORD"), flush=True)
    Path("is_there").touch()
    time.sleep(600)

@hookimpl
def stack_install(stack):
    yield async_run("f", endless)
    yield async_wait("f")
"""


def test_log_that_is_followed_has_stars(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({"extras.d/50-demo.py": plugin(ENDLESS)})
    run = stack.start("stack")
    wait_until((stack.path / "is_there").exists, "the output")
    made = secrets_of(stack)[0]
    assert made in stack.log("f"), "nothing has masked it yet"
    follower = stack.start("log", "f", "-f")
    assert follower.stdout
    assert follower.stdout.readline() == f"future {'*' * len(made)}\n"
    os.killpg(run.pid, signal.SIGINT)
    run.communicate()
    follower.communicate()
    assert_hidden(stack.log("f"), [made], "the log of a future that was stopped")


ENDLESS_SCRIPT = """
if [[ $2 == install ]]; then
    endless() { echo "future $MY_SERVICE_SECRET"; touch is_there; sleep 600; }
    MY_SERVICE_SECRET=hunter-of-script
    async_run f endless
    async_wait f
fi
"""


@pytest.mark.parametrize(
    "files", [{"50-demo.py": plugin(ENDLESS)}, {"50-demo.sh": ENDLESS_SCRIPT}], ids=["py", "sh"]
)
def test_killed_run_leaves_no_secrets_in_logs(
    stack_dir: MakeStackDir, files: dict[str, str]
) -> None:
    stack = stack_dir({f"extras.d/{name}": text for name, text in files.items()})
    run = stack.start("stack")
    wait_until((stack.path / "is_there").exists, "the output")
    (journal,) = (stack.dest / "logs" / "runs").iterdir()
    # A script's secret is known to nobody else before it has begun to wait.
    wait_until(lambda: '"wait_start", "name": "f"' in journal.read_text(), "the wait")
    secrets = [secrets_of(stack)[0], "hunter-of-script"]
    assert any(secret in stack.log("f") for secret in secrets), "nothing has masked it yet"
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()
    wait_until(lambda: not any(one in stack.log("f") for one in secrets), "the watchdog's work")
    for path in files_below(stack):
        assert_hidden(path.read_text(), secrets, path)


def test_arguments_that_become_a_secret_are_hidden_wherever_they_were_written(
    stack_dir: MakeStackDir,
) -> None:
    script = """
    if [[ $2 == install ]]; then
        async_run before true hunter-of-later
        MY_SERVICE_SECRET=hunter-of-later
        async_run after true hunter-of-later
        async_wait before after
    fi
    """
    stack = stack_dir({"extras.d/50-demo.sh": script})
    out = stack.run("stack").ok().out
    assert re.search(r"\[Async after:\d+\]: running: true \*+$", out, re.MULTILINE), out
    for path in files_below(stack):
        assert_hidden(path.read_text(), ["hunter-of-later"], path)
    for command in (("futures",), ("timing", "--run", "--json"), ("log",)):
        assert_hidden(stack.run(*command).ok().out, ["hunter-of-later"], command)
