//! Any text as an expression, and as the length and the ends of windows.
#![no_main]

use std::path::Path;
use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use stocktake::jobfile::{Reader, Syntax};
use stocktake::resolve::{Resolver, Surroundings};
use stocktake::source::SourceFile;

static READER: LazyLock<Reader> = LazyLock::new(Reader::new);
static RESOLVER: LazyLock<Resolver> = LazyLock::new(|| {
    Resolver::new(Surroundings {
        target: "local".to_owned(),
        bucket: "demo-1250000000".parse().ok(),
        region: "ap-beijing".parse().ok(),
        variables: [("folder".to_owned(), "cn".to_owned())].into(),
        now: jiff::Timestamp::UNIX_EPOCH,
    })
});

fuzz_target!(|texts: (&str, &str)| {
    let (expression, every) = texts;
    // Debug quotes and escapes close enough to YAML that most texts arrive as they are.
    let text = format!(
        "jobs:\n  a:\n    name: {:?}\n    windows: {{ every: {every:?}, from: 1969-01-01T00:00:00Z }}\n    \
         input: {{ prefix: {expression:?} }}\n    operation: {{ workflow_ids: w1 }}\n",
        format!("${{ {expression} }}"),
    );
    let file = Arc::new(SourceFile::new(Path::new("jobs/a.yaml"), text));
    if let (Some(job_file), _) = READER.load(&file, Syntax::Yaml) {
        let _ = RESOLVER.resolve(&file, &job_file);
    }
});
