//! `plan --estimate` and the guards that depend on it, against the service.

use std::fs;
use std::io::Write as _;

use data_encoding::HEXLOWER;
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use md5::{Digest, Md5};
use serde_json::{Value, json};

use crate::support::serve::Serve;
use crate::support::target::Target;
use crate::support::text::assert_contains;
use crate::support::workspace::{FILTERS, Run, Workspace};

/// An object of this size, uploaded then.
fn put(env: &Workspace, key: &str, size: usize, uploaded: &str) {
    let path = env.write(&format!("bucket/{key}"), &"x".repeat(size));
    let uploaded: Timestamp = uploaded.parse().unwrap();
    let file = fs::File::open(path).unwrap();
    file.set_modified(uploaded.try_into().unwrap()).unwrap();
}

fn put_bytes(env: &Workspace, key: &str, bytes: &[u8]) {
    let path = env.write(&format!("bucket/{key}"), "");
    fs::write(path, bytes).unwrap();
}

/// A workspace whose target has these further lines.
fn workspace(settings: &str, jobs: &str) -> Workspace {
    let target = Target::embedded(&["true"]).workflow("w2", &["true"], &[]);
    let settings: toml::Table = toml::from_str(&format!("[targets.local]\n{settings}")).unwrap();
    let settings = settings["targets"]["local"].as_table().unwrap().clone();
    let set = |target: Target, (key, value): (String, _)| target.set(&key, value);
    let target = settings.into_iter().fold(target, set);
    let env = Workspace::new().target("local", &target);
    env.write("bucket/.keep/x", "");
    env.write("jobs/a.yaml", jobs);
    env
}

fn job(key: &str, input: &str, rest: &str) -> String {
    format!(
        "  {key}:\n    overlap: allow\n    input: {input}\n    operation: {{ workflow_ids: w1{rest} }}\n"
    )
}

fn estimate(run: &Run) -> Value {
    let plan: Value = serde_json::from_str(&run.stdout).unwrap();
    let schema = stocktake::plan::schema_json();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let problems: Vec<String> = validator
        .iter_errors(&plan)
        .map(|error| error.to_string())
        .collect();
    assert_eq!(problems, [""; 0]);
    plan
}

/// The estimate of one job of a plan as JSON.
fn of<'a>(plan: &'a Value, key: &str) -> &'a Value {
    let mut jobs = plan["jobs"].as_array().unwrap().iter();
    &jobs.find(|job| job["key"] == key).unwrap()["estimate"]
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn inventory(env: &Workspace, name: &str, schema: &str, rows: &str) {
    let data = gzip(rows);
    put_bytes(env, &format!("{name}/part.csv.gz"), &data);
    let manifest = json!({
        "sourceAppid": "1250000000", "sourceBucket": "demo",
        "fileFormat": "CSV", "fileSchema": schema,
        "files": [{
            "key": format!("{name}/part.csv.gz"),
            "size": data.len().to_string(),
            "md5Checksum": HEXLOWER.encode(&Md5::digest(&data)),
        }],
    });
    put_bytes(
        env,
        &format!("{name}/manifest.json"),
        manifest.to_string().as_bytes(),
    );
}

const SCHEMA: &str = "Key, IsLatest, IsDeleteMarker, Size, LastModifiedDate";
const URL: &str = "https://demo-1250000000.cos.ap-beijing.myqcloud.com";
const FEBRUARY: &str =
    ", time_interval: { start: 2022-02-01T00:00:00Z, end: 2022-02-28T00:00:00Z }";

