"""When the sections of local.conf are merged."""

from pathlib import Path

from doitstack.planning.stack_directory import StackDirectory
from tests.unit.planning.drop_ins import drop_in

SECTIONS = """\
[[local|localrc]]
ENABLED_SERVICES=,
[[post-config|a]]
[[extra|b]]
[[post-extra|c]]
[[test-config|d]]
"""


def test_groups_are_merged_around_the_steps_of_the_plugins(tmp_path: Path) -> None:
    (tmp_path / "local.conf").write_text(SECTIONS)
    drop_in(
        tmp_path,
        """
        @hookimpl
        def stack_post_config(stack):
            yield run(print, name="configure")

        @hookimpl
        def stack_extra(stack):
            yield run(print, name="add")
    """,
    )
    steps = StackDirectory(tmp_path, {}).plan().steps
    assert [planned.step.name for planned in steps] == [
        *("merge_existing_post-config", "configure", "merge_post-config"),
        *("merge_extra", "add", "merge_post-extra"),
        "merge_test-config",
    ]


def test_groups_that_are_not_there_are_not_merged(tmp_path: Path) -> None:
    (tmp_path / "local.conf").write_text("[[local|localrc]]\nENABLED_SERVICES=,\n")
    assert StackDirectory(tmp_path, {}).plan().steps == ()
