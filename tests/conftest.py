"""Settings that every test shares."""

import hypothesis

# The same examples in every run, so that a red suite is red again; no deadline, since the machine may be busy.
hypothesis.settings.register_profile("lecture5", derandomize=True, deadline=None, max_examples=60, print_blob=True)
hypothesis.settings.load_profile("lecture5")
