"""Console scripts that start in milliseconds: a server has imported all, and forks for each call.

Knows nothing of what it serves but that it is a Python program. See README.md.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fork_server.client_script import install_client, is_supported, stamp
    from fork_server.options import Options, Preparation
    from fork_server.server_process import is_ready, server_command

__all__ = [
    "Options",
    "Preparation",
    "install_client",
    "is_ready",
    "is_supported",
    "server_command",
    "stamp",
]

_MODULES = {
    **dict.fromkeys(("Options", "Preparation"), "options"),
    **dict.fromkeys(("is_ready", "server_command"), "server_process"),
}
"""The modules of the names that are not in `client_script`."""


def __getattr__(name: str) -> Any:
    """Import a name on first use: most who offer a program do not start its server."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'client_script')}"), name)
