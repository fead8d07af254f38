"""Completion in a real bash and a real zsh, typed at a terminal."""

import os
import sys
from collections.abc import Iterator

import pytest

from tests.conftest import DOIT, StackDir, stack_dirs
from tests.debian import have
from tests.integration.probes import plugin
from tests.terminal import Terminal

DEMO = plugin("""
    def talk(stack):
        print("talking")

    @hookimpl
    def stack_install(stack):
        yield async_run("talkative", talk)
        yield run(talk)
        yield async_wait("talkative")
""")

SHELLS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
}


class Keyboard(Terminal):
    """A shell at a terminal, with completion sourced."""

    def __init__(self, shell: str, stack: StackDir) -> None:
        environ = {
            **stack.environ,
            "PATH": f"{os.path.dirname(DOIT)}:{os.environ['PATH']}",
            "PS1": "> ",
            "TERM": "xterm",
            "HISTFILE": "",
        }
        super().__init__(SHELLS[shell], stack.path, environ)
        self.until_line("")
        self.type(f"source <({sys.executable} -m doitstack completion {shell}); clear\n")
        self.until(lambda: self.lines == [">"], "the prompt alone")

    def until_line(self, text: str) -> None:
        """Wait until the command line is `text`."""
        line = f"> {text}".rstrip()
        self.until(lambda: self.lines[-1:] == [line], line)

    def clear(self) -> None:
        """Give up the line, and begin on an empty screen."""
        self.type("\x15\x0c")
        self.until(lambda: self.lines == [">"], "the prompt alone")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackDir]:
    """A stack directory after a run, which completion only reads."""
    with stack_dirs(tmp_path_factory.mktemp("shells")) as make:
        made = make({"extras.d/50-demo.py": DEMO})
        made.run("stack").ok()
        yield made


@pytest.fixture(params=SHELLS)
def keyboard(request: pytest.FixtureRequest, stack: StackDir) -> Iterator[Keyboard]:
    have(request.param, request.param)
    keyboard = Keyboard(request.param, stack)
    yield keyboard
    keyboard.close()


def test_what_is_typed_is_completed_and_what_is_possible_is_listed(keyboard: Keyboard) -> None:
    for typed, completed in {
        "doit fut": "doit futures ",
        "doit log talk": "doit log talkative ",
        "doit log --fol": "doit log --follow ",
        "doit log --li": "doit log --lines=",
        "doit list --sort=d": "doit list --sort=definition ",
        "doit unst": "doit unstack",
        "doit stack:ins": "doit stack:install",
        "doit stack:install:d": "doit stack:install:demo:",
        "doit run stack:install:demo:ta": "doit run stack:install:demo:talk",
        "doit -f dod": "doit -f dodo.py ",
    }.items():
        keyboard.type(f"{typed}\t")
        keyboard.until_line(completed)
        # Whether a space follows shows only when one goes on.
        keyboard.type("x")
        keyboard.until_line(f"{completed}x")
        keyboard.clear()
    check_listing(keyboard)


def check_listing(keyboard: Keyboard) -> None:
    keyboard.type("doit stack:install:demo:\t\t")

    def has_all() -> bool:
        shown = " ".join(keyboard.lines).split()
        steps = ("async_wait-talkative", "talkative", "talk")
        return all(any(word.endswith(step) for word in shown) for step in steps)

    keyboard.until(has_all, "the three steps")
