"""Alignments: losses that make the features of different assays alike, one in each file."""
