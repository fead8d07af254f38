"""The whole plugins of docs/plugins.md that are no services of OpenStack, as they stand there."""

import re
import urllib.request
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT, MakeStackDir
from tests.integration.bash.repositories import Repository, enabling
from tests.ports import free_port

pytestmark = pytest.mark.usefixtures("served_runs")


def example(language: str, word: str) -> str:
    page = (CHECKOUT / "docs" / "plugins.md").read_text(encoding="utf-8")
    examples = re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (found,) = [one for one in examples if word in one]
    return str(found)


def test_plugins_of_the_page_do_what_they_say(stack_dir: MakeStackDir, tmp_path: Path) -> None:
    scripts = {"settings": "enable_service clock", "plugin.sh": "run_process clock"}
    files = {f"devstack/{name}": example("bash", word) for name, word in scripts.items()}
    port = free_port()
    clock = Repository(tmp_path / "git" / "clock", files)
    stack = stack_dir(
        {
            **enabling(f"enable_plugin clock {clock.path}", f"CLOCK_PORT={port}"),
            "extras.d/50-greeting.py": example("python", "prepare_greeting"),
        }
    )
    assert "hello" in stack.run("stack").ok().lines[-3:]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
        assert re.match(rb"\w{3} .*\d\d:\d\d:\d\d", answer.read()), "what `date` says"
    stack.run("unstack").ok()
    stack.run("clean").ok()
    assert [path.name for path in stack.dest.iterdir()] == ["clock"], "the clone stays"
