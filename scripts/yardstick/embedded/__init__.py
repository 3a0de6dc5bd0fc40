"""Training of the tiny language models that ship with the workflow."""
