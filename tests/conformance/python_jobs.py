"""Triggers jobs with Tencent's own Python SDK and waits for their end.

Usage: python python_jobs.py HOST:PORT NUMBER

Expects a service with the bucket `demo-1250000000` and the workflow `w1`. Prints the ids.
"""

import sys
import time

from qcloud_cos import CosConfig, CosS3Client

ADDRESS, NUMBER = sys.argv[1], int(sys.argv[2])
BUCKET = "demo-1250000000"

cos = CosS3Client(
    CosConfig(
        Region="ap-beijing",
        SecretId="stocktake-local",
        SecretKey="stocktake-local",
        Scheme="http",
        Proxies={"http": f"http://{ADDRESS}"},
    ),
    retry=0,
)


def job(answer):
    jobs = answer["JobsDetail"]
    return jobs[0] if isinstance(jobs, list) else jobs


ids = []
for number in range(NUMBER):
    body = {
        "Name": f"批量_{number:02}",
        "Type": "Workflow",
        "Input": {"Prefix": f"in/{number:02}/"},
        "Operation": {"WorkflowIds": "w1"},
    }
    if number % 2:
        body["Operation"]["TimeInterval"] = {
            "Start": "2022-02-01T12:00:00+0800",
            "End": "2022-05-01T12:00:00+0800",
        }
    ids.append(job(cos.ci_create_inventory_trigger_jobs(Bucket=BUCKET, JobBody=body))["JobId"])

for job_id in ids:
    while job(cos.ci_get_inventory_trigger_jobs(Bucket=BUCKET, JobID=job_id))["State"] != "Success":
        time.sleep(0.02)
    print(job_id)
