#!/usr/bin/env bash
# Extracts a folder of invoices into one table, invoices.csv: a row for each invoice, with the reason where one failed.
# Run it again at any time: finished documents are not paid for twice.
#
#   invoices.sh FOLDER SCHEMA
#
# DOCSPEED_FLAGS may hold more flags, such as --sandbox. The exit code is docspeed's: `docspeed help scripting` says
# what to do for each.
set -euo pipefail

folder=${1:?the folder of invoices}
schema=${2:?the schema}
read -r -a flags <<< "${DOCSPEED_FLAGS:-}"

docspeed extract "$folder" --recursive --schema "$schema" --wait --timeout 30m --require invoice_number,grand_total \
  --format csv --columns input,status,invoice_number,grand_total,error -o invoices.csv "${flags[@]}"
