"""Plans, runs and figures as text. Nothing here writes to a terminal or changes a record."""
