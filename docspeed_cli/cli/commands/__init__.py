"""The commands: their names and what they do; a command's module is loaded when it is called."""

from docspeed_cli.cli.framework import Entry

_DOCUMENTS = "docspeed_cli.cli.commands.common"
_JOBS = "docspeed_cli.cli.commands.jobs.shared"
_TALK = "docspeed_cli.cli.commands.chat"
_LEDGER = "docspeed_cli.cli.commands.jobs.list"
_TOPICS = "docspeed_cli.cli.commands.help"
_AUTH = "docspeed_cli.cli.commands.auth"
_CONFIG = "docspeed_cli.cli.commands.config"
_DOCTOR = "docspeed_cli.cli.commands.doctor"
_COMPLETION = "docspeed_cli.cli.commands.completion"
_SANDBOX = "docspeed_cli.cli.commands.sandbox"

COMMANDS = (
    Entry("parse", "Pages, text, markdown and regions of each document.", _DOCUMENTS, "parse"),
    Entry("extract", "Fields and line items of each document, by a schema.", _DOCUMENTS, "extract"),
    Entry("split", "The sections of a packet, with their page ranges.", _DOCUMENTS, "split"),
    Entry("tables", "Tables of cells in each document.", _DOCUMENTS, "tables"),
    Entry("schema", "A schema for extract, from no document, one, or many.", _DOCUMENTS, "schema"),
    Entry("chat", "Answers from documents, with citations; a conversation at a terminal.", _TALK, "chat"),
    Entry("upload", "Stores files and prints their file ids.", _DOCUMENTS, "upload"),
    Entry(
        "jobs",
        "Jobs: their state, their results, and the local ledger of them.",
        examples=(
            "docspeed jobs list --status running --refresh",
            "docspeed jobs wait @last && docspeed jobs result @last -o result.json",
        ),
        entries=(
            Entry("status", "One look at jobs.", _JOBS, "status"),
            Entry("wait", "Follow jobs to their end.", _JOBS, "wait"),
            Entry("result", "The results of jobs that have ended.", _JOBS, "result"),
            Entry("list", "The jobs that this machine submitted, newest first.", _LEDGER, "list_"),
            Entry("watch", "A live table of the jobs that run; Ctrl-C leaves.", _LEDGER, "watch"),
            Entry("forget", "Takes jobs out of the local ledger.", _LEDGER, "forget"),
        ),
    ),
    Entry("api", "Any endpoint, with the same auth, retries, output and job handling.", _TALK, "api"),
    Entry(
        "auth",
        "The API key.",
        examples=("docspeed auth login", "docspeed auth status"),
        entries=(
            Entry("login", "Save an API key for the server.", _AUTH, "login"),
            Entry("status", "Show which API key is used, and where it comes from.", _AUTH, "auth_status"),
            Entry("logout", "Remove the saved API key for the server.", _AUTH, "logout"),
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
                _CONFIG,
                "config_show",
            ),
            Entry(
                "path",
                "Print the path of the config file, whether or not the file exists.",
                _CONFIG,
                "print_config_path",
            ),
        ),
    ),
    Entry("help", "Explains exit codes, variables, output and scripting, or a command.", _TOPICS, "help_"),
    Entry("doctor", "Check the setup and say how to fix it.", _DOCTOR, "doctor"),
    Entry(
        "completion",
        "Print the completion script for bash, zsh, fish or powershell.",
        _COMPLETION,
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
                _SANDBOX,
                "serve",
            ),
            Entry("reset", "Delete everything that the sandbox has stored.", _SANDBOX, "reset"),
        ),
    ),
)
