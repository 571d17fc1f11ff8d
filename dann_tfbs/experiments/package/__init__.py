"""A whole package of the IBIS challenge: every TF and assay of a track, as one submission."""
