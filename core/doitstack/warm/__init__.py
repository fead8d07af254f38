"""Console scripts that answer at once: a server has imported all, and forks for each call."""

from doitstack.warm.launcher import Program, call, offer, put, stop, withdraw

__all__ = ["Program", "call", "offer", "put", "stop", "withdraw"]
