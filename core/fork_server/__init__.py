"""Console scripts that start in milliseconds: a server has imported all, and forks for each call.

Knows nothing of what it serves but that it is a Python program. See README.md.
"""

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
