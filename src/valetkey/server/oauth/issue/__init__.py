"""Tokens are issued here and nowhere else."""
