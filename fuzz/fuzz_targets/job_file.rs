//! Any bytes as a job file: read in both syntaxes, resolved, and the findings shown.
#![no_main]

use std::io::sink;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use stocktake::jobfile::{Reader, Syntax};
use stocktake::report::diagnostics::human;
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

fuzz_target!(|text: &str| {
    for syntax in [Syntax::Yaml, Syntax::Toml] {
        let file = Arc::new(SourceFile::new(Path::new("jobs/a"), text.to_owned()));
        let (job_file, mut findings) = READER.load(&file, syntax);
        match job_file {
            Some(job_file) => findings.extend(RESOLVER.resolve(&file, &job_file).1),
            None => assert!(!findings.is_empty()),
        }
        human(&mut sink(), &findings, 80).expect("a sink takes everything");
    }
});
