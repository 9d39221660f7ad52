"""Other places than this machine to grade on. What a submission is graded by is the same everywhere."""
