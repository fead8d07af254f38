"""What `doit` learns in a stack directory: run, clean, and commands that show something."""

from doitstack.commands.clean import Clean
from doitstack.commands.futures import Futures
from doitstack.commands.log import Log
from doitstack.commands.plan import Plan
from doitstack.commands.plugins import Plugins
from doitstack.commands.run import Run
from doitstack.commands.services import Services
from doitstack.commands.timing import Timing

__all__ = ["Clean", "Futures", "Log", "Plan", "Plugins", "Run", "Services", "Timing"]
