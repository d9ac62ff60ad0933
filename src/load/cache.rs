//! The jobs of a workspace, kept up to date: what did not change is not read, parsed, validated or
//! expanded again.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use rayon::prelude::*;

use super::duplicates::DuplicateIndex;
use super::settle::being_written;
use super::stamp::Stamp;
use super::{no_job_files, put_in_order};
use crate::diagnostic::Diagnostic;
use crate::expand::{ExpandContext, Expander, Uses, check_unique, check_unique_workflows};
use crate::job::Job;
use crate::jobfile::discover::{self, FoundFile};
use crate::jobfile::open_texts::OpenTexts;
use crate::jobfile::{JobFile, Reader};
use crate::source::SourceFile;
use crate::workflow::DeclaredWorkflow;
use crate::workspace::JOBS_FOLDER;

/// Where to look for changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangedFiles {
    /// These files may have changed, come or gone; their content decides.
    Files(BTreeSet<PathBuf>),
    /// Any file may have: all are looked for, and those that were written since are read.
    Anywhere,
}

/// What an update came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Updated {
    /// The files that came, went or have another content, as messages show them.
    pub files: Vec<PathBuf>,
    /// How many files were read.
    pub read: usize,
    /// How many files were expanded.
    pub expanded: usize,
}

impl Updated {
    /// Whether jobs or findings can be others than before.
    pub fn is_news(&self) -> bool {
        !self.files.is_empty() || self.expanded > 0
    }
}

/// How the jobs of a workspace changed. A job of a file that was expanded again is in both lists.
#[derive(Debug, Default)]
pub struct JobChanges {
    pub removed: Vec<Arc<Job>>,
    pub added: Vec<Arc<Job>>,
}

/// What each job file came to, and what that depends on.
#[derive(Debug)]
pub struct Cache {
    root: PathBuf,
    exclude: Vec<PathBuf>,
    /// They go before what is on disk.
    open_texts: OpenTexts,
    reader: Reader,
    context: ExpandContext,
    files: BTreeMap<FoundFile, Entry>,
    /// The jobs that changed files had when [`Cache::job_changes`] was last called.
    before: BTreeMap<FoundFile, Vec<Arc<Job>>>,
    /// What was wrong where files were looked for.
    walk_findings: Vec<Diagnostic>,
    duplicates: DuplicateIndex,
}

/// One file at each stage.
#[derive(Debug)]
struct Entry {
    stamp: Option<Stamp>,
    /// Absent when the file cannot be read.
    source: Option<Arc<SourceFile>>,
    /// Absent when nothing in it can be read.
    job_file: Option<JobFile>,
    /// From reading and validating.
    findings: Vec<Diagnostic>,
    expanded: Resolved,
}

/// What a file came to in its context.
#[derive(Debug, Default)]
struct Resolved {
    jobs: Vec<Arc<Job>>,
    workflows: Vec<DeclaredWorkflow>,
    findings: Vec<Diagnostic>,
    uses: Uses,
}

impl Cache {
    /// Knows nothing yet of the workspace in `root`; the first update finds everything.
    pub fn new(root: &Path, context: ExpandContext) -> Self {
        Self {
            root: root.to_path_buf(),
            exclude: Vec::new(),
            open_texts: OpenTexts::default(),
            reader: Reader::new(),
            context,
            files: BTreeMap::new(),
            before: BTreeMap::new(),
            walk_findings: Vec::new(),
            duplicates: DuplicateIndex::default(),
        }
    }

    /// Takes texts of an editor for those of files. The next update has to name the files whose texts
    /// came, changed or went.
    pub fn set_open_texts(&mut self, open_texts: OpenTexts) {
        self.open_texts = open_texts;
    }

    /// Takes in what has changed: files, folders that stand for buckets, and what jobs take from
    /// outside their files.
    pub fn update(
        &mut self,
        changes: &ChangedFiles,
        exclude: &[PathBuf],
        context: ExpandContext,
    ) -> Updated {
        let candidates = match changes {
            ChangedFiles::Files(paths) if exclude == self.exclude => self.candidates(paths),
            ChangedFiles::Files(_) | ChangedFiles::Anywhere => None,
        };
        exclude.clone_into(&mut self.exclude);
        let mut updated = Updated::default();
        let to_read = match candidates {
            Some((found, gone)) => {
                self.forget(&gone, &mut updated);
                found
            }
            None => self.walk(&mut updated),
        };
        let before = std::mem::replace(&mut self.context, context);
        let expander = Expander::new(self.context.clone());
        self.expand_affected(&before, &expander, &mut updated);
        self.read(to_read, &expander, &mut updated);
        updated.files.sort();
        updated.files.dedup();
        updated
    }

