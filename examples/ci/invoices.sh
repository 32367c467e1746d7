#!/usr/bin/env bash
# A folder of invoices into one table, safe to run again: what is done is not paid twice.
#
#   invoices.sh FOLDER SCHEMA    further flags in DOCSPEED_FLAGS, such as --sandbox
#
# exit  what a script should do
#   0   go on
#   2   mend the call: a flag, a file, the schema
#   3   add credits, then run this again
#   4   mend the key
#   5   look at the documents named on stderr: a job failed, or a required field is missing
#   8   run this again later: the jobs go on
#   9   run this again later: the service could not be reached, or a submission's outcome is unknown
set -euo pipefail

folder=${1:?the folder of invoices}
schema=${2:?the schema}
read -r -a flags <<< "${DOCSPEED_FLAGS:-}"

code=0
docspeed extract "$folder" --recursive --schema "$schema" --wait --timeout 30m \
  --require invoice_number,grand_total -o results/ "${flags[@]}" > results.jsonl || code=$?

echo file,invoice_number,grand_total > invoices.csv
jq -r 'select(.output and (.error | not)) | .output' results.jsonl | while IFS= read -r file; do
  jq -r --arg file "$file" '[$file, (.fields | to_entries[] | select(.key | endswith("invoice_number", "grand_total")) | .value.value)] | @csv' "$file"
done >> invoices.csv

printf '%s invoices in invoices.csv, exit %s\n' "$(($(wc -l < invoices.csv) - 1))" "$code"
exit "$code"
