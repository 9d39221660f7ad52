"""``python -m lecture5.bench``, as ``lecture5 bench``."""

import sys

from lecture5.bench import main

sys.exit(main())
