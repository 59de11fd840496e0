"""``python -m procguide.cli``, for places without the script."""

import sys

from procguide.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
