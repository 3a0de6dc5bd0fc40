"""What continuous integration runs: measure a tier, hand new shards over, publish them in one commit."""
