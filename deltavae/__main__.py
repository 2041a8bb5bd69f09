"""`python -m deltavae COMMAND`."""

import sys

from deltavae.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
