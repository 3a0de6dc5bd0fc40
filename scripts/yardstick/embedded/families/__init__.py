"""Generators of question families; each turns random numbers into one `Item`."""
