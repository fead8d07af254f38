"""From plugins to a checked plan and its doit tasks."""
