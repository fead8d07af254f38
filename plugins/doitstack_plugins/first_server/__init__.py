"""What a user needs to boot a first server and log in to it."""
