"""The configuration of a stack: local.conf, settings, passwords, and the directory DEST."""
