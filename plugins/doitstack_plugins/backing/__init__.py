"""What OpenStack's services need: database, broker, cache, Debian's packages."""
