"""`python -m imgconv`: the command of the Python that runs it."""

from imgconv.cli import main

if __name__ == "__main__":
    main()
