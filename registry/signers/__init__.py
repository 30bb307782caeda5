"""Private keys and what signs with them; in this version they lie in files.

Floor 5. Refuses to know: what is signed, and why.
"""
