"""Studies: many trainings that differ in stated settings, run on any number of machines."""
