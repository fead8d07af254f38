"""What came of importing: for the judge, and for the calls."""

from collections.abc import Mapping
from dataclasses import dataclass

from .watch import Readings


@dataclass(frozen=True)
class Imported:
    """What importing has done beside.

    `environ` is what it began with, `readings` is what modules have read of it, `changes` is what
    they have set there (None: taken away), `said` is what they have written to stderr. Those that
    rehearsals have shown are not listened to: not every call would import them.
    """

    environ: Mapping[str, str]
    readings: Readings
    changes: Mapping[str, str | None]
    said: bytes
