"""`python -m greppy`: what the native executable runs for every command it does not answer itself (`pip install`)."""

import sys

from greppy.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
