"""The drop-in that `init` copies into a stack directory, as it is and as it was."""

import runpy
from pathlib import Path

import pytest

from doitstack_plugins.shared import venvs
from tests.conftest import CHECKOUT
from tests.unit.recorded_actions import make_stack

DROP_IN = (CHECKOUT / "extras.d" / "80-tempest.py").read_text()
EARLIER = DROP_IN.replace(
    "from doitstack_plugins.shared import venvs", "from doitstack_plugins import packages"
).replace("venvs.installs_after(", "packages.first(")


@pytest.mark.parametrize("text", [DROP_IN, EARLIER])
def test_drop_in_installs_configures_and_offers_tempest(tmp_path: Path, text: str) -> None:
    stack = make_stack(tmp_path, ENABLED_SERVICES="key,tempest")
    (tmp_path / "drop_in.py").write_text(text)
    hooks = runpy.run_path(str(tmp_path / "drop_in.py"))
    (install,) = hooks["stack_install"](stack)
    assert (install.name, install.waits) == ("install_tempest", tuple(venvs.installs_after(stack)))
    wait, configure = hooks["stack_test_config"](stack)
    assert (wait.waits, configure.name) == (("install_tempest",), "configure_tempest")
    assert [step.name for step in hooks["tasks"](stack)] == ["tempest"]
    assert [step.name for step in hooks["clean"](stack)] == ["clean_tempest"]


def test_earlier_drop_in_differs_only_in_names() -> None:
    assert "packages.first(stack)" in EARLIER
    assert "venvs.installs_after" not in EARLIER


def test_drop_in_says_where_the_code_of_tempest_is_from(tmp_path: Path) -> None:
    (tmp_path / "drop_in.py").write_text(DROP_IN)
    environments = runpy.run_path(str(tmp_path / "drop_in.py"))["environments"]
    (made,) = environments(make_stack(tmp_path))
    assert made.requirements == ("tempest",)


def test_drop_in_installs_plugins_of_tempest(tmp_path: Path) -> None:
    stack = make_stack(tmp_path, TEMPEST_PLUGINS="a-tempest-plugin '")
    (tmp_path / "drop_in.py").write_text(DROP_IN)
    *_, install = runpy.run_path(str(tmp_path / "drop_in.py"))["stack_test_config"](stack)
    assert (install.name, install.command) == (
        "install_tempest_plugins",
        """pip_install a-tempest-plugin ''"'"''""",
    )
