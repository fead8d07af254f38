"""Completion of `doit` command lines in bash and zsh."""
