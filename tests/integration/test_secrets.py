"""Secrets are stars wherever doitstack itself writes or shows text."""

from tests.conftest import MakeStackDir
from tests.integration.probes import plugin

PYTHON = """
from doitstack.errors import StepError

def act(stack, *words):
    stack.say(f"said {stack.settings['ADMIN_PASSWORD']}")
    stack.warn(f"warned of {stack.settings['ADMIN_PASSWORD']}")

def fail(stack, *words):
    raise StepError(f"failed with {stack.settings['ADMIN_PASSWORD']}")

@hookimpl
def stack_install(stack):
    yield run(act, "hunter-of-user")
    yield async_run("f", ["true", "--password=hunter-of-user"])
    yield async_wait("f")

@hookimpl
def stack_test_config(stack):
    yield run(fail, "hunter-of-user")
"""

BASH = """
if [[ $2 == extra ]]; then
    MY_SERVICE_SECRET=hunter-of-script
    set -x
    async_run g true "$MY_SERVICE_SECRET"
    async_wait g
    : "$ADMIN_PASSWORD"
    set +x
    echo_summary "said $MY_SERVICE_SECRET"
fi
"""


def test_secrets_are_stars_everywhere(stack_dir: MakeStackDir) -> None:
    files = {"extras.d/50-demo.py": plugin(PYTHON), "extras.d/60-script.sh": BASH}
    stack = stack_dir(files, ADMIN_PASSWORD="hunter-of-user")
    out = stack.run("stack").failed(1).out
    assert "hunter-of" not in out, out
    for words in ("said ***", "warned of ***", "failed with ***", "running: true ***"):
        assert words in out
    shown = out + "".join(
        stack.run(*command).ok().out
        for command in (["list", "--all"], ["plan"], ["timing", "--json"], ["futures"])
    )
    assert "hunter-of" not in shown
    traced = (stack.dest / "logs/xtrace/stack:extra:script:60-script.sh.log").read_text()
    assert ": " + "*" * len("hunter-of-user") in traced
    for place in ("logs", "async"):
        for path in (stack.dest / place).rglob("*"):
            assert not path.is_file() or "hunter-of" not in path.read_text(), path
