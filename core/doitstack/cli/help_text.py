"""The help of commands, of options and of tasks, as text of at most 80 columns."""

from collections.abc import Iterable, Mapping, Sequence
from textwrap import wrap

from doit.cmdparse import CmdOption

from doitstack.phases import STACK_PHASES, Phase

WIDTH = 80
"""Columns."""

RARE = ("dep_file", "backend", "check_file_uptodate", "auto_delayed_regex")
"""Options of doit that are not shown: a stack directory has its own values for them."""

_INDENT = 6
"""Columns before the description of an option."""

DESCRIPTIONS = {
    "stack": (
        "Start the stack: run its phases in order, collect the remaining futures, report "
        "timing. Steps that are up to date are skipped, so it also resumes a run that failed.",
        ("doit stack", "doit stack -n 4 --console plain", "doit stack:install", "doit list --all"),
    ),
    "unstack": (
        "Stop everything that was started, and remove the state of futures. Files, databases and "
        "logs stay, so the next `doit stack` is quick.",
        ("doit unstack", "doit unstack stack"),
    ),
    "override_defaults": (
        "Let plugins change defaults. Every run does this first.",
        ("doit override_defaults",),
    ),
    "source": (
        "Let plugins set their own defaults and enable services. Every run does this before the "
        "other phases.",
        ("doit source",),
    ),
    "tempest": (
        "Run the Tempest tests for the enabled services, or those that match one of the regular "
        "expressions.",
        ("doit tempest", "doit tempest 'tempest\\.api\\.identity(?=.*smoke)'"),
    ),
}
"""Tasks that are always there or well known, each with its description and examples."""

_USAGES = {"tempest": "[REGEX...] [OPTION...]"}


def command_help(
    name: str,
    purpose: str,
    *,
    usage: str,
    description: str,
    examples: Sequence[str],
    options: Iterable[CmdOption],
) -> str:
    """Return the help of a command."""
    parts = [
        _paragraph(f"doit {name}: {purpose}"),
        f"usage: doit {name} {usage}".rstrip(),
        *([_paragraph(description)] if description else []),
        options_help(options),
        _examples(examples or [f"doit {name}"]),
    ]
    return "\n\n".join(parts) + "\n"


def task_help(name: str, doc: str, options: Iterable[CmdOption]) -> str:
    """Return the help of a task; that of `stack` names its phases."""
    description, examples = DESCRIPTIONS.get(name, (doc or name, (f"doit {name}",)))
    parts = [
        _paragraph(f"doit {name}: {description}"),
        f"usage: doit {name} {_USAGES.get(name, '[OPTION...]')}",
        *([_phases()] if name == "stack" else []),
        options_help(options),
        _examples(examples),
    ]
    return "\n\n".join(parts) + "\n"


def overview(commands: Mapping[str, str], tasks: Mapping[str, str]) -> str:
    """Return the commands and the well-known tasks, each with its purpose."""
    column = max(len(name) for name in (*commands, *tasks)) + len("  doit ") + 2
    lines = ["usage: doit [OPTION...] COMMAND or TASK... [OPTION...]", "", "tasks:"]
    lines += _rows(tasks, column)
    lines += ["", "commands:"]
    lines += _rows(commands, column)
    lines += [
        "",
        "`doit help NAME` and `doit NAME --help` show the help of a command or task.",
        "Exit codes: 0 done, 1 a step failed, 2 an error,",
        "3 a mistake that was found before anything ran.",
    ]
    return "\n".join(lines) + "\n"


def _rows(purposes: Mapping[str, str], column: int) -> list[str]:
    lines = []
    for name, purpose in purposes.items():
        first, *rest = wrap(purpose, WIDTH - column)
        lines.append(f"  doit {name}".ljust(column) + first)
        lines += [" " * column + line for line in rest]
    return lines


def options_help(options: Iterable[CmdOption]) -> str:
    """Return the options: first those of the command, then those that most commands have."""
    own: list[CmdOption] = []
    common: list[CmdOption] = []
    for option in options:
        if (option.short or option.long) and option.name not in RARE:
            (common if option.section else own).append(option)
    parts = [_section("options:", own), _section("options of every command:", common)]
    return "\n\n".join(part for part in parts if part)


def _section(title: str, options: Sequence[CmdOption]) -> str:
    lines = [title]
    for option in options:
        lines.append(f"  {option.help_param()}")
        lines += _indented(option.help % {"default": option.default})
        lines += [line for item in option.choices.items() for line in _choice(*item)]
        if option.env_var:
            lines += _indented(f"environment: {option.env_var}")
    return "\n".join(lines) if options else ""


def _choice(name: str, meaning: str) -> list[str]:
    return _indented(f"{name}: {meaning}") if meaning else _indented(name)


def _indented(text: str) -> list[str]:
    return [
        f"{'':{_INDENT}}{line}"
        for paragraph in text.strip().splitlines()
        for line in wrap(paragraph, WIDTH - _INDENT)
    ]


def _phases() -> str:
    names = [phase.task for phase in (Phase.OVERRIDE_DEFAULTS, Phase.SOURCE, *STACK_PHASES)]
    return _paragraph(
        f"Its phases, in order: {', '.join(names)}. `doit PHASE` runs one phase and what it "
        f"needs, `doit list --all` lists the steps."
    )


def _paragraph(text: str) -> str:
    return "\n".join(wrap(text, WIDTH, break_on_hyphens=False))


def _examples(commands: Sequence[str]) -> str:
    return "\n".join(
        ["examples:" if len(commands) > 1 else "example:", *(f"  {c}" for c in commands)]
    )
