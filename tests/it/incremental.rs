//! What is kept up to date file by file is what a full reading gives, whatever the edits.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use stocktake::api::name::JobId;
use stocktake::api::wire::JobState;
use stocktake::diagnostic::Diagnostic;
use stocktake::expand::ExpandContext;
use stocktake::job::{Job, JobKey};
use stocktake::load::{Cache, ChangedFiles, Loaded, load};
use stocktake::plan::{Difference, Limits, Plan, Planner, plan};
use stocktake::source::Place;
use stocktake::state::{Outcome, Record, Records, Seen, Submission, SubmissionId};

use crate::plan_properties::words;
use crate::support::workspace::Workspace;

/// What a file may hold: jobs that meet those of other files, take something from outside, or are
/// wrong.
pub const TEXTS: &[&str] = &[
    "jobs: { a: { input: { prefix: a/ }, operation: { workflow_ids: w1 } } }\n",
    "jobs: { b: { input: { prefix: b/ }, operation: { workflow_ids: \"${ vars.one }\" } } }\n",
    "jobs: { c: { input: { prefix: \"${ vars.two }/\" }, operation: { workflow_ids: w1 } } }\n",
    "jobs: { d: { input: { prefix: d/ }, operation: { workflow_ids: \"${ vars.three }\" } } }\n",
    "defaults: { bucket: own-1, region: ap-guangzhou, operation: { workflow_ids: w2 } }\n\
     jobs: { e: { input: { object: e } }, f: { input: { object: f } } }\n",
    "jobs: { g: { windows: { every: 1 day, from: 2022-01-01T00:00:00Z, until: 2022-01-05T00:00:00Z }, \
     input: { prefix: g/ }, operation: { workflow_ids: w1 } } }\n",
    "jobs: { h: { matrix: { part: [1, 2] }, input: { prefix: \"h/${ matrix.part }/${ vars }/\" }, \
     operation: { workflow_ids: w1 } } }\n",
    "jobs: { i: { input: { prefix: a }, operation: { workflow_ids: w1 } } }\n",
    "jobs: { a: { input: { prefix: x/ }, operation: { workflow_ids: w1 } } }\n",
    "jobs: { a: { inptu: 1 } }\n",
    "defaults: { operation: { workflow_ids: \"${ vars.one }\" }, rerun: [] }\n\
     jobs: { a: { input: { prefix: a/ }, rerun: x }, i: { input: { prefix: i/ } }, j: { input: 1 } }\n",
    "jobs: { k: { overlap: no, input: { prefix: \"${ vars.two }/\" }, \
     windows: { every: 1 day, from: 2022-01-01T00:00:00Z } }, \
     b: { input: { prefix: b/ }, operation: { workflow_ids: w1 } } }\n",
    "jobs: [\n",
    "",
];

pub const NAMES: &[&str] = &[
    "a.yaml",
    "b.yaml",
    "c.toml",
    "deep/d.yaml",
    ".hidden.yaml",
    "notes.md",
];

#[derive(Debug, Clone)]
pub enum Edit {
    Write(usize, usize),
    Remove(usize),
    Rename(usize, usize),
    Link(usize, usize),
    Variable(usize, u8),
    Bucket(u8),
    Days(i64),
    /// The jobs of the last good plan are recorded, each as the number says.
    State(u8),
    Limit(usize),
}

pub fn edit() -> impl Strategy<Value = Edit> {
    let (name, text) = (0..NAMES.len(), 0..TEXTS.len());
    prop_oneof![
        6 => (name.clone(), text).prop_map(|(name, text)| Edit::Write(name, text)),
        1 => name.clone().prop_map(Edit::Remove),
        1 => (name.clone(), name.clone()).prop_map(|(from, to)| Edit::Rename(from, to)),
        1 => (name.clone(), name).prop_map(|(from, to)| Edit::Link(from, to)),
        2 => (0..3_usize, 0..3_u8).prop_map(|(name, value)| Edit::Variable(name, value)),
        1 => (0..3_u8).prop_map(Edit::Bucket),
        1 => (-2..4_i64).prop_map(Edit::Days),
        2 => any::<u8>().prop_map(Edit::State),
        1 => (0..4_usize).prop_map(Edit::Limit),
    ]
}

