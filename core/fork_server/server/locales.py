"""The effects of the caller's locale: encoding of the streams, language of messages."""

import locale
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

_COERCED = "C.UTF-8"
_TARGETS = (_COERCED, "C.utf8", "UTF-8")
_NAMES = ("LC_ALL", "LC_CTYPE", "LANG")
_LANGUAGES = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")


@dataclass(frozen=True)
class StreamSettings:
    """Encoding and error handler of stdin and stdout; coerced: the LC_CTYPE that Python sets."""

    encoding: str
    errors: str
    coerced: str = ""


def stream_settings(caller: Mapping[str, str], server: Mapping[str, str]) -> StreamSettings | None:
    """Return what Python would choose in the caller's environment (PEP 538, PEP 540).

    Returns None if a fork of this process cannot do the same. `server` is the environment that
    this process was started with.
    """
    stdin = sys.__stdin__
    if stdin and all(caller.get(name) == server.get(name) for name in _NAMES):
        coerced = os.environ.get("LC_CTYPE", "") if "LC_CTYPE" not in server else ""
        return StreamSettings(stdin.encoding, stdin.errors or "strict", coerced)
    name = next((caller[name] for name in _NAMES if caller.get(name)), "C")
    codeset = _codeset(name)
    if not codeset:
        if not caller.get("LC_ALL"):
            return StreamSettings("utf-8", "surrogateescape", _COERCED)
        return StreamSettings("utf-8", "surrogateescape") if sys.flags.utf8_mode else None
    if codeset != "UTF-8":
        return None
    return StreamSettings("utf-8", "surrogateescape" if name in _TARGETS else "strict")


def _codeset(name: str) -> str:
    """Return the encoding of a locale; empty for C, and if it is not installed."""
    if name in ("C", "POSIX"):
        return ""
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, name)
        return locale.nl_langinfo(locale.CODESET).upper()
    except (locale.Error, ValueError):  # no such locale; a name in no encoding
        return ""
    finally:
        locale.setlocale(locale.LC_CTYPE, before)


def apply_locale(settings: StreamSettings) -> None:
    """Set the locale of this process from its environment, as Python does when it starts."""
    if settings.coerced:
        os.environ["LC_CTYPE"] = settings.coerced
    with suppress(locale.Error, ValueError):
        locale.setlocale(locale.LC_CTYPE, "")


def language(environ: Mapping[str, str]) -> str:
    """Return the language of messages: `en` also if the variables name none."""
    name = next((environ[name] for name in _LANGUAGES if environ.get(name)), "C")
    return "en" if name.startswith(("C", "POSIX", "en")) else name
