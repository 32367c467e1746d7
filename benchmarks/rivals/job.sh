# One job with curl and jq: job.sh BASE_URL KEY FILE_ID
set -e
auth="Authorization: Bearer $2"
body="{\"input\":{\"file_id\":\"$3\"},\"execution_mode\":\"async\"}"
job=$(curl -sSf "$1/api/v1/parse" -H "$auth" -H 'Content-Type: application/json' -d "$body" | jq -r .job_id)
until [ "$(curl -sSf "$1/v1/jobs/$job" -H "$auth" | jq -r .status)" = completed ]; do sleep 0.5; done
curl -sSf "$1/v1/jobs/$job/result" -H "$auth"
echo
