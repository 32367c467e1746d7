#!/usr/bin/env bash
# Extracts a folder of invoices into one table, invoices.csv. Run it again at any time: finished documents are not
# paid for twice.
#
#   invoices.sh FOLDER SCHEMA
#
# DOCSPEED_FLAGS may hold more flags, such as --sandbox. The exit code is docspeed's: `docspeed help scripting` says
# what to do for each.
set -euo pipefail

folder=${1:?the folder of invoices}
schema=${2:?the schema}
read -r -a flags <<< "${DOCSPEED_FLAGS:-}"

code=0
docspeed extract "$folder" --recursive --schema "$schema" --wait --timeout 30m \
  --require invoice_number,grand_total -o results/ "${flags[@]}" > results.jsonl.new || code=$?
if [ ! -s results.jsonl.new ] && [ "$code" -ne 0 ]; then
  rm results.jsonl.new  # No document was processed, so keep the results of an earlier run.
  exit "$code"
fi
mv results.jsonl.new results.jsonl

echo file,invoice_number,grand_total > invoices.csv.new
jq -c 'select(.output and (.error | not))' results.jsonl | while IFS= read -r line; do
  jq -r --argjson line "$line" '
    def field($key): [.fields | to_entries[] | select(.key == $key or (.key | endswith("." + $key))) | .value.value][0];
    [$line.input, field("invoice_number"), field("grand_total")] | @csv' "$(jq -r .output <<< "$line")"
done >> invoices.csv.new
mv invoices.csv.new invoices.csv

count=$(jq -s 'map(select(.output and (.error | not))) | length' results.jsonl)
printf '%s invoices in invoices.csv, exit %s\n' "$count" "$code"
exit "$code"
