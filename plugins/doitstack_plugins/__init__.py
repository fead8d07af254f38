"""The plugins that come with doitstack. They use its public interface, as anybody's do."""