/// Does an edit; gives back the files it touched, or none when folders or links are concerned.
pub fn perform(edit: &Edit, jobs: &Path, context: &mut ExpandContext) -> Option<Vec<PathBuf>> {
    let path = |name: &usize| jobs.join(NAMES[*name]);
    match edit {
        Edit::Write(name, text) => {
            fs::create_dir_all(path(name).parent().unwrap()).unwrap();
            // Through a link, the file behind it is written.
            let _ = fs::remove_file(path(name));
            fs::write(path(name), TEXTS[*text]).unwrap();
            return Some(vec![path(name)]);
        }
        Edit::Remove(name) => {
            let _ = fs::remove_file(path(name));
            return Some(vec![path(name)]);
        }
        Edit::Rename(from, to) => {
            let _ = fs::rename(path(from), path(to));
            return Some(vec![path(from), path(to)]);
        }
        Edit::Link(from, to) if from != to => {
            let _ = fs::remove_file(path(to));
            let _ = std::os::unix::fs::symlink(path(from), path(to));
            return None;
        }
        Edit::Link(..) | Edit::State(_) | Edit::Limit(_) => {}
        Edit::Variable(name, value) => {
            let name = ["one", "two", "three"][*name].to_owned();
            match value {
                0 => context.variables.remove(&name),
                _ => context.variables.insert(name, format!("w{value}")),
            };
        }
        Edit::Bucket(number) => {
            let name = format!("demo-{number}");
            context.bucket = (*number > 0).then(|| name.parse().unwrap());
        }
        Edit::Days(days) => {
            context.now += SignedDuration::from_hours(24 * days);
        }
    }
    Some(Vec::new())
}

fn job_words<'a>(jobs: impl IntoIterator<Item = &'a Job>) -> Vec<String> {
    let words = |job: &Job| {
        let place = (job.source.file.path(), job.source.span);
        format!("{} {} {:?} {place:?}", job.key, job.fingerprint, job.work)
    };
    jobs.into_iter().map(words).collect()
}

fn finding_words(findings: &[Diagnostic]) -> Vec<String> {
    let at = |place: &Place| (place.file.path().to_path_buf(), place.span);
    let words = |finding: &Diagnostic| {
        let related = finding.related.iter();
        let related: Vec<_> = related.map(|(place, words)| (at(place), words)).collect();
        format!(
            "{:?}",
            (
                finding.severity,
                finding.code,
                &finding.message,
                &finding.label,
                &finding.help,
                finding.place.as_ref().map(at),
                related,
            )
        )
    };
    findings.iter().map(words).collect()
}

/// What a state may say once the jobs of a plan were submitted.
fn recorded(plan: &Plan, number: u8) -> Records {
    let mut records = Records::default();
    for (index, planned) in plan.jobs.iter().enumerate() {
        let job_id = JobId::new("b1").unwrap();
        let at = Timestamp::from_second(1_640_966_400).unwrap();
        let is_open = (usize::from(number) + index).is_multiple_of(3);
        let state = match number % 3 {
            0 => JobState::Running,
            1 => JobState::Success,
            _ => JobState::Failed,
        };
        let outcome = if is_open {
            Outcome::Unresolved { reason: None }
        } else {
            Outcome::Accepted {
                job_id: job_id.clone(),
                request_id: None,
            }
        };
        records.insert(Arc::new(Record {
            fingerprint: planned.job.fingerprint,
            key: JobKey::new(&format!(
                "{}{}",
                planned.job.key,
                if number > 200 { "-old" } else { "" }
            )),
            written_at: at,
            work: planned.job.work.clone(),
            submissions: vec![Submission {
                id: SubmissionId::random(),
                intended_at: at,
                not_before: None,
                not_after: None,
                ended_at: None,
                outcome,
                by_hand: false,
                removed: None,
            }],
            seen: Some(Seen::new(job_id, state, at)),
        }));
    }
    records
}

/// A plan that is kept, and the whole one that it has to be.
#[derive(Default)]
struct Plans {
    records: Arc<Records>,
    limits: Limits,
    kept: Option<(Planner, Plan)>,
}

impl Plans {
    fn edit(&mut self, edit: &Edit) {
        match edit {
            Edit::State(number) => {
                let plan = self.kept.as_ref().map(|(_, plan)| recorded(plan, *number));
                self.records = Arc::new(plan.unwrap_or_default());
            }
            Edit::Limit(limit) => self.limits.max_submissions = Some(*limit),
            _ => {}
        }
    }

    /// Brings the kept plan up to date, and compares.
    fn check(&mut self, cache: &mut Cache, full: Loaded) {
        let whole = plan(full.jobs, &self.records, self.limits);
        let job_changes = cache.job_changes();
        let planner = match self.kept.take() {
            Some((mut planner, before)) if planner.is_for(&self.records, self.limits) => {
                let step = planner.update(&job_changes.removed, &job_changes.added);
                assert_eq!(
                    Difference::between(&step.before, &step.after),
                    Difference::between(&before, &whole)
                );
                planner
            }
            _ => Planner::new(
                cache.jobs().cloned(),
                Arc::clone(&self.records),
                self.limits,
            ),
        };
        assert_eq!(words(planner.plan()), words(&whole));
        let jobs = |plan: &Plan| job_words(plan.jobs.iter().map(|planned| planned.job.as_ref()));
        assert_eq!(jobs(planner.plan()), jobs(&whole));
        self.kept = Some((planner, whole));
    }
}

