"""The nine hook phases of DevStack, in order."""

from enum import Enum


class Phase(Enum):
    """One of the nine hook points. The value is the arguments of a script: `MODE [PHASE]`."""

    OVERRIDE_DEFAULTS = "override_defaults"
    SOURCE = "source"
    PRE_INSTALL = "stack pre-install"
    INSTALL = "stack install"
    POST_CONFIG = "stack post-config"
    EXTRA = "stack extra"
    TEST_CONFIG = "stack test-config"
    UNSTACK = "unstack"
    CLEAN = "clean"

    @property
    def hook(self) -> str:
        """The name of the pluggy hook: `stack_pre_install`."""
        return self.value.replace(" ", "_").replace("-", "_")

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments of a script: `("stack", "pre-install")`."""
        return tuple(self.value.split())

    @property
    def task(self) -> str:
        """The name of the doit task of the whole phase: `stack:pre-install`."""
        return self.value.replace(" ", ":")


SETTINGS_PHASES = (Phase.OVERRIDE_DEFAULTS, Phase.SOURCE)
"""The phases whose hooks are called with the settings, before there is a stack."""

STACK_PHASES = (
    Phase.PRE_INSTALL,
    Phase.INSTALL,
    Phase.POST_CONFIG,
    Phase.EXTRA,
    Phase.TEST_CONFIG,
)
"""The phases of `doit stack`, in order."""

REVERSED_PHASES = (Phase.UNSTACK, Phase.CLEAN)
"""The phases in which the in-tree services come last, in reverse."""
