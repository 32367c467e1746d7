"""`docspeed split`."""

from __future__ import annotations

from docspeed_cli.cli.commands.common import fixed_fields
from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.options import DocumentOptions
from docspeed_cli.core.operations import SPLIT


@guide(
    "docspeed split packet.pdf --sandbox --wait",
    "docspeed split packet.pdf --wait | jq -r '.sections[].name'",
    formats=SPLIT.formats,
)
def split(options: DocumentOptions) -> Action:
    """Split a packet into sections with their page ranges."""
    from docspeed_cli.cli.run import Run

    return Run(SPLIT, fixed_fields(), options).perform