#[test]
fn all_four_inputs_are_counted_within_their_intervals() {
    let inputs = [
        job("prefix", "{ prefix: in/ }", FEBRUARY),
        job("object", "{ object: in/第一 }", ""),
        job(
            "manifest",
            "{ manifest: inventory/manifest.json }",
            FEBRUARY,
        ),
        job(
            "urls",
            &format!("{{ url_file: \"{URL}/urls.txt\" }}"),
            FEBRUARY,
        ),
    ];
    let env = workspace("", &format!("jobs:\n{}", inputs.concat()));
    // Both ends of an interval belong to it.
    put(&env, "in/第一", 10, "2022-02-01T00:00:00Z");
    put(&env, "in/b", 20, "2022-02-28T00:00:00Z");
    put(&env, "in/late", 40, "2022-02-28T00:00:01Z");
    let rows = "in/%E7%AC%AC%E4%B8%80,true,false,10,2022-02-01T00:00:00.000Z\n\
                in/gone,true,true,1000,2022-02-14T00:00:00.000Z\n\
                in/old,false,false,1000,2022-02-14T00:00:00.000Z\n\
                in/,true,false,0,2022-02-14T00:00:00.000Z\n\
                in/folder%2F,true,false,0,2022-02-14T00:00:00.000Z\n\
                in/late,true,false,40,2022-03-14T00:00:00.000Z\n\
                in/big,true,false,5000000000,2022-02-14T00:00:00.000Z\n";
    inventory(&env, "inventory", SCHEMA, rows);
    let urls = format!("{URL}/in/b\r\n{URL}/in/b\n\n{URL}/in/late\n{URL}/in/\n{URL}/in/missing\n");
    put_bytes(&env, "urls.txt", urls.as_bytes());
    let plan = estimate(
        &env.run(&["plan", "--estimate", "--format", "json"])
            .expect(0),
    );
    let counted = |key: &str| {
        (
            of(&plan, key)["objects"].clone(),
            of(&plan, key)["bytes"].clone(),
        )
    };
    assert_eq!(counted("prefix"), (json!(2), json!(30)));
    assert_eq!(counted("object"), (json!(1), json!(10)));
    assert_eq!(counted("manifest"), (json!(2), json!(5_000_000_010_u64)));
    // The service runs over an object that is named and missing, whatever the interval.
    assert_eq!(counted("urls"), (json!(2), json!(20)));
    assert_eq!(of(&plan, "urls")["missing"], 1);
    let total = &plan["estimate"];
    assert_eq!(total["complete"], true, "{total}");
    assert_eq!(
        (total["objects"].clone(), total["covered_twice"].clone()),
        (json!(7), json!(1))
    );
    assert_eq!(total["workflows"][0]["processed_twice"], 1);
}

#[test]
fn the_estimate_is_what_the_service_then_runs() {
    let jobs = [
        job("one", "{ prefix: in/ }", FEBRUARY),
        job("two", "{ object: in/0007 }", "").replace("w1", "w2"),
    ];
    let env = workspace("", &format!("jobs:\n{}", jobs.concat()));
    for number in 0..20 {
        let (month, day) = (1 + number / 10, 20 + number % 10 % 9);
        let uploaded = format!("2022-{month:02}-{day:02}T12:00:00Z");
        put(&env, &format!("in/{number:04}"), 1, &uploaded);
    }
    let plan = estimate(
        &env.run(&["plan", "--estimate", "--format", "json"])
            .expect(0),
    );
    env.run(&["apply"]).expect(0);
    let records = env.run(&["status", "--format", "json"]).expect(0);
    let records: Value = serde_json::from_str(&records.stdout).unwrap();
    for record in records["records"].as_array().unwrap() {
        let key = record["key"].as_str().unwrap();
        assert_eq!(
            record["objects"]["total"],
            of(&plan, key)["objects"],
            "{record}"
        );
    }
}

#[test]
fn a_hundred_windows_read_one_list_and_a_fault_is_passed_over() {
    let windows = "jobs:\n  days:\n    overlap: allow\n    windows: { every: 1 day, from: 2022-01-01T00:00:00Z, until: 2022-04-11T00:00:00Z }\n    \
                   input: { prefix: in/ }\n    operation: { workflow_ids: w1 }\n  \
                   all:\n    overlap: allow\n    input: { prefix: in/sub/ }\n    operation: { workflow_ids: w1 }\n";
    let env = workspace("", windows);
    for number in 0..1_200 {
        put(&env, &format!("in/{number:04}"), 2, "2022-01-01T12:00:00Z");
    }
    put(&env, "in/0000", 2, "2022-01-02T00:00:00Z");
    put(&env, "in/sub/x", 2, "2022-01-31T12:00:00Z");
    let faults =
        "[[faults]]\nmethod = \"GET\"\npath = \"/\"\nnth = [2]\nfault = \"refuse\"\nstatus = 503\n";
    env.write("faults.toml", faults);
    let serve = Serve::start_with(&env, &["--faults", "faults.toml"]);
    let run = env
        .run(&["-v", "plan", "--estimate", "--format", "json"])
        .expect(0);
    let plan = estimate(&run);
    assert_eq!(plan["jobs"].as_array().unwrap().len(), 101);
    let day = |number: usize| &plan["jobs"][1 + number]["estimate"];
    let first = day(0);
    assert_eq!(
        (first["objects"].clone(), first["bytes"].clone()),
        (json!(1200), json!(2400))
    );
    assert_eq!(day(1)["objects"], 1);
    assert_eq!(of(&plan, "all")["objects"], 1);
    // One on the border of two days, one in a day and in `all`.
    assert_eq!(plan["estimate"]["covered_twice"], 2);
    // Two pages, one of them twice because of the fault.
    let calls = run
        .stderr
        .matches("GET demo-1250000000.cos.ap-beijing.myqcloud.com/?")
        .count();
    assert_eq!(calls, 3, "{}", run.stderr);
    drop(serve);
}

