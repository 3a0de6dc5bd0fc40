"""Values that a measurement can have: one file a metric, and what shards of one machine say of one another."""
