"""What `doit` learns in a stack directory: run, clean, and commands that show something."""

from doitstack.commands.clean import Clean
from doitstack.commands.futures import Futures
from doitstack.commands.plan import Plan
from doitstack.commands.plugins import Plugins
from doitstack.commands.run import Run
from doitstack.commands.services import Services
from doitstack.commands.timing import Timing

__all__ = ["Clean", "Futures", "Plan", "Plugins", "Run", "Services", "Timing"]
