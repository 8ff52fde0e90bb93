"""The only package that imports RecBole: its classes subclassed, none edited or patched."""
