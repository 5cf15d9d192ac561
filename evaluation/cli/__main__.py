"""Run the command as `python -m evaluation.cli`."""

from evaluation.cli import main

main()
