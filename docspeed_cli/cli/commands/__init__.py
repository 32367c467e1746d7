"""The commands: their names and what they do; a command's module is loaded when it is called."""

from docspeed_cli.cli.groups import Entry

COMMANDS = (
    Entry("parse", "Read the pages, text, markdown and regions of each document.", "parse:parse"),
    Entry("extract", "Extract fields and line items of each document by a schema.", "extract:extract"),
    Entry("split", "Split a packet into sections with their page ranges.", "split:split"),
    Entry("tables", "Extract the tables of each document, cell by cell.", "tables:tables"),
    Entry("schema", "Build a schema for extract from documents, instructions, or both.", "schema:schema"),
    Entry("chat", "Answer questions from documents, with citations.", "chat:chat"),
    Entry("upload", "Store files and print their file ids.", "upload:upload"),
    Entry(
        "jobs",
        "Follow, list and forget jobs, and fetch their results.",
        examples=(
            "docspeed jobs list --status running --refresh",
            "docspeed jobs wait @last && docspeed jobs result @last -o result.json",
        ),
        entries=(
            Entry("status", "Show the current state of jobs.", "jobs.status:jobs_status"),
            Entry("wait", "Follow jobs to their end.", "jobs.wait:wait"),
            Entry("result", "Print the results of jobs that have ended.", "jobs.result:result"),
            Entry("list", "List the jobs that this machine submitted, newest first.", "jobs.list:list_jobs"),
            Entry("watch", "Show a live table of the running jobs; Ctrl-C leaves.", "jobs.watch:watch"),
            Entry("forget", "Remove jobs and their kept results from this machine.", "jobs.forget:forget"),
        ),
    ),
    Entry(
        "runs",
        "List and show runs over many inputs: counts, pages, time, failures.",
        examples=("docspeed runs show", "docspeed runs list --json | jq -r 'select(.failed > 0) | .run'"),
        entries=(
            Entry("list", "List the runs over many inputs, newest first.", "runs:list_runs"),
            Entry(
                "show",
                "Show a run: counts, pages, time, where its results are, and what failed.",
                "runs:show",
            ),
        ),
    ),
    Entry("view", "Show a result beside its document as a page in the browser.", "view:view"),
    Entry("review", "Review results beside their documents, by keyboard.", "review:review"),
    Entry("crop", "Save a picture of the place in a document where a value was read.", "crop:crop"),
    Entry("check", "Check results by your own rules.", "check:check"),
    Entry("diff", "Compare expected results with actual ones.", "diff:diff"),
    Entry(
        "ledger",
        "Show the ledger of jobs, or import this machine's into a shared one.",
        examples=("docspeed ledger status", "docspeed ledger import"),
        entries=(
            Entry(
                "status",
                "Show where the ledger is, its version, and how much is in it.",
                "ledger:ledger_status",
            ),
            Entry(
                "migrate",
                "Upgrade the ledger's tables for this version of docspeed.",
                "ledger:migrate_ledger",
            ),
            Entry(
                "import", "Copy a local ledger, with its kept results, into the shared one.", "ledger:import_"
            ),
        ),
    ),
    Entry("api", "Call any endpoint, with the same auth, retries, output and job handling.", "api:api"),
    Entry(
        "auth",
        "Save, show or remove the API key.",
        examples=("docspeed auth login", "docspeed auth status"),
        entries=(
            Entry("login", "Save an API key for the server.", "auth:login"),
            Entry(
                "status",
                "Show which API key is used, where it comes from, and whether the server accepts it.",
                "auth:auth_status",
            ),
            Entry("logout", "Remove the saved API key for the server.", "auth:logout"),
        ),
    ),
    Entry(
        "config",
        "Show and change the settings.",
        examples=("docspeed config show", "docspeed config set timeout 30m"),
        entries=(
            Entry(
                "show", "Show every setting, its value, and where the value comes from.", "config:config_show"
            ),
            Entry("get", "Print a setting's value; nothing if it has none.", "config:config_get"),
            Entry("set", "Write a setting to the config file; its comments stay.", "config:config_set"),
            Entry(
                "unset",
                "Remove a setting from the config file; its comments stay.",
                "config:config_unset",
            ),
            Entry(
                "path",
                "Print the path of the config file, whether or not the file exists.",
                "config:print_config_path",
            ),
        ),
    ),
    Entry("help", "Explain exit codes, variables, output, scripting, or a command.", "help:help_"),
    Entry("doctor", "Check the setup and say how to fix it.", "doctor:doctor"),
    Entry(
        "completion",
        "Print or install the completion script for bash, zsh, fish or powershell.",
        "completion:completion",
    ),
    Entry(
        "sandbox",
        "Serve or reset the local stand-in for the service.",
        examples=("docspeed parse invoice.pdf --sandbox --wait", "docspeed sandbox serve --latency 200ms"),
        entries=(
            Entry(
                "serve", "Serve the sandbox on 127.0.0.1 for curl, other clients and tests.", "sandbox:serve"
            ),
            Entry("reset", "Delete everything that the sandbox has stored.", "sandbox:reset"),
        ),
    ),
)

PROGRAM = Entry(
    "docspeed",
    "Documents in, grounded JSON out: the command line for the Docspeed document API.\n\n"
    "No key yet? Add --sandbox to any command, and it runs on this machine.",
    entries=COMMANDS,
)
"""The group of all commands."""
