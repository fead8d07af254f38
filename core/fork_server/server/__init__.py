"""The server: it runs in the environment of its program and uses the standard library only."""