pub fn context() -> ExpandContext {
    ExpandContext {
        target: "local".to_owned(),
        bucket: Some("demo-1".parse().unwrap()),
        region: Some("ap-beijing".parse().unwrap()),
        workflows: None,
        workflow_names: [].into(),
        private_callbacks: false,
        variables: [("one", "w1"), ("two", "w2")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        now: "2022-01-02T00:00:00Z".parse::<Timestamp>().unwrap(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_update_is_what_a_full_reading_gives(
        edits in prop::collection::vec((edit(), any::<bool>()), 1..24),
    ) {
        let env = Workspace::new();
        let jobs = env.path().join("jobs");
        fs::create_dir_all(&jobs).unwrap();
        let workspace = stocktake::workspace::Workspace::open(env.path()).unwrap();
        let mut context = context();
        let mut cache = Cache::new(env.path(), context.clone());
        cache.update(&ChangedFiles::Anywhere, &[], context.clone());
        let mut plans = Plans::default();
        for (edit, names_files) in edits {
            plans.edit(&edit);
            let files = perform(&edit, &jobs, &mut context);
            // A watch never names what it does not look at.
            let looked_at = |path: &PathBuf| {
                path.extension().is_some_and(|extension| extension != "md") && !path.ends_with(".hidden.yaml")
            };
            let has_link = NAMES.iter().any(|name| jobs.join(name).is_symlink());
            let changes = match files.filter(|_| names_files && !has_link) {
                Some(files) => ChangedFiles::Files(files.into_iter().filter(looked_at).collect()),
                None => ChangedFiles::Anywhere,
            };
            let updated = cache.update(&changes, &[], context.clone());
            let full = load(&workspace, &[], context.clone());
            prop_assert_eq!(job_words(cache.jobs().map(AsRef::as_ref)), job_words(full.jobs.iter().map(AsRef::as_ref)));
            prop_assert_eq!(finding_words(&cache.findings()), finding_words(&full.diagnostics));
            // The same look again finds nothing.
            let again = cache.update(&changes, &[], context.clone());
            prop_assert!(!again.is_news(), "{:?} after {:?}", again, updated);
            // Nothing is planned while there are mistakes; what changed meanwhile is not lost.
            if !full.has_errors() {
                plans.check(&mut cache, full);
            }
        }
    }
}

#[test]
fn only_what_depends_on_a_change_is_resolved_again() {
    let env = Workspace::new();
    for (name, text) in ["a", "b", "c", "own", "windows"]
        .into_iter()
        .zip([0, 1, 2, 4, 5])
    {
        env.write(&format!("jobs/{name}.yaml"), TEXTS[text]);
    }
    let mut context = context();
    let mut cache = Cache::new(env.path(), context.clone());
    let nothing = ChangedFiles::Files([].into());
    let first = cache.update(&ChangedFiles::Anywhere, &[], context.clone());
    assert_eq!((first.read, first.expanded), (5, 5));
    let mut resolved = |context: &ExpandContext| {
        let updated = cache.update(&nothing, &[], context.clone());
        assert_eq!((updated.read, updated.files.len()), (0, 0));
        updated.expanded
    };
    assert_eq!(resolved(&context), 0);
    context.variables.insert("two".to_owned(), "x".to_owned());
    assert_eq!(resolved(&context), 1);
    context
        .variables
        .insert("unused".to_owned(), "x".to_owned());
    assert_eq!(resolved(&context), 0);
    context.bucket = Some("demo-2".parse().unwrap());
    assert_eq!(resolved(&context), 4);
    context.now += SignedDuration::from_hours(23);
    assert_eq!(resolved(&context), 0);
    context.now += SignedDuration::from_hours(1);
    assert_eq!(resolved(&context), 1);

    env.write("jobs/a.yaml", TEXTS[0]);
    let named = ChangedFiles::Files([env.path().join("jobs/a.yaml")].into());
    let touched = cache.update(&named, &[], context.clone());
    assert_eq!((touched.read, touched.expanded), (1, 0));
    env.write("jobs/a.yaml", "jobs: {}\n");
    let edited = cache.update(&named, &[], context);
    assert_eq!((edited.read, edited.expanded), (1, 1));
    assert_eq!(edited.files, [PathBuf::from("jobs/a.yaml")]);
}
