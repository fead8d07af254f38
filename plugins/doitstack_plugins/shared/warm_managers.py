"""The services' own programs, `nova-manage` and its like: imported once for all their calls.

Most of what a call takes is imports, so each has a warm server. It starts as soon as its package is
there, also while the database is still made, and ends when it has not been called for a while.
"""

from doitstack import Stack, warm
from doitstack.venvs import Environment
from doitstack_plugins.shared import venvs

_IDLE = 120
"""How long in s a server outlives its last call: nova's computes come up between two."""

_SHARED = ("pymysql", "sqlalchemy.dialects.mysql.pymysql", "sqlalchemy.dialects.sqlite.pysqlite")
"""What migrations import once they know the database."""

# To validate its schemas, pysaml2 has urllib keep the proxies that are set at that time.
_SETUP = "import urllib.request; urllib.request._opener = None"

_FRESH = ("autopage", "openstack.config.loader")
_INDIFFERENT = (
    *("multiprocessing.process", "os_brick.initiator.utils", "psutil._common"),
    "xmlschema.validators.schemas",
)
"""Working directory, tools in PATH, debugging, proxies: nothing that a migration makes use of."""


def manager(
    stack: Stack, environment: Environment, name: str, *modules: str, **env: str
) -> warm.Program:
    """Return the program `name` of a service, with the modules that its calls import."""
    variables = tuple({**venvs.environ(stack), **env}.items())
    return warm.Program(
        environment,
        name,
        preload=(*modules, *_SHARED),
        setup=_SETUP,
        fresh=_FRESH,
        indifferent=_INDIFFERENT,
        env=variables,
        idle=_IDLE,
    )
