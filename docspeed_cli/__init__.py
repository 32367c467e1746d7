"""The command line for the Docspeed document API."""

__version__ = "0.1.0"
