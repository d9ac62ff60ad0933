"""Tencent's own Python SDK against the embedded service, with its own signing.

Usage: python python_sdk.py HOST:PORT

Expects a service with the bucket `media-1250000000` (empty) and the workflows `wcopy`
(`cat {object}`), `wfail` (fails), `wslow` (runs for minutes) and `wpaused` (paused). Snapshot nodes
copy.
"""

import re
import sys
import time
import unittest
from unittest import mock

from qcloud_cos import CosConfig, CosS3Client, CosServiceError

ADDRESS = sys.argv.pop(1)
BUCKET = "media-1250000000"
REGION = "ap-beijing"
CI_HOST = f"{BUCKET}.ci.{REGION}.myqcloud.com"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0800")


def client(secret_id="stocktake-local", secret_key="stocktake-local", **settings):
    settings = settings or {"Proxies": {"http": f"http://{ADDRESS}"}}
    config = CosConfig(
        Region=REGION, SecretId=secret_id, SecretKey=secret_key, Scheme="http", **settings
    )
    return CosS3Client(config, retry=0)


def body(name, workflow="wcopy", input=None, interval=None):
    operation = {"WorkflowIds": workflow}
    if interval:
        operation["TimeInterval"] = interval
    return {
        "Name": name,
        "Type": "Workflow",
        "Input": input or {"Prefix": "in/"},
        "Operation": operation,
    }


def job(answer):
    jobs = answer["JobsDetail"]
    return jobs[0] if isinstance(jobs, list) else jobs


