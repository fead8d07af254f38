"""What commands print has stars for secrets."""

from tests.conftest import MakeStackDir

HOOK = """
from doitstack import hookimpl

@hookimpl
def stack_install(stack):
    raise ValueError(f"bad {stack.settings['ADMIN_PASSWORD']}")
"""


def test_errors_before_a_run_have_stars(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({"extras.d/50-demo.py": HOOK}, ADMIN_PASSWORD="hunter-of-user")
    for command in (["plan"], ["list", "--all"], ["stack"], ["info", "stack:install"]):
        out = stack.run(*command).failed(3).out
        assert "bad ***" in out, out
        assert "hunter-of" not in out
    assert stack.run("hunter-of-user").failed(3).out.count("***") >= 1


def test_password_of_a_url_is_hidden_before_settings_are_known(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({"local.conf": "[[local|localrc]]\nfalse https://me:hunter-2@host/ |\n"})
    assert "hunter-2" not in stack.run("plan").failed(3).out
