"""`python -m lindenstrom_cli`."""

from lindenstrom_cli.main import main

main()
