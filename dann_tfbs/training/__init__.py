"""Batches, the training loop, checkpoints, run folders."""
