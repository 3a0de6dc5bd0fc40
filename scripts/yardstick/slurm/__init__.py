"""Runs whose jobs are SLURM jobs: submitting, adopting, watching and explaining them (docs/slurm.md)."""
