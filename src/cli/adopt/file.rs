//! The job file that jobs of other work are written to.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::NamedTempFile;

use crate::api::name::JobId;
use crate::api::request::Request;
use crate::api::time;
use crate::api::wire::JobDetail;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::diagnostic::Diagnostic;
use crate::files;
use crate::job::Job;
use crate::jobfile::discover::FoundFile;
use crate::jobfile::written::{Keys, NewJob, job_file};
use crate::load::{self, Inexpressible, ReadBack};
use crate::plain_text::printable;
use crate::state::Records;
use crate::workspace::JOBS_FOLDER;

/// A job file that is not there yet.
pub(super) struct NewFile {
    found: FoundFile,
    folder: PathBuf,
    /// How deep below the workspace its folder is.
    depth: usize,
}

/// A job file that is written, but not yet where it belongs.
pub(super) struct Draft {
    jobs: Vec<Arc<Job>>,
    /// Jobs of the service that no job file can express, each with the reason.
    left_out: Vec<(JobId, Inexpressible)>,
    file: Option<(NamedTempFile, PathBuf, PathBuf)>,
}

impl NewFile {
    /// A file at `path` that will be one of the workspace's job files.
    pub(super) fn at(session: &Session, path: &Path) -> Result<Self, Failure> {
        let refuse =
            |message: String, help: &str| Err(Diagnostic::error("file", message).help(help).into());
        let shown = printable(path);
        let example = "name a new file such as jobs/found.yaml";
        let is_yaml = path
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml");
        let name = path.file_name().filter(|_| is_yaml);
        let Some(name) = name.filter(|name| !name.to_string_lossy().starts_with('.')) else {
            return refuse(format!("`{shown}` is no name of a YAML job file"), example);
        };
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let folder = match folder.canonicalize() {
            Ok(folder) => folder,
            Err(error) => {
                let message = format!("cannot open the folder of `{shown}`: {error}");
                return refuse(message, "make the folder first");
            }
        };
        let root = session.workspace.root().canonicalize()?;
        let inside = folder.strip_prefix(&root).map(Path::to_path_buf);
        let is_bucket = || {
            let mut folders = session.bucket_folders().into_iter();
            folders.any(|bucket| folder.starts_with(root.join(bucket)))
        };
        let inside = inside
            .ok()
            .filter(|inside| inside.starts_with(JOBS_FOLDER) && !is_bucket());
        let Some(inside) = inside else {
            let message = format!("`{shown}` is not in the {JOBS_FOLDER} folder of the workspace");
            return refuse(message, example);
        };
        let path = folder.join(name);
        if path.symlink_metadata().is_ok() {
            let message = format!("`{shown}` is there already, and is not overwritten");
            return refuse(message, example);
        }
        let found = FoundFile::at(&root, &path);
        let Some(found) = found else {
            return refuse(format!("`{shown}` is no name of a job file"), example);
        };
        Ok(Self {
            found,
            folder,
            depth: inside.components().count(),
        })
    }

    /// Writes `found` to a temporary file, and reads it as it will be read.
    pub(super) fn draft(
        self,
        session: &Session,
        jobs: &[Arc<Job>],
        records: &Records,
        found: &[(JobDetail, Request)],
    ) -> Result<Draft, Failure> {
        if found.is_empty() {
            return Ok(Draft {
                jobs: Vec::new(),
                left_out: Vec::new(),
                file: None,
            });
        }
        let taken = jobs.iter().map(|job| job.key.to_string());
        let recorded = records.iter().map(|record| record.key.to_string());
        let mut keys = Keys::new(taken.chain(recorded));
        let descriptions: Vec<String> = found.iter().map(|(detail, _)| origin(detail)).collect();
        let read_back = ReadBack::default();
        let mut left_out = Vec::new();
        let mut new = Vec::with_capacity(found.len());
        for ((detail, request), description) in found.iter().zip(&descriptions) {
            let job = NewJob {
                key: keys.key_for(&request.name),
                request,
                description: Some(description),
                rerun: None,
            };
            match read_back.check(&job) {
                Ok(()) => new.push(job),
                Err(error) => left_out.push((detail.job_id.clone(), error)),
            }
        }
        if new.is_empty() {
            return Ok(Draft {
                jobs: Vec::new(),
                left_out,
                file: None,
            });
        }
        let schema = format!("{}schema/jobfile.schema.json", "../".repeat(self.depth));
        let write = || -> io::Result<NamedTempFile> {
            let mut file = files::new_beside(&self.folder.join("new"), ".adopted-")?;
            file.write_all(job_file(&new, &schema).as_bytes())?;
            file.as_file().sync_all()?;
            Ok(file)
        };
        let file = write().map_err(|error| not_written(&self.found.shown, &error))?;
        let draft = FoundFile {
            path: file.path().to_path_buf(),
            ..self.found.clone()
        };
        let loaded = load::load_files(&[draft], session.context());
        if loaded.has_errors() {
            return Err(loaded.diagnostics.into());
        }
        Ok(Draft {
            jobs: loaded.jobs,
            left_out,
            file: Some((file, self.found.path, self.found.shown)),
        })
    }
}

impl Draft {
    /// The jobs that it holds.
    pub(super) fn jobs(&self) -> &[Arc<Job>] {
        &self.jobs
    }

    /// A finding for each job that is not in it.
    pub(super) fn left_out(&self) -> Vec<Diagnostic> {
        let finding = |(job_id, error): &(JobId, Inexpressible)| {
            let field = error.field.as_deref();
            let field = field.map_or_else(String::new, |field| format!("`{field}`: "));
            let message = format!("{job_id} is left out: {field}{}", error.problem);
            Diagnostic::error("inexpressible", message)
                .help("no job file can ask for this work; the others are recorded")
        };
        self.left_out.iter().map(finding).collect()
    }

    /// Puts it where it belongs, unless something is there by now. Gives back what people call it,
    /// and the number of its jobs.
    pub(super) fn keep(self) -> Result<Option<(PathBuf, usize)>, Failure> {
        let Some((file, path, shown)) = self.file else {
            return Ok(None);
        };
        file.persist_noclobber(&path)
            .map_err(|error| not_written(&shown, &error.error))?;
        let folder = path.parent().map_or_else(|| Ok(()), sync_folder);
        folder.map_err(|error| not_written(&shown, &error))?;
        Ok(Some((shown, self.jobs.len())))
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Where a job came from, for those who read the file.
fn origin(detail: &JobDetail) -> String {
    let created = detail.created.map(time::format);
    let when = created.map_or_else(String::new, |created| format!(", triggered {created}"));
    format!("Found at the service: {}{when}", detail.job_id)
}

fn not_written(path: &Path, error: &io::Error) -> Failure {
    let message = format!("cannot write {}: {error}", printable(path));
    Diagnostic::error("file", message)
        .help("what was recorded stays recorded; nothing is submitted for it")
        .into()
}
