"""`tanbu bench`: how fast the real service is, as ratios within one run (DESIGN §10).

Machines are shared and noisy, so no figure stands alone: each rate is divided by what the same
machine could do at best, measured in the same run.
"""
