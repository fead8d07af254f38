"""The command line: the commands of `doit` in a stack directory, and of `python -m doitstack`."""

COMMANDS = ("Run", "Clean", "Plan", "Futures", "Log", "Timing", "Plugins", "Services")
"""The commands of `doit`. Each is a class in the module here that has its name."""
