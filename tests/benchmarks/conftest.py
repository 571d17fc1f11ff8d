"""Let tests import the programs in benchmarks/, which find each other the same way."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
