"""`python -m dann_tfbs` is the command `dann-tfbs`."""

from dann_tfbs.cli import main

main()
