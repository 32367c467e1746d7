"""`python -m docspeed_cli` is the command `docspeed`."""

from docspeed_cli.cli.main import run

if __name__ == "__main__":
    run()
