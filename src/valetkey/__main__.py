"""`python -m valetkey`: the command line."""

from valetkey.cli import main

main()
