"""stdout and stderr with stars for secrets: what commands print, errors and tracebacks included."""

import io
import sys
from typing import Any

from doitstack.planning.loaded_directory import shown


class MaskedStream(io.TextIOWrapper):
    """A standard stream whose text is masked; it takes the place of `stream`.

    Each piece of text is masked by itself, so a secret must not be written in two pieces.
    """

    def __init__(self, stream: Any) -> None:
        super().__init__(
            stream.buffer,
            encoding=stream.encoding,
            errors=stream.errors,
            line_buffering=stream.line_buffering,
            write_through=stream.write_through,
        )
        # It would close the buffer when it is collected.
        self._replaced = stream

    def write(self, text: str) -> int:
        """Write the masked text."""
        super().write(shown(text))
        return len(text)


def mask_standard_streams() -> None:
    """Replace stdout and stderr; those that are replaced already, or are no files, stay."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if type(stream) is io.TextIOWrapper:
            stream.flush()
            setattr(sys, name, MaskedStream(stream))
