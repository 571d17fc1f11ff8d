"""The network: layers, backbones, heads."""
