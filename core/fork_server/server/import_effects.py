"""What importing the program's modules has done besides."""

from collections.abc import Mapping
from dataclasses import dataclass

from .environment_reads import Reads


@dataclass(frozen=True)
class ImportEffects:
    """What calls and their eligibility need to know of the imports.

    environ: the environment before them.
    reads: what modules have read of it.
    changes: what they have set there; None stands for removed.
    stderr: what they have written; not those of rehearsals: not every call would import them.
    """

    environ: Mapping[str, str]
    reads: Reads
    changes: Mapping[str, str | None]
    stderr: bytes
