// Objects and batch jobs by Tencent's own Node SDK, through the service as a proxy.
//
// Usage: node node_objects.js ADDRESS http|https, with cos-nodejs-sdk-v5 in NODE_PATH and, for HTTPS, the
// certificate in NODE_EXTRA_CA_CERTS. The bucket is empty.

const assert = require('node:assert');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const COS = require('cos-nodejs-sdk-v5');

const Bucket = 'media-1250000000';
const Region = 'ap-beijing';
const cos = new COS({
  SecretId: 'stocktake-local',
  SecretKey: 'stocktake-local',
  Protocol: `${process.argv[3]}:`,
  Proxy: `http://${process.argv[2]}`,
});
const on = (Key, more) => ({ Bucket, Region, Key, ...more });

async function main() {
  const put = await cos.putObject(on('in/视频 1', { Body: 'content', ContentType: 'text/x' }));
  const head = await cos.headObject(on('in/视频 1'));
  assert.equal(head.headers.etag, put.headers.etag);
  assert.equal(head.headers['content-type'], 'text/x');
  await assert.rejects(cos.getObjectAcl(on('in/视频 1')), (error) => error.statusCode === 501);
  await assert.rejects(cos.putObjectAcl(on('in/视频 1', { ACL: 'private' })), (error) => error.statusCode === 501);

  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'node-objects-'));
  const file = path.join(folder, 'large');
  const content = Buffer.alloc(3 * 1024 * 1024 + 5, 'x');
  fs.writeFileSync(file, content);
  await cos.uploadFile(on('large', { FilePath: file, SliceSize: 1024 * 1024 }));
  const got = await cos.getObject(on('large'));
  assert.ok(got.Body.equals(content));
  fs.rmSync(folder, { recursive: true });

  const CopySource = `${Bucket}.cos.${Region}.myqcloud.com/large`;
  await cos.putObjectCopy(on('copied', { CopySource }));
  const listed = await cos.getBucket({ Bucket, Region, Delimiter: '/' });
  assert.deepEqual(listed.Contents.map((object) => object.Key), ['copied', 'large']);
  await cos.deleteObject(on('copied'));
  await cos.deleteMultipleObject({ Bucket, Region, Objects: [{ Key: 'large' }, { Key: 'in/视频 1' }] });
  const left = await cos.getBucket({ Bucket, Region });
  assert.equal(left.Contents.length, 0);

  const jobs = await cos.request({
    Bucket,
    Region,
    Method: 'GET',
    Key: 'inventorytriggerjob',
    Url: `${process.argv[3]}://${Bucket}.ci.${Region}.myqcloud.com/inventorytriggerjob`,
  });
  assert.equal(jobs.statusCode, 200);
  console.log('ok');
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
