"""`python -m lakebed`: the commands, where no script of that name is on the path."""

from lakebed.cli.app import main

if __name__ == "__main__":
    main(prog_name="lakebed")
