"""LayerNorm of a residual: what stands between the halves of a block."""
