"""Tanbu, the book of carbon-inclusion credits: a registry whose record is a signed Merkle log."""
