"""One reader a raw file format; every reader streams, and gz is transparent."""
