"""The examples of the README work as described."""

import re
import subprocess
from pathlib import Path

from tests.conftest import CHECKOUT, MakeStackDir


def block(language: str) -> str:
    """Return the first block of the README in this language."""
    text = (CHECKOUT / "README.md").read_text()
    found = re.search(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def published(directory: Path) -> dict[str, str]:
    """Make a repository `nova`, and return the environment in which opendev.org has it."""
    nova = directory / "nova"
    nova.mkdir(parents=True)
    (nova / "setup.cfg").touch()
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for command in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "nova"]):
        subprocess.run(["git", *command], cwd=nova, check=True)
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{directory}/.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://opendev.org/openstack/",
    }


def test_plugin_of_the_readme_works(stack_dir: MakeStackDir, tmp_path: Path) -> None:
    environ = published(tmp_path / "opendev")
    stack = stack_dir(
        {"extras.d/50-greeter.py": block("python")}, KEYSTONE_SERVICE_PORT="15000", **environ
    )

    first = stack.run("stack").ok()
    second = stack.run("stack").ok()

    assert (stack.dest / "nova" / "setup.cfg").exists()
    assert "Keystone is at port 15000" in first.lines
    assert "--> stack install: greeter: fetch_nova (up to date)" in second.lines
    assert "Keystone is at port 15000" in second.lines
