"""A minimal program for one job with httpx: submit, status until it has ended, result."""

import sys
import time

import httpx

base, file_id, key = sys.argv[1:]
headers = {"Authorization": f"Bearer {key}"}
with httpx.Client(base_url=base, headers=headers, verify=base.startswith("https:")) as client:
    body = {"input": {"file_id": file_id}, "execution_mode": "async"}
    job = client.post("/api/v1/parse", json=body).raise_for_status().json()["job_id"]
    while client.get(f"/v1/jobs/{job}").raise_for_status().json()["status"] != "completed":
        time.sleep(0.5)
    sys.stdout.buffer.write(client.get(f"/v1/jobs/{job}/result").raise_for_status().content + b"\n")
