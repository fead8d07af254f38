"""Side effects of importing the program's modules, which each call repeats."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from .environment_reads import Reads


@dataclass(frozen=True)
class ImportEffects:
    """Side effects of the imports, for calls and their eligibility.

    environ: the environment before the imports.
    reads: what modules have read of it.
    changes: the variables that they have set there; None stands for removed.
    stderr: what they have written there, without rehearsals: not every call imports those modules.
    """

    environ: Mapping[str, str]
    reads: Reads
    changes: Mapping[str, str | None]
    stderr: bytes

    def repeat_changes(self) -> None:
        """Set and remove variables of this process as the imports did."""
        for name, value in self.changes.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
