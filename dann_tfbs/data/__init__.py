"""From raw assay files to prepared tables: readers, genome, negatives, splits, simulation."""
