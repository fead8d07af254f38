"""Management programs of services (`nova-manage`), imported once for all their calls.

Most of the time of a call is imports, so each program has a fork server. It starts as soon as the
package is installed, even if the database is not ready, and ends if it is not called for a while.
"""

from doitstack import Stack, warm
from doitstack.venvs import Environment
from doitstack_plugins.shared import venvs

_IDLE = 120
"""Seconds that a server waits for a call: nova's computes start between two calls."""

_SHARED = ("pymysql", "sqlalchemy.dialects.mysql.pymysql", "sqlalchemy.dialects.sqlite.pysqlite")
"""Modules that migrations import after they know the database."""

# To validate its schemas, pysaml2 has urllib keep the proxies that are set at that time.
_SETUP = "import urllib.request; urllib.request._opener = None"

_FRESH = ("autopage", "openstack.config.loader")
_INDIFFERENT = (
    *("multiprocessing.process", "os_brick.initiator.utils", "psutil._common"),
    "xmlschema.validators.schemas",
)
"""They read the working directory, PATH, debugging, proxies: nothing that a migration uses."""


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
        # They find the migrations that plugins add by entry points, when they are imported.
        paths=(str(venvs.shared_site_packages(stack)),),
        env=variables,
        idle=_IDLE,
    )