class PythonSdk(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cos = client()
        for key in ["in/a.txt", "in/视频 1+2.txt", "other.txt"]:
            cls.cos.put_object(Bucket=BUCKET, Key=key, Body=key.encode())

    def create(self, **arguments):
        answer = self.cos.ci_create_inventory_trigger_jobs(Bucket=BUCKET, JobBody=body(**arguments))
        return job(answer)

    def describe(self, job_id):
        return job(self.cos.ci_get_inventory_trigger_jobs(Bucket=BUCKET, JobID=job_id))

    def wait(self, job_id, *states):
        while True:
            found = self.describe(job_id)
            if found["State"] in states:
                return found
            self.assertIn(found["State"], ["Submitted", "Running"])
            time.sleep(0.02)

    def refused(self, call, status, code, message=None, **arguments):
        with self.assertRaises(CosServiceError) as caught:
            call(Bucket=BUCKET, **arguments)
        error = caught.exception
        self.assertEqual((error.get_status_code(), error.get_error_code()), (status, code))
        if message:
            self.assertIn(message, error.get_error_msg())
        self.assertNotEqual(error.get_request_id(), "")

    def test_objects(self):
        listed = self.cos.list_objects(Bucket=BUCKET, Prefix="in/", MaxKeys=1)
        self.assertEqual([o["Key"] for o in listed["Contents"]], ["in/a.txt"])
        self.assertEqual(listed["IsTruncated"], "true")
        rest = self.cos.list_objects(Bucket=BUCKET, Prefix="in/", Marker=listed["NextMarker"])
        self.assertEqual([o["Key"] for o in rest["Contents"]], ["in/视频 1+2.txt"])
        grouped = self.cos.list_objects(Bucket=BUCKET, Delimiter="/")
        self.assertEqual(grouped["CommonPrefixes"], [{"Prefix": "in/"}])
        head = self.cos.head_object(Bucket=BUCKET, Key="in/视频 1+2.txt")
        self.assertEqual(head["Content-Length"], str(len("in/视频 1+2.txt".encode())))
        got = self.cos.get_object(Bucket=BUCKET, Key="in/视频 1+2.txt")
        self.assertEqual(got["Body"].get_raw_stream().read().decode(), "in/视频 1+2.txt")
        self.refused(self.cos.get_object, 404, "NoSuchKey", Key="none")

    def test_a_job_runs_to_its_end(self):
        created = self.create(name="批量_demo-1")
        self.assertRegex(created["JobId"], r"^b[0-9a-f]{32}$")
        self.assertEqual((created["Name"], created["Type"]), ("批量_demo-1", "Workflow"))
        self.assertRegex(created["CreationTime"], MOMENT)
        self.assertEqual(created["EndTime"], "-")
        self.assertEqual(created["Input"]["Prefix"], "in/")
        ended = self.wait(created["JobId"], "Success")
        self.assertRegex(ended["EndTime"], MOMENT)
        runs = self.cos.ci_list_workflowexecution(
            Bucket=BUCKET, WorkflowId="wcopy", BatchJobId=created["JobId"], States="Success"
        )
        runs = runs["WorkflowExecutionList"]
        self.assertEqual(len(runs), 2)
        run = self.cos.ci_get_workflowexecution(Bucket=BUCKET, RunId=runs[0]["RunId"])
        self.assertEqual(run["WorkflowExecution"][0]["State"], "Success")

    def test_a_job_fails_with_code_and_message(self):
        created = self.create(name="demo", workflow="wfail", input={"Object": "other.txt"})
        ended = self.wait(created["JobId"], "Failed")
        self.assertEqual(ended["Code"], "ExecutionFailed")
        self.assertIn("other.txt", ended["Message"])

    def test_a_time_interval_filters(self):
        interval = {"Start": "2022-02-01T12:00:00+0800", "End": "2022-05-01T12:00:00+0800"}
        created = self.create(name="demo", interval=interval)
        self.assertEqual(created["Operation"]["TimeInterval"], interval)
        self.wait(created["JobId"], "Success")
        runs = self.cos.ci_list_workflowexecution(
            Bucket=BUCKET, WorkflowId="wcopy", BatchJobId=created["JobId"]
        )
        self.assertNotIn("WorkflowExecutionList", runs)

    def test_lists_page_and_filter(self):
        expected = [self.create(name="paged", input={"Prefix": "none/"})["JobId"] for _ in range(5)]
        for job_id in expected:
            self.wait(job_id, "Success")
        seen, token = [], ""
        while True:
            page = self.cos.ci_list_inventory_trigger_jobs(
                Bucket=BUCKET,
                Name="paged",
                States="Success,Failed",
                OrderByTime="Asc",
                Size=2,
                NextToken=token,
                StartCreationTime="2022-02-01T12:00:00+0800",
            )
            seen += [found["JobId"] for found in page.get("JobsDetail", [])]
            token = page.get("NextToken")
            if not token:
                break
        self.assertEqual(seen, expected)
        one = self.cos.ci_list_inventory_trigger_jobs(Bucket=BUCKET, JobId=expected[1])
        self.assertEqual([found["JobId"] for found in one["JobsDetail"]], [expected[1]])

    def test_a_job_is_cancelled(self):
        created = self.create(name="demo", workflow="wslow")
        self.cos.ci_delete_inventory_trigger_jobs(Bucket=BUCKET, JobId=created["JobId"])
        self.assertEqual(self.describe(created["JobId"])["State"], "Cancel")
        self.refused(self.cos.ci_delete_inventory_trigger_jobs, 404, "NoSuchJob", JobId="bnone")

    def test_an_unknown_job_is_named(self):
        answer = self.cos.ci_get_inventory_trigger_jobs(Bucket=BUCKET, JobID="bnone")
        self.assertEqual(answer["NonExistJobIds"], "bnone")

    def test_workflows_and_single_runs(self):
        answer = self.cos.ci_get_workflow(Bucket=BUCKET, Ids="wcopy,wpaused,wnone")
        states = {w["WorkflowId"]: w["State"] for w in answer["MediaWorkflowList"]}
        self.assertEqual(states, {"wcopy": "Active", "wpaused": "Paused"})
        for workflow in answer["MediaWorkflowList"]:
            self.assertEqual(workflow["Topology"]["Dependencies"], {"Start": "Command", "Command": "End"})
            self.assertIn("Command", workflow["Topology"]["Nodes"])
        run = self.cos.ci_trigger_workflow(Bucket=BUCKET, WorkflowId="wcopy", Key="other.txt")
        while True:
            found = self.cos.ci_get_workflowexecution(Bucket=BUCKET, RunId=run["InstanceId"])
            found = found["WorkflowExecution"][0]
            if found["State"] == "Success":
                break
            self.assertEqual(found["State"], "Running")
            time.sleep(0.02)

    def test_workflows_are_made_changed_run_and_removed(self):
        def nodes(folder):
            return {
                "Start": {"Type": "Start", "Input": {"ObjectPrefix": "in/"}},
                "SnapshotNode": {
                    "Type": "Snapshot",
                    "Operation": {
                        "TemplateId": "t1",
                        "Output": {
                            "Region": REGION,
                            "Bucket": BUCKET,
                            "Object": folder + "/${InputName}-${Number}.jpg",
                        },
                    },
                },
            }

        def workflow(folder):
            links = {"Start": "SnapshotNode", "SnapshotNode": "End"}
            return {
                "MediaWorkflow": {
                    "Name": "demo",
                    "Topology": {"Dependencies": links, "Nodes": nodes(folder)},
                }
            }

        made = self.cos.ci_create_workflow(Bucket=BUCKET, Body=workflow("small"))["MediaWorkflow"]
        self.assertRegex(made["WorkflowId"], r"^w[0-9a-f]{32}$")
        self.assertEqual(made["State"], "Paused")
        self.assertRegex(made["CreateTime"], MOMENT)
        one = {"Bucket": BUCKET, "WorkflowId": made["WorkflowId"]}
        update = self.cos.ci_update_workflow
        state = self.cos.ci_update_workflow_state
        active = state(UpdateState="active", **one)["MediaWorkflow"]
        self.assertEqual(active["State"], "Active")
        code = "ActiveWorkflowForbiddenUpdate"
        self.refused(update, 403, code, WorkflowId=made["WorkflowId"], Body=workflow("big"))
        self.refused(self.cos.ci_delete_workflow, 403, code, WorkflowId=made["WorkflowId"])
        self.assertEqual(state(UpdateState="paused", **one)["MediaWorkflow"]["State"], "Paused")
        changed = update(Body=workflow("big"), **one)["MediaWorkflow"]
        self.assertIn("big/", str(changed["Topology"]["Nodes"]["SnapshotNode"]))
        listed = self.cos.ci_get_workflow(Bucket=BUCKET, Ids=made["WorkflowId"])
        self.assertEqual(listed["TotalCount"], "1")

        created = self.create(name="nodes", workflow=made["WorkflowId"])
        self.wait(created["JobId"], "Success")
        written = self.cos.list_objects(Bucket=BUCKET, Prefix="big/")["Contents"]
        self.assertEqual([o["Key"] for o in written], ["big/a-0.jpg", "big/视频 1+2-0.jpg"])
        for found in written:
            self.cos.delete_object(Bucket=BUCKET, Key=found["Key"])
        runs = self.cos.ci_list_workflowexecution(Bucket=BUCKET, WorkflowId=made["WorkflowId"])
        run_id = runs["WorkflowExecutionList"][0]["RunId"]
        run = self.cos.ci_get_workflowexecution(Bucket=BUCKET, RunId=run_id)
        self.assertIn("SnapshotNode", str(run["WorkflowExecution"][0]["Tasks"]))
        removed = self.cos.ci_delete_workflow(**one)
        self.assertEqual(removed["WorkflowId"], made["WorkflowId"])
        self.refused(self.cos.ci_delete_workflow, 400, "ResourceNotFound", WorkflowId="wnone")

    def test_bad_arguments_are_the_sdk_s_own_errors(self):
        create = self.cos.ci_create_inventory_trigger_jobs
        cases = [
            (body("a b"), "InvalidArgument", "Request.Name"),
            (body("demo", workflow="wnone"), "InvalidArgument", "wnone"),
            (body("demo", input={"Prefix": "a", "Object": "b"}), "InvalidArgument", "Request.Input"),
            (body("demo", input={"Object": "none"}), "ResourceNotFound", "none"),
            (dict(body("demo"), Type="Job"), "InvalidArgument", "Request.Type"),
        ]
        for job_body, code, message in cases:
            self.refused(create, 400, code, message, JobBody=job_body)
        self.refused(self.cos.ci_list_inventory_trigger_jobs, 400, "InvalidArgument", "size", Size=101)

    def test_who_may_not_call_is_told_why(self):
        list_of = lambda cos: cos.ci_list_inventory_trigger_jobs
        wrong_key = client(secret_key="guessed")
        self.refused(list_of(wrong_key), 403, "AccessDenied")
        self.refused(list_of(client(secret_id="nobody")), 401, "SecretidNotExist")
        with mock.patch("qcloud_cos.cos_auth.time.time", return_value=time.time() - 20000):
            self.refused(list_of(self.cos), 401, "SignatureExpired", "Request has expired")

    def test_an_address_instead_of_a_proxy(self):
        ip, port = ADDRESS.split(":")
        direct = client(IP=ip, Port=int(port), Domain=CI_HOST)
        answer = direct.ci_list_inventory_trigger_jobs(Bucket=BUCKET, Size=1)
        self.assertIn("RequestId", answer)

    def test_temporary_keys_send_their_token(self):
        with_token = client(Token="token", Proxies={"http": f"http://{ADDRESS}"})
        self.assertIn("RequestId", with_token.ci_list_inventory_trigger_jobs(Bucket=BUCKET))


if __name__ == "__main__":
    unittest.main()
