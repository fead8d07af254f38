"""What runs in the environment of the program that is kept warm: the standard library only.

Nothing of doitstack need be installed there, so this package is loaded by its path, under a name
of its own, and imports its own modules relatively.
"""
