"""The bash session, and the library of DevStack's functions that it loads."""
