"""The steps that merge the sections of local.conf into the files that they name."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from doitstack.config.settings import Settings
from doitstack.phases import Phase
from doitstack.planning.plan import Declared
from doitstack.planning.plugin import Plugin
from doitstack.steps import run, shell

_MERGES_BEFORE = {Phase.EXTRA: ("extra",)}
_MERGES_AFTER = {
    Phase.POST_CONFIG: ("post-config",),
    Phase.EXTRA: ("post-extra",),
    Phase.TEST_CONFIG: ("test-config",),
}
"""When DevStack merges the groups of sections of local.conf into the files that they name."""

_MERGE_EXISTING = "merge_existing_config_files"
"""Merges sections of post-config before the phase: Keystone, which starts in it, must find them."""


def merges_before(phase: Phase, settings: Settings, top_dir: Path) -> Iterator[Declared]:
    """Yield the merges that come before the steps of the plugins in a phase."""
    if phase is Phase.POST_CONFIG and not settings.get("DEVSTACK_DIR"):
        groups = _present(settings, phase, _MERGES_AFTER)
        yield from _merges(phase, groups, top_dir, _MERGE_EXISTING, "merge_existing")
    yield from _merges(phase, _present(settings, phase, _MERGES_BEFORE), top_dir)


def merges_after(phase: Phase, settings: Settings, top_dir: Path) -> Iterator[Declared]:
    """Yield the merges that come after the steps of the plugins in a phase."""
    yield from _merges(phase, _present(settings, phase, _MERGES_AFTER), top_dir)


def _present(
    settings: Settings, phase: Phase, groups: Mapping[Phase, tuple[str, ...]]
) -> list[str]:
    """Return the groups of the phase that local.conf has."""
    present = {section.group for section in settings.local.sections}
    return [group for group in groups.get(phase, ()) if group in present]


def _merges(
    phase: Phase,
    groups: list[str],
    top_dir: Path,
    function: str = "merge_config_group",
    name: str = "merge",
) -> Iterator[Declared]:
    conf = str(top_dir / "local.conf")
    steps = [
        run(shell(shlex.join((function, conf, group))), name=f"{name}_{group}") for group in groups
    ]
    if steps:
        yield Declared(phase, Plugin("local.conf", conf), steps)
