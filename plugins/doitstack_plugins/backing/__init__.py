"""What OpenStack's services stand on: database, broker, cache, Debian's packages."""
