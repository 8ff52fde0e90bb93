"""What is written: manifests with checksums and origin, and which versions count."""
