//! Findings as the client shows them: by document, and only where they are others than before.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gen_lsp_types::{
    Code, Diagnostic as Shown, DiagnosticRelatedInformation, DiagnosticSeverity, Location, Message,
    PublishDiagnosticsParams, Range, Uri,
};

use super::analysis::Analysis;
use super::documents::Documents;
use super::text::{Encoding, Lines};
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::{Place, SourceFile};
use crate::workspace::FILE_NAME;

/// More findings of one file are not read, and slow editors down.
const LIMIT: usize = 1000;

/// What a client can show.
#[derive(Debug, Clone, Copy)]
pub(super) struct Client {
    pub(super) encoding: Encoding,
    pub(super) shows_related: bool,
}

/// Knows what was published last.
#[derive(Debug, Default)]
pub(super) struct Publisher {
    workspaces: BTreeMap<PathBuf, BTreeMap<Uri, Published>>,
}

type Published = (Option<i32>, Vec<Shown>);

impl Publisher {
    /// Returns what has to be published, so that the client shows the findings of the analysis.
    pub(super) fn changes(
        &mut self,
        analysis: &Analysis,
        documents: &Documents,
        client: Client,
    ) -> Vec<PublishDiagnosticsParams> {
        let now = Conversion::new(analysis, documents, client).all();
        let before = self.workspaces.insert(analysis.root.clone(), now.clone());
        let before = before.unwrap_or_default();
        let gone = before.keys().filter(|uri| !now.contains_key(uri));
        let gone = gone.map(|uri| PublishDiagnosticsParams::new(uri.clone(), None, Vec::new()));
        let mut changes: Vec<PublishDiagnosticsParams> = gone.collect();
        for (uri, (version, findings)) in now {
            if before.get(&uri) != Some(&(version, findings.clone())) {
                changes.push(PublishDiagnosticsParams::new(uri, version, findings));
            }
        }
        changes
    }
}

/// From the findings of one analysis to those of its documents.
struct Conversion<'a> {
    analysis: &'a Analysis,
    documents: &'a Documents,
    client: Client,
    /// By the address of a file: each file of an analysis is one object.
    lines: BTreeMap<*const SourceFile, Lines>,
}

impl<'a> Conversion<'a> {
    fn new(analysis: &'a Analysis, documents: &'a Documents, client: Client) -> Self {
        Self {
            analysis,
            documents,
            client,
            lines: BTreeMap::new(),
        }
    }

    /// The findings of each document, those that are open and without findings included.
    fn all(mut self) -> BTreeMap<Uri, Published> {
        let mut all: BTreeMap<Uri, Published> = BTreeMap::new();
        for document in self.documents.iter() {
            if let Some(version) = self.analysis.versions.get(&document.path)
                && document.path.starts_with(&self.analysis.root)
            {
                all.insert(document.uri.clone(), (Some(*version), Vec::new()));
            }
        }
        for finding in &self.analysis.findings {
            let shown = finding.place.as_ref().map(|place| place.file.path());
            let path = self.path(shown.unwrap_or(Path::new(FILE_NAME)));
            let Some(uri) = uri(&path, self.documents) else {
                continue;
            };
            let published = all.entry(uri).or_default();
            if published.1.len() < LIMIT {
                published.1.push(self.shown(finding));
            }
        }
        all
    }

    fn path(&self, shown: &Path) -> PathBuf {
        self.analysis.root.join(shown)
    }

    fn shown(&mut self, finding: &Diagnostic) -> Shown {
        let range = finding.place.as_ref().map(|place| self.range(place));
        let related = finding.related.iter().filter(|_| self.client.shows_related);
        let related: Vec<_> = related.cloned().collect();
        let related = related
            .iter()
            .filter_map(|(place, words)| self.related(place, words))
            .collect::<Vec<_>>();
        Shown {
            range: range.unwrap_or_default(),
            severity: Some(match finding.severity {
                Severity::Error => DiagnosticSeverity::Error,
                Severity::Warning => DiagnosticSeverity::Warning,
            }),
            code: Some(Code::String(finding.code.to_owned())),
            source: Some("stocktake".to_owned()),
            message: Message::String(words(finding)),
            related_information: Some(related).filter(|related| !related.is_empty()),
            ..Shown::default()
        }
    }

    fn related(&mut self, place: &Place, words: &str) -> Option<DiagnosticRelatedInformation> {
        let uri = uri(&self.path(place.file.path()), self.documents)?;
        let location = Location::new(uri, self.range(place));
        Some(DiagnosticRelatedInformation::new(
            location,
            words.to_owned(),
        ))
    }

    fn range(&mut self, place: &Place) -> Range {
        let path = self.path(place.file.path());
        let text = place.file.text();
        let lines = self
            .lines
            .entry(Arc::as_ptr(&place.file))
            .or_insert_with(|| Lines::of(text));
        let mut range = lines.first_line(text, place.span, self.client.encoding);
        // Our texts begin behind a byte order mark; that of the client may have one.
        let open = self.documents.at(&path);
        if range.start.line == 0 && open.is_some_and(|open| open.text.starts_with('\u{feff}')) {
            let mark = Lines::of("\u{feff}").position("\u{feff}", 3, self.client.encoding);
            range.start.character += mark.character;
            range.end.character += mark.character;
        }
        range
    }
}

/// What is wrong, and the way out.
fn words(finding: &Diagnostic) -> String {
    match &finding.help {
        Some(help) => format!("{}\n{help}", finding.message),
        None => finding.message.clone(),
    }
}

/// The name of a file: the client's own, where the file is open.
pub(super) fn uri(path: &Path, documents: &Documents) -> Option<Uri> {
    let open = documents.at(path).map(|document| document.uri.clone());
    open.or_else(|| Uri::from_file_path(path).ok())
}
