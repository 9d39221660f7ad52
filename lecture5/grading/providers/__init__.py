"""Other boxes than bubblewrap for a submission's kernel, through the same extension point of Jupyter."""
