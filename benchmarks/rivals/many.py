"""A minimal program for many jobs with httpx: one client in 32 threads, ids on standard input."""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import httpx

base, key, threads = sys.argv[1:]
limits = httpx.Limits(max_connections=int(threads), max_keepalive_connections=int(threads))
client = httpx.Client(
    base_url=base, headers={"Authorization": f"Bearer {key}"}, verify=False, limits=limits, timeout=60
)


def one(file_id: str) -> str:
    """The line of one document."""
    body = {"input": {"file_id": file_id}, "execution_mode": "async"}
    job = client.post("/api/v1/parse", json=body).raise_for_status().json()["job_id"]
    while client.get(f"/v1/jobs/{job}").raise_for_status().json()["status"] != "completed":
        time.sleep(0.5)
    result = client.get(f"/v1/jobs/{job}/result").raise_for_status().json()
    return json.dumps({"input": file_id, "job_id": job, "result": result})


with ThreadPoolExecutor(int(threads)) as pool:
    for line in pool.map(one, sys.stdin.read().split()):
        sys.stdout.write(line + "\n")
