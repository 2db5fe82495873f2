"""Ordinal regression for tuner: labels that have an order."""
