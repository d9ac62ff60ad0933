//! The webhook of the workspace: what it is sent, and when.

use std::sync::Arc;
use std::time::Duration;

use super::connection;
use super::session::Session;
use crate::api::client::ClientSettings;
use crate::apply::{ApplyOutcome, JobResult};
use crate::notification::{Courier, Event, Outbox, Webhook};
use crate::state::{Outcome, Record};
use crate::workspace::{DATA_FOLDER, NotifyForm};

/// How long one message may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// The folder of the events of all targets, in the workspace's data folder.
const OUTBOX: &str = "outbox";

/// The messages of a run; none where the workspace has no webhook.
#[derive(Debug)]
pub(super) struct Notifier<'a> {
    session: &'a Session,
    courier: Option<Courier>,
}

impl<'a> Notifier<'a> {
    /// Begins to deliver beside the run. A webhook that cannot be used is a note: the jobs matter more.
    pub(super) fn begin(session: &'a Session) -> Self {
        let webhook = session.workspace.notify().and_then(|form| {
            webhook(session, form)
                .inspect_err(|problem| note(session, &format!("nobody is told: {problem}")))
                .ok()
        });
        Self {
            session,
            courier: webhook.map(|webhook| Courier::begin(outbox(session), webhook)),
        }
    }

    /// Makes durable that these jobs have ended, before the state says so.
    pub(super) fn ending(&self, records: &[Arc<Record>]) {
        let Some(courier) = &self.courier else { return };
        for record in records {
            let event = Event::job_ended(&self.session.target.name, record);
            if let Some(event) = event {
                courier.note(&event);
            }
        }
    }

    /// What was noted is in the state.
    pub(super) fn recorded(&self) {
        self.courier.iter().for_each(Courier::deliver);
    }

    /// Waits a little for what is on its way.
    pub(super) async fn end(self) {
        let Some(courier) = self.courier else { return };
        if let Some((left, problem)) = courier.end().await {
            let left = match left {
                1 => "1 event was not delivered".to_owned(),
                left => format!("{left} events were not delivered"),
            };
            let later = "the next run that waits tries again";
            note(self.session, &format!("{left}: {problem}; {later}"));
        }
    }
}

/// Tells of what a run left unresolved.
pub(super) async fn unresolved(session: &Session, outcome: &ApplyOutcome) {
    let jobs = outcome.jobs.iter();
    let left = jobs.filter_map(|job| match &job.result {
        JobResult::Attempted {
            submission,
            outcome: Outcome::Unresolved { .. },
            ..
        } => Some((submission.clone(), job.key.to_string())),
        _ => None,
    });
    let Some(event) = Event::run_unresolved(&session.target.name, left.collect()) else {
        return;
    };
    let notifier = Notifier::begin(session);
    notifier
        .courier
        .iter()
        .for_each(|courier| courier.note(&event));
    notifier.recorded();
    notifier.end().await;
}

fn outbox(session: &Session) -> Outbox {
    let folder = session.workspace.root().join(DATA_FOLDER).join(OUTBOX);
    Outbox::new(folder.join(&session.target.name))
}

fn webhook(session: &Session, form: NotifyForm) -> Result<Webhook, String> {
    let settings = &session.settings;
    let Some(address) = &settings.notify_url else {
        return Err("STOCKTAKE_NOTIFY_URL is not set".to_owned());
    };
    let proxy = connection::proxy(settings).map_err(|_| "HTTPS_PROXY is not a URL")?;
    let client = ClientSettings {
        call_timeout: CALL_TIMEOUT,
        connect_timeout: CALL_TIMEOUT,
        proxy: proxy.filter(|_| Webhook::is_encrypted(address)),
        no_proxy: settings.no_proxy.clone(),
        ..ClientSettings::default()
    };
    Webhook::new(form, address, settings.notify_secret.clone(), &client)
        .map_err(|error| format!("STOCKTAKE_NOTIFY_URL: {error}"))
}

/// A closed terminal is no reason to stop.
fn note(session: &Session, words: &str) {
    let _ = session.ui.note(words);
}
