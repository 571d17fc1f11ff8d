"""Downloading public data, with checksums, so that an interruption only delays it."""
