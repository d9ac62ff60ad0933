//! A plan as Markdown, for comments and step summaries: within the limits of a forge, and with
//! nothing that users wrote able to become markup.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::super::table::{count, grouped};
use super::groups::{Group, group};
use super::{estimate, words};
use crate::estimate::TotalEstimate;
use crate::plan::{Action, Change, DocumentJob, PlanDocument, family};
use crate::report::markdown::escape;

/// A comment of GitHub has at most 65,536 characters; what follows the jobs must fit too.
const LIMIT: usize = 65_536;
/// Kept for what follows the jobs.
const RESERVE: usize = 1_000;
/// A list of files this long is shown folded.
const UNFOLDED: usize = 12;
/// Findings beyond these are counted.
const FINDINGS: usize = 20;
/// Workflows beyond these are counted.
const WORKFLOWS: usize = 20;
/// A longer text is cut: one value must not use up the room of all others.
const VALUE: usize = 300;

/// Writes a plan as Markdown.
pub fn markdown(out: &mut dyn Write, plan: &PlanDocument<'_>) -> io::Result<()> {
    let mut page = Page::default();
    page.add(&head(plan));
    page.findings(plan);
    page.drift(plan);
    let jobs = plan.jobs.iter();
    let shown: Vec<&DocumentJob> = jobs.filter(|job| job.action != Action::Unchanged).collect();
    let (mut risky, mut others): (Vec<&DocumentJob>, Vec<&DocumentJob>) =
        shown.iter().partition(|job| words::is_risky(job.action));
    risky.sort_by_key(|job| job.action);
    page.section("Look at these first", &risky, true);
    others.sort_by(|left, right| left.source.file.cmp(&right.source.file));
    let files = others.chunk_by(|left, right| left.source.file == right.source.file);
    for jobs in files {
        let title = code(jobs.first().map_or("", |job| &job.source.file));
        page.section(&title, jobs, shown.len() <= UNFOLDED);
    }
    if page.left_out > 0 {
        let left_out = count(page.left_out, "job", "jobs");
        let _ = writeln!(page.text, "\n… and {left_out} more.");
    }
    page.text.push_str(&foot(plan));
    out.write_all(page.text.as_bytes())
}

/// The page so far, and how many jobs found no room on it.
#[derive(Default)]
struct Page {
    text: String,
    characters: usize,
    left_out: usize,
}

impl Page {
    /// Adds a piece; false, and nothing added, when there is no room.
    fn add(&mut self, piece: &str) -> bool {
        let characters = piece.chars().map(char::len_utf16).sum::<usize>();
        let fits = self.characters + characters <= LIMIT - RESERVE;
        if fits {
            self.text.push_str(piece);
            self.characters += characters;
        }
        fits
    }

    fn findings(&mut self, plan: &PlanDocument<'_>) {
        let blocked = plan.blocked.iter().map(|found| ("Blocked", &found.message));
        let warnings = plan.warnings.iter().map(|message| ("Warning", message));
        let findings: Vec<_> = blocked.chain(warnings).collect();
        for (kind, message) in findings.iter().take(FINDINGS) {
            self.add(&format!("\n> **{kind}:** {}\n", escape(&cut(message))));
        }
        if findings.len() > FINDINGS {
            let more = grouped(findings.len() - FINDINGS);
            self.add(&format!("\n> … and {more} more findings\n"));
        }
    }

    /// What the service says otherwise than the records.
    fn drift(&mut self, plan: &PlanDocument<'_>) {
        let Some(drift) = &plan.drift else { return };
        if drift.is_empty() {
            self.add("\nThe service was asked, and agrees with the records.\n");
            return;
        }
        self.add("\n**The service says otherwise than the records**\n\n");
        let (notable, forgotten) = words::notable_drift(plan);
        for drift in notable.iter().take(FINDINGS) {
            let key = code(drift.key.as_str());
            self.add(&format!(
                "- {key}: {}\n",
                escape(&cut(&words::drift(drift)))
            ));
        }
        if notable.len() > FINDINGS {
            let more = grouped(notable.len() - FINDINGS);
            self.add(&format!("- … and {more} more\n"));
        }
        if forgotten > 0 {
            self.add(&format!("- {}\n", words::forgotten(forgotten)));
        }
    }

