"""`python -m cachekit` is the command `cachekit`."""

from cachekit.cli.app import main

main()
