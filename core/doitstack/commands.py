"""The commands under the names that a stack directory's `pyproject.toml` or `doit.cfg` writes.

`[tool.doit.plugins.command]` says `run = "doitstack.commands:Run"`: a name that users have in
their files and that stays, wherever the code lives.
"""

from doitstack.cli import Clean, Futures, Log, Plan, Plugins, Run, Services, Timing

__all__ = ["Clean", "Futures", "Log", "Plan", "Plugins", "Run", "Services", "Timing"]
