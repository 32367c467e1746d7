#!/usr/bin/env bash
# A folder of invoices into one table, safe to run again: what is done is not paid twice.
#
#   invoices.sh FOLDER SCHEMA    further flags in DOCSPEED_FLAGS, such as --sandbox
#
# exit  what a script should do
#   0  go on
#   1  mend what the message names (the disk, a format), then run it again
#   2  mend the call; nothing was sent
#   3  add credits, then run it again
#   4  mend the key, then run it again
#   5  look at the documents that the errors name; the others are done
#   6  check the id, and to which server and key it belongs
#   7  mend the request: the error says why
#   8  run it again later: the jobs go on, and it goes on waiting
#   9  run it again later: what is known to the server is joined
# 130  run it again: it goes on where it was
set -euo pipefail

folder=${1:?the folder of invoices}
schema=${2:?the schema}
read -r -a flags <<< "${DOCSPEED_FLAGS:-}"

code=0
docspeed extract "$folder" --recursive --schema "$schema" --wait --timeout 30m \
  --require invoice_number,grand_total -o results/ "${flags[@]}" > results.jsonl.new || code=$?
if [ ! -s results.jsonl.new ] && [ "$code" -ne 0 ]; then
  rm results.jsonl.new  # nothing came of it: what an earlier run left stays
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
