"""Built-in data: a whole IBIS-like package made from a stated binding model."""
