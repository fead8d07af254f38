"""The plugins that come with doitstack. They use the same interface as third-party plugins."""
