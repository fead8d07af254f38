"""Tempest. Stack directories have a drop-in, `extras.d/80-tempest.py`, that imports these names."""

from doitstack_plugins.tempest.install_and_run import (
    check_expressions,
    clean_tempest,
    configure_tempest,
    environment,
    install_tempest,
    is_installed,
    plugins,
    run_tempest,
)

__all__ = [
    "check_expressions",
    "clean_tempest",
    "configure_tempest",
    "environment",
    "install_tempest",
    "is_installed",
    "plugins",
    "run_tempest",
]
