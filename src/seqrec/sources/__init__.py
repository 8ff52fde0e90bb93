"""Where interactions come from: MovieLens releases, downloads, tables of one's own."""
