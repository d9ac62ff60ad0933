//! What the fuzz targets for hostile input do: bytes that come from the network, from buckets, from
//! states and plans that others may have written.

use std::io::{self, Read};

use flate2::Compression;
use flate2::read::GzEncoder;
use jiff::Timestamp;
use stocktake::api::name::BucketName;
use stocktake::api::objects::{Budget, Columns, Inventory, KEY_LIMIT, ListLimits, UrlList};
use stocktake::api::wire;
use stocktake::plan::{self, Limits, PlanDocument};
use stocktake::report;
use stocktake::service::{self, strict_heads, well_known_key_pair};
use stocktake::state::{Expected, Records, StateStore};
use stocktake::stop::StopFlag;

/// Any bytes as what a connection begins with: a head, and the signature in it.
pub fn http_head(bytes: &[u8]) {
    let seen = |size: usize| {
        let mut seen = bytes.to_vec();
        strict_heads(&mut seen, size);
        seen
    };
    let whole = seen(bytes.len().max(1));
    for size in [1, 7] {
        assert_eq!(seen(size), whole, "cut into pieces of {size}");
    }
    let head = bytes.split(|byte| *byte == b'\n');
    let mut lines = head.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let first = String::from_utf8_lossy(lines.next().unwrap_or_default());
    let mut words = first.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next());
    let fields = lines
        .take_while(|line| !line.is_empty())
        .filter_map(|line| {
            let at = line.iter().position(|byte| *byte == b':')?;
            Some((&line[..at], line[at + 1..].trim_ascii()))
        });
    let fields: Vec<(&[u8], &[u8])> = fields.collect();
    // A moment in which the signatures of the corpus hold.
    let now = Timestamp::from_second(1_700_000_000).expect("a moment of this century");
    let target = target.unwrap_or_default();
    service::is_signed(method, target, &fields, &well_known_key_pair(), now);
}

/// Any bytes as every body of the API; a request is written as it was read.
pub fn xml(bytes: &[u8]) {
    if let Ok(request) = wire::decode_request(bytes) {
        let written = wire::encode_request(&request).expect("what was read can be written");
        let read = wire::decode_request(written.as_bytes()).expect("what was written can be read");
        assert_eq!(read, request);
    }
    let _ = wire::decode_trigger_answer(bytes);
    let _ = wire::decode_describe_answer(bytes);
    let _ = wire::decode_list_answer(bytes);
    let _ = wire::decode_queue_request(bytes);
    let _ = wire::decode_queues_answer(bytes);
    let _ = wire::decode_complete_request(bytes);
    let _ = wire::decode_delete_request(bytes);
    let _ = wire::decode_execution_answer(bytes);
    let _ = wire::decode_executions_answer(bytes);
    let _ = wire::decode_instance_answer(bytes);
    let _ = wire::decode_objects_answer(bytes);
    let _ = wire::decode_workflows_answer(bytes);
    let _ = wire::decode_error(500, bytes);
}

fn bucket() -> BucketName {
    BucketName::new("demo-1250000000").expect("a bucket's name")
}

fn budget() -> Budget {
    let limits = ListLimits {
        rows: 10_000,
        bytes: 4 * 1024 * 1024,
    };
    Budget::new(limits, StopFlag::default())
}

/// Any line as a manifest, and the bytes behind it as a data file: as they are, and as they unpack.
pub fn inventory(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let (manifest, data) = bytes.split_at(end.unwrap_or(bytes.len()));
    let data = data.get(1..).unwrap_or_default();
    let Ok(inventory) = Inventory::parse(&bucket(), manifest) else {
        return;
    };
    rows(inventory.columns, data);
    rows(inventory.columns, GzEncoder::new(data, Compression::none()));
    for file in &inventory.files {
        let _ = file.check_size(data.len() as u64);
        let _ = file.check_md5(data);
    }
}

fn rows(columns: Columns, stored: impl Read) {
    let budget = budget();
    let mut rows = columns.rows(stored, &budget);
    while let Ok(Some(row)) = rows.next_row() {
        assert!((1..=KEY_LIMIT).contains(&row.key.len()));
    }
}

/// Any bytes as a list of URLs.
pub fn url_list(bytes: &[u8]) {
    let (bucket, budget) = (bucket(), budget());
    for key in UrlList::new(&bucket, &budget, bytes).map_while(Result::ok) {
        assert!((1..=KEY_LIMIT).contains(&key.len()));
        assert!(!key.ends_with('/'));
    }
}

/// Any bytes as a state: what is read is written, and read as the same.
pub fn state(bytes: &[u8]) {
    let expected = Expected {
        target: "local",
        lineage: None,
    };
    let Ok((header, records)) = StateStore::parse(bytes, expected) else {
        return;
    };
    let text = StateStore::to_text(&header, &records).expect("records can be written");
    let (header, records) = StateStore::parse(&text, expected).expect("and read again");
    let again = StateStore::to_text(&header, &records).expect("records can be written");
    assert!(text == again, "a state changed by being read");
}

/// Any bytes as a saved plan, and as one whose digest was computed by the one who changed it.
pub fn saved_plan(bytes: &[u8]) {
    if let Ok(plan) = PlanDocument::from_json(bytes) {
        apply(plan);
    }
    let Ok(mut plan) = serde_json::from_slice::<PlanDocument<'_>>(bytes) else {
        return;
    };
    plan.digest = None;
    let sealed = plan.sealed().expect("a plan can be written");
    let text = serde_json::to_vec(&sealed).expect("a plan can be written");
    if let Ok(plan) = PlanDocument::from_json(&text) {
        assert_eq!(plan, sealed);
        apply(plan);
    }
}

fn apply(plan: PlanDocument<'_>) {
    report::plan_markdown(&mut io::sink(), &plan).expect("a sink takes everything");
    let _ = plan::confirm(plan, &Records::default(), Limits::default());
}
