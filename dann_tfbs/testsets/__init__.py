"""Test sets by the published construction of the IBIS challenge, in its own formats."""