#[test]
fn what_cannot_be_counted_says_why_and_the_plan_is_shown() {
    let jobs = [
        job("fine", "{ prefix: in/ }", ""),
        job("gone", "{ object: in/none }", ""),
        job("no-list", "{ manifest: none/manifest.json }", ""),
        job("damaged", "{ manifest: damaged/manifest.json }", ""),
        job("undated", "{ manifest: undated/manifest.json }", FEBRUARY),
        job("foreign", "{ url_file: urls.txt }", ""),
    ];
    let env = workspace("max_objects = 1000", &format!("jobs:\n{}", jobs.concat()));
    put(&env, "in/a", 1, "2022-02-01T00:00:00Z");
    inventory(
        &env,
        "damaged",
        SCHEMA,
        "in/a,true,false,1,2022-02-01T00:00:00.000Z\n",
    );
    let path = env.path().join("bucket/damaged/part.csv.gz");
    let mut data = fs::read(&path).unwrap();
    let middle = data.len() / 2;
    data[middle] ^= 0xff;
    fs::write(&path, data).unwrap();
    inventory(&env, "undated", "Key, Size", "in/a,1\n");
    put_bytes(&env, "urls.txt", b"https://example.com/a\n");
    let run = env.run(&["plan", "--estimate"]).expect(4);
    insta::with_settings!({filters => FILTERS.to_vec()}, {
        insta::assert_snapshot!("estimate_incomplete", run.shown());
    });
    // Without a guard it is still no success.
    let text = env.read("stocktake.toml").replace("max_objects = 1000", "");
    env.write("stocktake.toml", &text);
    let run = env
        .run(&["plan", "--estimate", "--format", "json"])
        .expect(1);
    assert_eq!(estimate(&run)["estimate"]["uncounted"], 5);
    // The lists are what apply would be refused for as well.
    assert!(!env.path().join(".stocktake").exists());
}

#[test]
fn sizes_that_are_not_known_are_not_guessed() {
    let jobs = job("list", "{ manifest: inventory/manifest.json }", "");
    let env = workspace("", &format!("jobs:\n{jobs}"));
    inventory(&env, "inventory", "Key", "in/a\nin/b\n");
    let run = env.run(&["plan", "--estimate"]).expect(0);
    assert_contains(&run.stdout, "2 objects, size unknown");
    assert_contains(&run.stdout, "the estimate is incomplete");
    let run = env
        .run(&["plan", "--estimate", "--format", "json"])
        .expect(0);
    let plan = estimate(&run);
    assert_eq!(of(&plan, "list")["bytes"], Value::Null);
    assert_eq!(plan["estimate"]["complete"], false);
}

const PRICE: &str = "prices.w1 = { per_object = '0.0015 CNY', per_gib = '0.07 CNY' }";
const OTHER_PRICE: &str = "prices.w2.per_object = '0.1 CNY'";

/// Two jobs over three objects, one of them with both workflows.
fn priced(limits: &str) -> Workspace {
    with_prices(&format!("{limits}\n{PRICE}\n{OTHER_PRICE}"))
}

fn with_prices(settings: &str) -> Workspace {
    let jobs = "jobs:\n  转码:\n    input: { prefix: in/ }\n    operation: { workflow_ids: [w1, w2] }\n  \
                again:\n    overlap: allow\n    input: { object: in/a }\n    operation: { workflow_ids: w1 }\n";
    let env = workspace(settings, jobs);
    for key in ["in/a", "in/b", "in/c"] {
        put(&env, key, 1 << 20, "2022-02-14T00:00:00Z");
    }
    env
}

#[test]
fn prices_give_an_exact_cost_in_every_form() {
    let env = priced("");
    let human = env.run(&["plan", "--estimate"]).expect(0);
    insta::assert_snapshot!("estimate_human", human.shown());
    let markdown = env
        .run(&["plan", "--estimate", "--format", "markdown"])
        .expect(0);
    insta::assert_snapshot!("estimate_markdown", markdown.shown());
    let json = env
        .run(&[
            "plan",
            "--estimate",
            "--format",
            "json",
            "--out",
            "plan.json",
        ])
        .expect(0);
    let plan = estimate(&json);
    // Seven runs over 3 MiB twice and 1 MiB once: 4 × 0.0015, 3 × 0.1, and 4 MiB at 0.07 a GiB.
    assert_eq!(
        plan["estimate"]["cost"],
        json!({"amount": "0.306273439", "currency": "CNY"})
    );
    assert_eq!(plan["estimate"]["objects"], 7);
    assert_eq!(of(&plan, "again")["cost"]["amount"], "0.00156836");
    let shown = env.run(&["show", "plan.json"]).expect(0);
    assert_contains(&shown.stdout, "estimate: 7 objects");
    let quiet = env.run(&["plan", "--format", "json"]).expect(0);
    assert!(!quiet.stdout.contains("estimate"), "{}", quiet.stdout);
}

