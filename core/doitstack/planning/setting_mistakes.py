"""What the checks of plugins find in the settings."""

from collections.abc import Callable, Iterable, Sequence, Set
from typing import NamedTuple

from doitstack.config.settings import Settings
from doitstack.errors import MissingFileError, SettingsError
from doitstack.phases import SETTINGS_PHASES, Phase
from doitstack.planning.plan import Plan
from doitstack.planning.plugin import Plugin


class SettingMistakes(NamedTuple):
    """Mistakes for which nothing runs, and warnings of what a step may mend."""

    errors: list[str]
    warnings: list[str]


def setting_mistakes(
    plugins: Sequence[Plugin], settings: Settings, others_act: Callable[[], bool]
) -> SettingMistakes:
    """Return what is wrong with the settings of the plugins that take part.

    A file that is missing is only a warning if `others_act`, which may make it. Raises PluginError
    for a check that fails otherwise.
    """
    found = [error for one in plugins for error in one.setting_mistakes(settings)]
    missing = [error for error in found if isinstance(error, MissingFileError)]
    later = missing if missing and others_act() else []
    return SettingMistakes(_texts(error for error in found if error not in later), _texts(later))


def others_act_early(plans: Iterable[Plan], services: Set[str]) -> bool:
    """Return whether plugins other than in-tree services do something before these are installed.

    `services` are the names of the in-tree services.
    """
    early = {*SETTINGS_PHASES, Phase.PRE_INSTALL, Phase.INSTALL}
    planned = (one for plan in plans for one in plan.steps if one.phase in early)
    steps = [one for one in planned if not one.step.only_looks]
    last = max((n for n, one in enumerate(steps) if one.plugin in services), default=0)
    return any(
        one.plugin not in services and (one.phase is not Phase.INSTALL or place < last)
        for place, one in enumerate(steps)
    )


def _texts(errors: Iterable[SettingsError]) -> list[str]:
    return list(dict.fromkeys(map(str, errors)))
