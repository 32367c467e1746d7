# One job with httpie and jq: job-httpie.sh BASE_URL KEY FILE_ID
set -e
auth="Authorization: Bearer $2"
http="http --ignore-stdin --check-status --body --pretty=none"
job=$($http "$1/api/v1/parse" "$auth" "input[file_id]=$3" execution_mode=async | jq -r .job_id)
until [ "$($http "$1/v1/jobs/$job" "$auth" | jq -r .status)" = completed ]; do sleep 0.5; done
$http "$1/v1/jobs/$job/result" "$auth"
