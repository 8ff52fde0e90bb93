"""Ranking metrics and their statistics, from ranks alone: no model, no framework."""
