"""What ``lecture5 new-exercise`` starts from: a small exercise that is complete and passes every test.

The files are ordinary Python, checked like all other: a new exercise is a copy in which the names are replaced.
"""
