"""What the caller's locale makes of a Python: how its streams are encoded, in what language."""

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
class Speech:
    """The encoding of stdin and stdout, their error handler, and the LC_CTYPE that Python sets."""

    encoding: str
    errors: str
    coerced: str = ""


def speech(caller: Mapping[str, str], server: Mapping[str, str]) -> Speech | None:
    """Return what a Python of the caller's would do; None where a fork of this one cannot.

    `server` is the environment that this process was started with (PEP 538, PEP 540).
    """
    stdin = sys.__stdin__
    if stdin and all(caller.get(name) == server.get(name) for name in _NAMES):
        coerced = os.environ.get("LC_CTYPE", "") if "LC_CTYPE" not in server else ""
        return Speech(stdin.encoding, stdin.errors or "strict", coerced)
    name = next((caller[name] for name in _NAMES if caller.get(name)), "C")
    codeset = _codeset(name)
    if not codeset:
        if not caller.get("LC_ALL"):
            return Speech("utf-8", "surrogateescape", _COERCED)
        return Speech("utf-8", "surrogateescape") if sys.flags.utf8_mode else None
    if codeset != "UTF-8":
        return None
    return Speech("utf-8", "surrogateescape" if name in _TARGETS else "strict")


def _codeset(name: str) -> str:
    """Return the encoding of a locale; empty for C, and for one that is not installed."""
    if name in ("C", "POSIX"):
        return ""
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, name)
        return locale.nl_langinfo(locale.CODESET).upper()
    except locale.Error:
        return ""
    finally:
        locale.setlocale(locale.LC_CTYPE, before)


def adopt(chosen: Speech) -> None:
    """Set the locale of this process from its environment, as Python does when it starts."""
    if chosen.coerced:
        os.environ["LC_CTYPE"] = chosen.coerced
    with suppress(locale.Error):
        locale.setlocale(locale.LC_CTYPE, "")


def language(environ: Mapping[str, str]) -> str:
    """Return in what language messages would be: English for all that means none."""
    name = next((environ[name] for name in _LANGUAGES if environ.get(name)), "C")
    return "en" if name.startswith(("C", "POSIX", "en")) else name