    /// Every finding, in the order of files and paths, as [`load`](super::load) has them.
    pub fn findings(&self) -> Vec<Diagnostic> {
        let entries = self.files.values();
        let in_files =
            entries.flat_map(|entry| entry.findings.iter().chain(&entry.expanded.findings));
        let mut findings: Vec<Diagnostic> = in_files.cloned().collect();
        if self.duplicates.has_duplicates() {
            findings.extend(check_unique(self.jobs().map(Arc::as_ref)));
        }
        findings.extend(check_unique_workflows(self.workflows()));
        findings.extend(self.walk_findings.iter().cloned());
        if self.files.is_empty() {
            findings.push(no_job_files(&self.root));
        }
        put_in_order(&mut findings);
        findings
    }

    /// The jobs without mistakes, in the order of files.
    pub fn jobs(&self) -> impl Iterator<Item = &Arc<Job>> {
        self.files.values().flat_map(|entry| &entry.expanded.jobs)
    }

    /// The workflows without mistakes, in the order of files.
    pub fn workflows(&self) -> impl Iterator<Item = &DeclaredWorkflow> {
        let entries = self.files.values();
        entries.flat_map(|entry| &entry.expanded.workflows)
    }

    /// Returns how the jobs differ from those of the last call.
    pub fn job_changes(&mut self) -> JobChanges {
        let mut job_changes = JobChanges::default();
        for (file, before) in std::mem::take(&mut self.before) {
            let entry = self.files.get(&file);
            let after = entry.map(|entry| entry.expanded.jobs.iter().cloned());
            job_changes.removed.extend(before);
            job_changes.added.extend(after.into_iter().flatten());
        }
        job_changes
    }

    /// A file that may still be being written, or has another content than was read: a plan of it
    /// must not be applied.
    pub fn unsettled(&self, by_age_alone: bool) -> Option<&Path> {
        let changed = |(file, entry): &(&FoundFile, &Entry)| {
            let stamp = Stamp::of(&file.path).ok().flatten();
            stamp.is_none() || stamp != entry.stamp
        };
        let changed: Vec<(&FoundFile, &Entry)> = self.files.iter().filter(changed).collect();
        let paths = changed.iter().map(|(file, _)| file.path.as_path());
        let written: HashSet<&Path> = being_written(paths, by_age_alone).into_iter().collect();
        let is_unsettled = |(file, entry): &&(&FoundFile, &Entry)| {
            let is_as_read = || {
                let now = discover::open(file).ok();
                let text = now.as_ref().map(|source| source.text());
                text == entry.source.as_ref().map(|source| source.text())
            };
            written.contains(file.path.as_path()) || !is_as_read()
        };
        let unsettled = changed.iter().find(is_unsettled);
        unsettled.map(|(file, _)| file.shown.as_path())
    }

    /// The files that were found.
    pub fn files(&self) -> impl ExactSizeIterator<Item = &FoundFile> {
        self.files.keys()
    }

    /// The moment at which jobs change by themselves, because another period has passed.
    pub fn next_period(&self) -> Option<Timestamp> {
        let entries = self.files.values();
        entries
            .filter_map(|entry| entry.expanded.uses.next_period())
            .min()
    }

    /// The named files that are there, and those that are gone. None when only a look at all files
    /// can tell: folders and links may add or remove others.
    fn candidates(&self, paths: &BTreeSet<PathBuf>) -> Option<(Vec<FoundFile>, Vec<FoundFile>)> {
        if !self.walk_findings.is_empty() {
            return None;
        }
        let (mut there, mut gone) = (Vec::new(), Vec::new());
        for path in paths {
            let found = FoundFile::at(&self.root, path)?;
            match std::fs::symlink_metadata(path) {
                Ok(metadata) if metadata.is_file() => there.push(found),
                Err(_) if self.open_texts.has(path) => there.push(found),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => gone.push(found),
                _ => return None,
            }
        }
        Some((there, gone))
    }

    /// Looks for all files; gives back those that may have another content.
    fn walk(&mut self, updated: &mut Updated) -> Vec<FoundFile> {
        let folder = Path::new(JOBS_FOLDER);
        let (mut found, findings) = discover::discover(&self.root, folder, &self.exclude);
        let open_texts = &self.open_texts;
        found.extend(open_texts.unsaved(&self.root, folder, &self.exclude));
        self.walk_findings = findings;
        let there: BTreeSet<&FoundFile> = found.iter().collect();
        let gone = self.files.keys().filter(|file| !there.contains(file));
        let gone: Vec<FoundFile> = gone.cloned().collect();
        self.forget(&gone, updated);
        let is_as_read = |file: &FoundFile| {
            let known = self.files.get(file).and_then(|entry| entry.stamp);
            let is_open = self.open_texts.has(&file.path);
            known.is_some() && !is_open && Stamp::of(&file.path).ok().flatten() == known
        };
        found
            .into_par_iter()
            .filter(|file| !is_as_read(file))
            .collect()
    }

