"""What remembers: the database and the directory of tiles. It decides nothing.

Floor 5. SQLAlchemy stands here and in `migrations` only.
"""
