"""Where interactions come from: MovieLens releases, downloads, your own tables."""
