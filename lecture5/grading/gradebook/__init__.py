"""What an instructor does with a graded folder: hand the grades to other programs, and see the class at a glance.

Nothing here grades, and no grade depends on it: the records of ``lecture5 grade`` are read, never changed.
"""
