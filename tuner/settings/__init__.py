"""Typed settings, each with its default and description."""
