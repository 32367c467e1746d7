"""`docspeed parse`."""

from __future__ import annotations

from typing import Annotated

from docspeed_cli.cli.commands.common import GroundingFlag, fixed_fields
from docspeed_cli.cli.flags import Text, request_flag
from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.options import DocumentOptions
from docspeed_cli.core.operations import PARSE, PROFILES


@guide(
    "docspeed parse invoice.pdf --sandbox --wait",
    "docspeed parse --file-id file_123 --profile grounded --wait > result.json",
    "docspeed parse scans/ --recursive --wait -o parsed/",
    formats=PARSE.formats,
)
def parse(
    options: DocumentOptions,
    profile: Annotated[
        Text, request_flag("--profile", "how to parse: grounded, or another name", "NAME", PROFILES)
    ] = None,
    grounding: GroundingFlag = None,
) -> Action:
    """Read the pages, text, markdown and regions of each document."""
    from docspeed_cli.cli.run import Run

    return Run(PARSE, fixed_fields(profile=profile, grounding=grounding), options).perform
