"""Mamba's short depthwise convolution over the past, with SiLU."""
