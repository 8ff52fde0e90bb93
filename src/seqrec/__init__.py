"""Continuous-time sequential recommendation: SS4Rec, fairly compared."""

__version__ = "0.1.0"
