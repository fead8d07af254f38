"""What a stack is configured by: local.conf, settings, passwords, and the directory DEST."""
