"""Tests; a package of that name so that no other one (merkletools installs one) comes first."""
