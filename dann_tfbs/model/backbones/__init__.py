"""Built-in backbones beside the separable one, each in a file with its settings."""
