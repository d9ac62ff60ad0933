"""Objects by Tencent's own Python SDK, over HTTP and HTTPS through the service as a proxy.

Usage: python python_objects.py HOST:PORT CERTIFICATE

Expects a service with TLS and the bucket `media-1250000000` (empty).
"""

import os
import sys
import tempfile
import unittest

CERTIFICATE = sys.argv.pop(2)
ADDRESS = sys.argv.pop(1)
os.environ["REQUESTS_CA_BUNDLE"] = CERTIFICATE

from qcloud_cos import CosConfig, CosS3Client, CosServiceError  # noqa: E402

BUCKET = "media-1250000000"
MIB = 1024 * 1024


class Objects(unittest.TestCase):
    scheme = "http"

    def setUp(self):
        proxy = f"http://{ADDRESS}"
        config = CosConfig(
            Region="ap-beijing",
            SecretId="stocktake-local",
            SecretKey="stocktake-local",
            Scheme=self.scheme,
            Proxies={"http": proxy, "https": proxy},
        )
        self.cos = CosS3Client(config, retry=0)
        self.folder = self.scheme + "/"

    def read(self, key):
        return self.cos.get_object(Bucket=BUCKET, Key=key)["Body"].get_raw_stream().read()

    def test_put_and_head(self):
        key = self.folder + "视频 1+2.txt"
        put = self.cos.put_object(
            Bucket=BUCKET,
            Key=key,
            Body=b"content",
            ContentType="text/x",
            ContentDisposition="attachment; filename=中文.txt",
            Metadata={"x-cos-meta-a": "1"},
        )
        head = self.cos.head_object(Bucket=BUCKET, Key=key)
        self.assertEqual(head["ETag"], put["ETag"])
        self.assertEqual(head["x-cos-hash-crc64ecma"], put["x-cos-hash-crc64ecma"])
        self.assertEqual((head["Content-Type"], head["x-cos-meta-a"]), ("text/x", "1"))
        self.assertIn("x-cos-request-id", head)
        with self.assertRaises(CosServiceError) as caught:
            self.cos.get_object(Bucket=BUCKET, Key=key, IfMatch='"other"')
        self.assertEqual(caught.exception.get_status_code(), 412)

    def test_large_files_go_in_parts(self):
        content = os.urandom(5 * MIB + 7)
        key = self.folder + "large"
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "large")
            with open(path, "wb") as file:
                file.write(content)
            self.cos.upload_file(Bucket=BUCKET, Key=key, LocalFilePath=path, PartSize=1)
            self.assertEqual(self.read(key), content)
            again = os.path.join(folder, "again")
            self.cos.download_file(Bucket=BUCKET, Key=key, DestFilePath=again, PartSize=1)
            with open(again, "rb") as file:
                self.assertEqual(file.read(), content)
        uploads = self.cos.list_multipart_uploads(Bucket=BUCKET, Prefix=self.folder)
        self.assertNotIn("Upload", uploads)

    def test_an_upload_is_aborted(self):
        key = self.folder + "aborted"
        upload = self.cos.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
        part = self.cos.upload_part(
            Bucket=BUCKET, Key=key, Body=b"x", PartNumber=1, UploadId=upload
        )
        parts = self.cos.list_parts(Bucket=BUCKET, Key=key, UploadId=upload)
        self.assertEqual([p["ETag"] for p in parts["Part"]], [part["ETag"]])
        self.cos.abort_multipart_upload(Bucket=BUCKET, Key=key, UploadId=upload)
        self.assertFalse(self.cos.object_exists(Bucket=BUCKET, Key=key))

    def test_copy_and_delete(self):
        keys = [self.folder + name for name in ("a b", "b", "c")]
        self.cos.put_object(Bucket=BUCKET, Key=keys[0], Body=b"content")
        source = {"Bucket": BUCKET, "Key": keys[0], "Region": "ap-beijing"}
        for key in keys[1:]:
            self.cos.copy(Bucket=BUCKET, Key=key, CopySource=source)
            self.assertEqual(self.read(key), b"content")
        self.cos.delete_object(Bucket=BUCKET, Key=keys[0])
        objects = {"Object": [{"Key": key} for key in keys[1:]], "Quiet": "false"}
        deleted = self.cos.delete_objects(Bucket=BUCKET, Delete=objects)
        self.assertEqual(len(deleted["Deleted"]), 2)
        for key in keys:
            self.assertFalse(self.cos.object_exists(Bucket=BUCKET, Key=key))

    def test_appends(self):
        key = self.folder + "log"
        first = self.cos.append_object(Bucket=BUCKET, Key=key, Position=0, Data=b"one,")
        position = int(first["x-cos-next-append-position"])
        self.cos.append_object(Bucket=BUCKET, Key=key, Position=position, Data=b"two")
        self.assertEqual(self.read(key), b"one,two")

    def test_other_operations_are_refused_and_change_nothing(self):
        key = self.folder + "kept"
        self.cos.put_object(Bucket=BUCKET, Key=key, Body=b"content")
        calls = [
            lambda: self.cos.put_object_acl(Bucket=BUCKET, Key=key, ACL="private"),
            lambda: self.cos.put_object_tagging(
                Bucket=BUCKET, Key=key, Tagging={"TagSet": {"Tag": [{"Key": "a", "Value": "b"}]}}
            ),
            lambda: self.cos.get_object_acl(Bucket=BUCKET, Key=key),
            lambda: self.cos.list_objects_versions(Bucket=BUCKET),
        ]
        for call in calls:
            with self.assertRaises(CosServiceError) as caught:
                call()
            error = caught.exception
            self.assertEqual((error.get_status_code(), error.get_error_code()), (501, "NotImplemented"))
        self.assertEqual(self.read(key), b"content")

    def test_batch_jobs(self):
        listed = self.cos.ci_list_inventory_trigger_jobs(Bucket=BUCKET, Size=1)
        self.assertIn("RequestId", listed)


class ObjectsOverTls(Objects):
    scheme = "https"


if __name__ == "__main__":
    unittest.main()
