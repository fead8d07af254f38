"""The dependencies of OpenStack's services: database, broker, cache, Debian's packages."""
