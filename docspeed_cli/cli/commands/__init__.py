"""The commands: their names and what they do; a command's module is loaded when it is called."""

from docspeed_cli.cli.framework import Entry

_HERE = "docspeed_cli.cli.commands"

COMMANDS = (
    Entry("parse", "Pages, text, markdown and regions of each document.", f"{_HERE}.parse", "parse"),
    Entry("extract", "Fields and line items of each document, by a schema.", f"{_HERE}.extract", "extract"),
    Entry("split", "The sections of a packet, with their page ranges.", f"{_HERE}.split", "split"),
    Entry("tables", "Tables of cells in each document.", f"{_HERE}.tables", "tables"),
    Entry("schema", "A schema for extract, from no document, one, or many.", f"{_HERE}.schema", "schema"),
    Entry(
        "chat",
        "Answers from documents, with citations; a conversation at a terminal.",
        f"{_HERE}.chat",
        "chat",
    ),
    Entry("upload", "Stores files and prints their file ids.", f"{_HERE}.upload", "upload"),
    Entry(
        "jobs",
        "Jobs: their state, their results, and the local ledger of them.",
        examples=(
            "docspeed jobs list --status running --refresh",
            "docspeed jobs wait @last && docspeed jobs result @last -o result.json",
        ),
        entries=(
            Entry("status", "One look at jobs.", f"{_HERE}.jobs.status", "status"),
            Entry("wait", "Follow jobs to their end.", f"{_HERE}.jobs.wait", "wait"),
            Entry("result", "The results of jobs that have ended.", f"{_HERE}.jobs.result", "result"),
            Entry(
                "list", "The jobs that this machine submitted, newest first.", f"{_HERE}.jobs.list", "list_"
            ),
            Entry(
                "watch", "A live table of the jobs that run; Ctrl-C leaves.", f"{_HERE}.jobs.watch", "watch"
            ),
            Entry("forget", "Takes jobs out of the local ledger.", f"{_HERE}.jobs.forget", "forget"),
        ),
    ),
    Entry(
        "api", "Any endpoint, with the same auth, retries, output and job handling.", f"{_HERE}.api", "api"
    ),
    Entry(
        "auth",
        "The API key.",
        examples=("docspeed auth login", "docspeed auth status"),
        entries=(
            Entry("login", "Save an API key for the server.", f"{_HERE}.auth", "login"),
            Entry(
                "status",
                "Show which API key is used, and where it comes from.",
                f"{_HERE}.auth",
                "auth_status",
            ),
            Entry("logout", "Remove the saved API key for the server.", f"{_HERE}.auth", "logout"),
        ),
    ),
    Entry(
        "config",
        "The settings.",
        examples=("docspeed config show", "docspeed config path"),
        entries=(
            Entry(
                "show",
                "Show every setting, its value, and where the value comes from.",
                f"{_HERE}.config",
                "config_show",
            ),
            Entry(
                "path",
                "Print the path of the config file, whether or not the file exists.",
                f"{_HERE}.config",
                "print_config_path",
            ),
        ),
    ),
    Entry(
        "help",
        "Explains exit codes, variables, output and scripting, or a command.",
        f"{_HERE}.help",
        "help_",
    ),
    Entry("doctor", "Check the setup and say how to fix it.", f"{_HERE}.doctor", "doctor"),
    Entry(
        "completion",
        "Print the completion script for bash, zsh, fish or powershell.",
        f"{_HERE}.completion",
        "completion",
    ),
    Entry(
        "sandbox",
        "The local stand-in for the service.",
        examples=("docspeed parse invoice.pdf --sandbox --wait", "docspeed sandbox serve --latency 200ms"),
        entries=(
            Entry(
                "serve",
                "Serve the sandbox on 127.0.0.1 for curl, other clients and tests.",
                f"{_HERE}.sandbox",
                "serve",
            ),
            Entry("reset", "Delete everything that the sandbox has stored.", f"{_HERE}.sandbox", "reset"),
        ),
    ),
)
