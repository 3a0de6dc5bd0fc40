"""History: superseded shards moved into one Parquet file per metric and year, without loss."""
