"""Trained models over HTTP: lists, sessions, explanations."""
