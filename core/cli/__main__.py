"""`python -m core.cli`: the same as `robustscope`."""

import sys

from core.cli.main import main

sys.exit(main())