#[test]
fn guards_stop_an_apply_before_anything_is_sent() {
    for (limit, name) in [
        ("max_objects = 6", "max_objects"),
        ("max_bytes = \"6 MiB\"", "max_bytes"),
        ("max_cost = \"0.306273438 CNY\"", "max_cost"),
    ] {
        let env = priced(limit);
        let plan = env.run(&["plan"]).expect(0);
        assert_contains(&plan.stdout, format!("{name} is not checked here"));
        env.run(&["plan", "--out", "plan.json"]).expect(0);
        let blocked = env.run(&["plan", "--estimate"]).expect(4);
        assert_contains(&blocked.stdout, format!("raise `{name}`"));
        for arguments in [
            &["apply"][..],
            &["apply", "plan.json"],
            &["apply", "--format", "json"],
        ] {
            let run = env.run(arguments).expect(4);
            assert!(run.stdout.contains(name), "{}", run.stdout);
        }
        let records = env.run(&["state", "list", "--format", "json"]).expect(0);
        assert_contains(&records.stdout, "\"records\": []");
    }
    // At the limit is within it.
    let env = priced("max_objects = 7\nmax_bytes = \"7 MiB\"\nmax_cost = \"0.306273439 CNY\"");
    let run = env.run(&["apply"]).expect(0);
    assert!(run.stdout.contains("2 submitted"), "{}", run.stdout);
}

#[test]
fn a_plan_that_grew_since_it_was_saved_is_stopped() {
    let env = priced("max_objects = 7");
    env.run(&["plan", "--estimate", "--out", "plan.json"])
        .expect(0);
    put(&env, "in/d", 1, "2022-02-14T00:00:00Z");
    let run = env.run(&["apply", "plan.json"]).expect(4);
    assert_contains(&run.stdout, "an estimate of 9 objects");
}

#[test]
fn a_cost_that_is_not_known_is_not_within_its_limit() {
    let env = with_prices(&format!("max_cost = '1000 CNY'\n{PRICE}"));
    let run = env.run(&["apply"]).expect(4);
    assert_contains(&run.stdout, "`max_cost` cannot be checked");
    assert_contains(&run.stdout, "the cost of 1 job is not");
}

#[test]
fn amounts_that_make_no_sense_are_underlined() {
    let settings = "max_bytes = \"10 apples\"\nmax_cost = \"5 EUR\"\n\
                    [targets.local.prices.w1]\nper_object = \"0.0000000001 CNY\"\n\
                    [targets.local.prices.w2]\nper_gib = \"1 CNY\"\n[targets.local.prices.w3]\n";
    let env = workspace(settings, "jobs:\n");
    let run = env.run(&["validate"]).expect(1);
    insta::with_settings!({filters => FILTERS.to_vec()}, {
        insta::assert_snapshot!("estimate_bad_amounts", run.stderr);
    });
    let env = workspace("max_cost = \"5 CNY\"", "jobs:\n");
    let run = env.run(&["validate"]).expect(1);
    assert_contains(&run.stderr, "`max_cost` needs `prices`");
}

/// The same bucket as a target elsewhere, with keys that are wrong, missing, or no service there.
#[test]
fn refused_credentials_are_one_error_and_silence_leaves_the_plan() {
    let env = workspace("", &format!("jobs:\n{}", job("a", "{ prefix: in/ }", "")));
    let serve = Serve::start_with(&env, &[]);
    env.add_target("far", &Target::at(serve.address));
    env.add_target("silent", &Target::at("127.0.0.1:9").set("timeout", "1s"));
    for target in ["far", "silent"] {
        env.run(&["-t", target, "state", "init"]).expect(0);
    }
    let none = env.run(&["-t", "far", "plan", "--estimate"]).expect(1);
    assert!(none.stderr.contains("credentials"), "{}", none.stderr);
    assert_eq!(none.stdout, "", "missing credentials are no guard");
    let with_keys = |target: &str| {
        let mut command = env.command(&["-t", target, "plan", "--estimate"]);
        command.env("TENCENTCLOUD_SECRET_ID", "other");
        command.env("TENCENTCLOUD_SECRET_KEY", "canary-key");
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let shown = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(!shown.contains("canary"), "{shown}");
        shown
    };
    let refused = with_keys("far");
    assert!(refused.contains("error[credentials]"), "{refused}");
    assert!(!refused.contains("Blocked"), "{refused}");
    let silent = with_keys("silent");
    assert!(silent.contains("gave no answer"), "{silent}");
    drop(serve);
}
