"""What of a run goes to MLflow, and how it gets there."""