    /// A table of jobs under a title, folded unless it is `open`.
    fn section(&mut self, title: &str, jobs: &[&DocumentJob], open: bool) {
        const CLOSE: &str = "\n</details>\n";
        if jobs.is_empty() {
            return;
        }
        let number = count(jobs.len(), "job", "jobs");
        let open = if open { " open" } else { "" };
        let head = format!(
            "\n<details{open}><summary>{title}: {number}</summary>\n\n| | job | why | line |\n|---|---|---|---|\n"
        );
        let groups = group(jobs);
        // Room for at least one row, or else the section stays away as a whole.
        let first = groups.first().map(row).unwrap_or_default();
        let needed = head.len() + first.len() + CLOSE.len();
        if self.characters + needed > LIMIT - RESERVE {
            self.left_out += jobs.len();
            return;
        }
        self.add(&head);
        let mut is_full = false;
        for group in &groups {
            is_full = is_full || !self.add(&row(group));
            if is_full {
                self.left_out += group.len();
            }
        }
        self.text.push_str(CLOSE);
        self.characters += CLOSE.len();
    }
}

fn head(plan: &PlanDocument<'_>) -> String {
    // By its first line a pipeline finds the comment again that it wrote before.
    let mut text = format!(
        "<!-- stocktake plan {} -->\n### stocktake: {}\n",
        escape(&plan.target),
        escape(&words::verdict(plan))
    );
    let counts = words::counts(&plan.summary);
    if !counts.is_empty() {
        let _ = writeln!(text, "\n{}", counts.join(", "));
    }
    if let Some(total) = plan
        .estimate
        .as_ref()
        .filter(|total| estimate::is_said(total))
    {
        text.push_str(&estimate_words(total));
    }
    text
}

/// The sums, and a table of workflows where there are several.
fn estimate_words(total: &TotalEstimate) -> String {
    let mut text = format!("\nEstimate: {}\n", estimate::of_all(total));
    if total.workflows.len() > 1 {
        text.push_str("\n| workflow | objects | bytes | estimated cost |\n|---|--:|--:|--:|\n");
        for workflow in total.workflows.iter().take(WORKFLOWS) {
            let [objects, bytes, cost] = estimate::of_workflow(workflow);
            let id = code(workflow.workflow_id.as_str());
            let _ = writeln!(text, "| {id} | {objects} | {bytes} | {cost} |");
        }
        if let Some(more) = total
            .workflows
            .len()
            .checked_sub(WORKFLOWS)
            .filter(|more| *more > 0)
        {
            let _ = writeln!(text, "\n… and {more} more workflows");
        }
    }
    for line in estimate::twice(total).iter().take(WORKFLOWS) {
        let _ = writeln!(text, "\n> {}", escape(line));
    }
    text
}

fn foot(plan: &PlanDocument<'_>) -> String {
    let commit = plan.commit.as_ref();
    let commit = commit.map_or_else(String::new, |commit| {
        format!(" of {}", code(commit.get(..12).unwrap_or(commit)))
    });
    format!(
        "\n<sub>Plan{commit} for {}, made by stocktake {}. Each job is submitted once.</sub>\n",
        code(&plan.target),
        plan.stocktake
    )
}

fn row(group: &Group<'_>) -> String {
    let job = group.first();
    let (sign, _) = words::sign(job.action);
    let (key, mut why) = match group {
        Group::One(_) => (code(job.key.as_str()), escape(&words::reason(job))),
        Group::Many(jobs) => {
            let last = jobs.last().map_or("", |job| job.key.as_str());
            let key = code(&format!("{}[…]", family(&job.key)));
            let number = count(jobs.len(), "job", "jobs");
            let why = format!(
                "{number}: {}<br>{} to {}",
                escape(&words::reason(job)),
                code(job.key.as_str()),
                code(last)
            );
            (key, why)
        }
    };
    let estimate = match group {
        Group::One(job) => estimate::of_jobs(&[job]),
        Group::Many(jobs) => estimate::of_jobs(jobs),
    };
    if let Some(estimate) = estimate {
        let _ = write!(why, "<br>{}", escape(&cut(&estimate)));
    }
    for change in &*job.changes {
        let _ = write!(why, "<br>{}", change_words(change));
    }
    format!("| `{sign}` | {key} | {why} | {} |\n", job.source.line)
}

fn change_words(change: &Change) -> String {
    let value = |value: &Option<String>| value.as_deref().map_or("not set".to_owned(), code);
    let change = change.told_apart();
    let (before, after) = (value(&change.before), value(&change.after));
    format!("{}: {before} → {after}", code(&change.path))
}

/// Text as code, where it cannot mention or link anybody.
fn code(text: &str) -> String {
    format!("<code>{}</code>", escape(&cut(text)))
}

fn cut(text: &str) -> String {
    if text.chars().count() <= VALUE {
        return text.to_owned();
    }
    text.chars().take(VALUE).chain(['…']).collect()
}
