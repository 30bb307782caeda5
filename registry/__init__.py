"""Tanbu, the book of carbon-inclusion credits: a registry whose record is a signed Merkle log."""

__version__ = "0.1.0"
