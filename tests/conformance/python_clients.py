"""Objects by public clients of other makes, over HTTP and HTTPS through the service as a proxy: coscmd
and tccli of Tencent, OpenDAL, and the file system of fsspec.

Usage: python python_clients.py HOST:PORT CERTIFICATE

Expects a service with TLS and the bucket `media-1250000000` (empty).
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

CERTIFICATE = sys.argv.pop(2)
ADDRESS = sys.argv.pop(1)
for name in ("http_proxy", "https_proxy"):
    os.environ[name] = f"http://{ADDRESS}"
os.environ["REQUESTS_CA_BUNDLE"] = CERTIFICATE

import cosfs  # noqa: E402
import opendal  # noqa: E402

BUCKET = "media-1250000000"
REGION = "ap-beijing"
KEY = "stocktake-local"
HOST = f"{BUCKET}.cos.{REGION}.myqcloud.com"
MIB = 1024 * 1024
BIN = pathlib.Path(sys.executable).parent


class Client(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.large = os.urandom(3 * MIB + 7)
        (self.folder / "large").write_bytes(self.large)
        (self.folder / "small").write_text("content")

    def run_program(self, *arguments):
        """Runs a program at home in the folder of the test; what it printed, and whether it succeeded."""
        done = subprocess.run(
            arguments,
            cwd=self.folder,
            env={**os.environ, "HOME": str(self.folder)},
            capture_output=True,
            text=True,
            timeout=120,
        )
        return done.stdout + done.stderr, done.returncode == 0


class Coscmd(Client):
    def coscmd(self, *arguments, succeeds=True):
        printed, succeeded = self.run_program(
            BIN / "coscmd", "-c", self.folder / "cos.conf", "-l", self.folder / "log", *arguments
        )
        self.assertEqual(succeeded, succeeds, printed)
        return printed

    def every_command(self, scheme):
        (self.folder / "cos.conf").write_text(
            f"[common]\nsecret_id = {KEY}\nsecret_key = {KEY}\nbucket = {BUCKET}\nregion = {REGION}\n"
            f"schema = {scheme}\nverify = md5\nanonymous = False\npart_size = 1\nmax_thread = 5\n"
        )
        folder = f"coscmd-{scheme}"
        self.coscmd("upload", "small", f"{folder}/视频 1.txt")
        self.coscmd("upload", "large", f"{folder}/large")
        self.coscmd("copy", f"{HOST}/{folder}/large", f"{folder}/copied")
        self.coscmd("move", f"{HOST}/{folder}/copied", f"{folder}/moved")
        listed = self.coscmd("list", "-ar", folder)
        self.assertIn("Files num: 3", listed)
        self.assertIn("视频 1.txt", listed)
        self.assertIn(str(len(self.large)), self.coscmd("info", f"{folder}/moved"))
        self.coscmd("download", f"{folder}/moved", "again")
        self.assertEqual((self.folder / "again").read_bytes(), self.large)
        self.assertIn("Parts num: 0", self.coscmd("listparts"))
        refused = self.coscmd("putobjectacl", "--grant-read", "anyone", f"{folder}/large", succeeds=False)
        self.assertIn("NotImplemented", refused)
        self.coscmd("delete", "-rf", folder)
        self.assertIn("Files num: 0", self.coscmd("list", "-ar", folder))

    def test_http(self):
        self.every_command("http")

    def test_https(self):
        self.every_command("https")


class Tccli(Client):
    """tccli speaks HTTPS alone."""

    def tccli(self, action, **parameters):
        words = [word for name, value in parameters.items() for word in (f"--{name}", value)]
        printed, _ = self.run_program(
            BIN / "tccli", "cos", action, "--bucket", BUCKET, *words,
            "--secretId", KEY, "--secretKey", KEY, "--region", REGION,
        )  # fmt: skip
        return printed

    def test_https(self):
        self.tccli("upload", local_path="large", cos_key="tccli/视频", part_size="1")
        self.assertIn("tccli/视频", self.tccli("list", prefix="tccli/"))
        head = self.tccli("head", cos_key="tccli/视频")
        self.assertIn(str(len(self.large)), head)
        self.tccli("download", cos_key="tccli/视频", local_path="again")
        self.assertEqual((self.folder / "again").read_bytes(), self.large)
        refused = self.tccli("put_object_tagging", cos_key="tccli/视频", tags="a=b")
        self.assertIn("NotImplemented", refused)
        self.tccli("lsparts")
        self.tccli("delete", cos_key="tccli/视频", force="true")
        self.assertNotIn("视频", self.tccli("list", prefix="tccli/"))


class OpenDal(Client):
    def operator(self):
        return opendal.Operator(
            "cos",
            endpoint=f"http://cos.{REGION}.myqcloud.com",
            bucket=BUCKET,
            secret_id=KEY,
            secret_key=KEY,
            root="/opendal",
            disable_config_load="true",
        )

    def test_http(self):
        operator = self.operator()
        operator.write("视频 1.txt", b"content", content_type="text/x")
        self.assertEqual(operator.stat("视频 1.txt").content_type, "text/x")
        with self.assertRaises(opendal.exceptions.ConditionNotMatch):
            operator.write("视频 1.txt", b"other", if_not_exists=True)
        operator.copy("视频 1.txt", "copied")
        self.assertEqual(bytes(operator.read("copied")), b"content")
        with operator.open("large", "wb") as file:
            for _ in range(3):
                file.write(b"x" * 2 * MIB)
        self.assertEqual(operator.stat("large").content_length, 6 * MIB)
        self.assertEqual(bytes(operator.read("large"))[-1:], b"x")
        with self.assertRaisesRegex(opendal.exceptions.Unexpected, "NotImplemented"):
            list(operator.list("/", versions=True))
        paths = sorted(entry.path for entry in operator.list("/"))
        self.assertEqual(paths, ["copied", "large", "视频 1.txt"])
        operator.remove_all("/")
        self.assertEqual([entry.path for entry in operator.list("/")], [])


class Fsspec(Client):
    def every_call(self, scheme):
        files = cosfs.CosFileSystem(
            region=REGION,
            secret_id=KEY,
            secret_key=KEY,
            scheme=scheme,
            multipart_threshold=MIB,
            multipart_size=MIB,
        )
        folder = f"{BUCKET}/cosfs-{scheme}"
        files.pipe(f"{folder}/视频 1.txt", b"content")
        self.assertTrue(files.info(f"{folder}/视频 1.txt")["ETag"])
        files.cp_file(f"{folder}/视频 1.txt", f"{folder}/copied")
        files.mv(f"{folder}/copied", f"{folder}/moved")
        self.assertEqual(files.cat(f"{folder}/moved"), b"content")
        with files.open(f"{folder}/large", "wb", block_size=MIB) as file:
            file.write(self.large)
        self.assertEqual(files.cat(f"{folder}/large"), self.large)
        names = sorted(path.rsplit("/", 1)[1] for path in files.find(folder))
        self.assertEqual(names, ["large", "moved", "视频 1.txt"])
        files.rm(folder, recursive=True)
        self.assertEqual(files.find(folder), [])

    def test_http(self):
        self.every_call("http")

    def test_https(self):
        self.every_call("https")


if __name__ == "__main__":
    unittest.main()
