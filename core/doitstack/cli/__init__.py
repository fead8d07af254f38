"""What `doit` learns in a stack directory: run, clean, and commands that show something."""

from doitstack.cli.clean import Clean
from doitstack.cli.futures import Futures
from doitstack.cli.log import Log
from doitstack.cli.plan import Plan
from doitstack.cli.plugins import Plugins
from doitstack.cli.run import Run
from doitstack.cli.services import Services
from doitstack.cli.timing import Timing

__all__ = ["Clean", "Futures", "Log", "Plan", "Plugins", "Run", "Services", "Timing"]
