"""Continuous-time sequential recommendation: SS4Rec, fairly compared."""

__version__ = "1.0.0"
