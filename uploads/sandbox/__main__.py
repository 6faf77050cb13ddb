"""``python -m uploads.sandbox``: run the stand-in Qure server alone."""

import sys

from uploads.sandbox.server import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