    fn forget(&mut self, gone: &[FoundFile], updated: &mut Updated) {
        for file in gone {
            if let Some(entry) = self.files.remove(file) {
                self.duplicates.remove(&entry.expanded.jobs);
                remember(&mut self.before, file, entry.expanded.jobs);
                updated.files.push(file.shown.clone());
            }
        }
    }

    /// Resolves again what took something from the context that is different now.
    fn expand_affected(
        &mut self,
        before: &ExpandContext,
        expander: &Expander,
        updated: &mut Updated,
    ) {
        let after = &self.context;
        let mut affected: Vec<(&FoundFile, &mut Entry)> = self
            .files
            .iter_mut()
            .filter(|(_, entry)| !entry.expanded.uses.hold(before, after))
            .collect();
        updated.expanded += affected.len();
        for (file, entry) in &mut affected {
            self.duplicates.remove(&entry.expanded.jobs);
            let jobs = std::mem::take(&mut entry.expanded.jobs);
            remember(&mut self.before, file, jobs);
        }
        let affected = affected.into_par_iter();
        let entries = affected.map(|(_, entry)| {
            entry.expanded = expand(entry.source.as_ref(), entry.job_file.as_ref(), expander);
            &*entry
        });
        for entry in entries.collect::<Vec<_>>() {
            self.duplicates.add(&entry.expanded.jobs);
        }
    }

    /// Reads files, and takes those further whose content is another one.
    fn read(&mut self, to_read: Vec<FoundFile>, expander: &Expander, updated: &mut Updated) {
        updated.read = to_read.len();
        let to_read = to_read.into_par_iter();
        let read = to_read.map(|file| {
            let known = self.files.get(&file);
            let entry = read_entry(&file, known, &self.open_texts, &self.reader, expander);
            (file, entry)
        });
        for (file, (stamp, entry)) in read.collect::<Vec<_>>() {
            let Some(entry) = entry else {
                if let Some(known) = self.files.get_mut(&file) {
                    known.stamp = stamp;
                }
                continue;
            };
            updated.expanded += 1;
            updated.files.push(file.shown.clone());
            self.duplicates.add(&entry.expanded.jobs);
            let known = self.files.insert(file.clone(), entry);
            let known = known.map_or_else(Vec::new, |entry| entry.expanded.jobs);
            self.duplicates.remove(&known);
            remember(&mut self.before, &file, known);
        }
    }
}

/// Keeps what a file came to before its first change.
fn remember(
    before: &mut BTreeMap<FoundFile, Vec<Arc<Job>>>,
    file: &FoundFile,
    jobs: Vec<Arc<Job>>,
) {
    before.entry(file.clone()).or_insert(jobs);
}

/// The stamp of a file as it is read now, and what it comes to unless its content is as `known`.
fn read_entry(
    file: &FoundFile,
    known: Option<&Entry>,
    open_texts: &OpenTexts,
    reader: &Reader,
    expander: &Expander,
) -> (Option<Stamp>, Option<Entry>) {
    // Taken first: a write that comes between makes the stamp stale, not the content.
    let is_open = open_texts.has(&file.path);
    let stamp = Stamp::of(&file.path).ok().flatten().filter(|_| !is_open);
    let source = match open_texts.open(file) {
        Ok(source) => source,
        Err(problem) => return (stamp, unreadable(problem, known)),
    };
    let text = known.and_then(|entry| entry.source.as_ref());
    if text.is_some_and(|known| known.text() == source.text()) {
        return (stamp, None);
    }
    let (job_file, findings) = reader.load(&source, file.syntax);
    let entry = Entry {
        stamp,
        expanded: expand(Some(&source), job_file.as_ref(), expander),
        source: Some(source),
        job_file,
        findings,
    };
    (stamp, Some(entry))
}

fn unreadable(problem: Diagnostic, known: Option<&Entry>) -> Option<Entry> {
    let is_known = known.is_some_and(|entry| {
        let mut findings = entry.findings.iter();
        entry.source.is_none() && findings.any(|finding| finding.message == problem.message)
    });
    (!is_known).then(|| Entry {
        stamp: None,
        source: None,
        job_file: None,
        findings: vec![problem],
        expanded: Resolved::default(),
    })
}

fn expand(
    source: Option<&Arc<SourceFile>>,
    job_file: Option<&JobFile>,
    expander: &Expander,
) -> Resolved {
    let (Some(source), Some(job_file)) = (source, job_file) else {
        return Resolved::default();
    };
    let content = expander.expand_traced(source, job_file);
    Resolved {
        jobs: content.jobs.into_iter().map(Arc::new).collect(),
        workflows: content.workflows,
        findings: content.findings,
        uses: content.uses,
    }
}
