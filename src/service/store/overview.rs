//! What a page about everything shows, in questions whose cost does not grow with the runs.

use rusqlite::{Connection, named_params};

use super::execution_list::StoredExecution;
use super::jobs::COLUMNS;
use super::{Store, StoreError, StoredJob};
use crate::api::wire::JobState;
use crate::service::store::execution_list::COLUMNS as RUN_COLUMNS;

/// The runs that are counted for all jobs together.
const COUNTED_RUNS: i64 = 1_000_000;

/// The workflows of some jobs, a state, and how many there are of that.
pub(in crate::service) type StateCount = (String, JobState, i64);

/// How much of everything is wanted.
#[derive(Debug, Clone, Copy)]
pub(in crate::service) struct OverviewLimits {
    /// Jobs.
    pub(in crate::service) jobs: usize,
    /// Failed jobs, whose runs are told.
    pub(in crate::service) failed_jobs: usize,
    /// Failed runs of each of these.
    pub(in crate::service) failed_runs: usize,
}

/// Everything at one moment.
#[derive(Debug, Clone, Default)]
pub(in crate::service) struct Overview {
    /// How many jobs of the same workflows have the same state.
    pub(in crate::service) totals: Vec<StateCount>,
    /// How many runs of jobs of the same workflows have the same state.
    pub(in crate::service) runs: Vec<StateCount>,
    /// Whether there are more runs than were counted.
    pub(in crate::service) more_runs: bool,
    /// The latest failed jobs, the latest unfinished ones, then the latest others.
    pub(in crate::service) jobs: Vec<OverviewJob>,
}

/// One of the jobs.
#[derive(Debug, Clone)]
pub(in crate::service) struct OverviewJob {
    pub(in crate::service) job: StoredJob,
    /// How many of its runs have each state; absent when others used up what may be counted.
    pub(in crate::service) runs: Option<Vec<(JobState, i64)>>,
    /// The first failed runs.
    pub(in crate::service) failed: Vec<StoredExecution>,
}

impl Store {
    /// Everything, as it is at one moment.
    pub(in crate::service) async fn overview(
        &self,
        limits: OverviewLimits,
    ) -> Result<Overview, StoreError> {
        self.read(move |connection| {
            let moment = connection.unchecked_transaction()?;
            let overview = read(&moment, limits);
            moment.finish()?;
            overview
        })
        .await
    }
}

fn read(connection: &Connection, limits: OverviewLimits) -> rusqlite::Result<Overview> {
    let (runs, more_runs) = count_runs(connection)?;
    let failed = latest(connection, "state = 'Failed'", limits.failed_jobs)?;
    let unfinished = latest(
        connection,
        "state IN ('Submitted', 'Running')",
        limits.jobs.saturating_sub(limits.failed_jobs),
    )?;
    let others = latest(
        connection,
        "state NOT IN ('Submitted', 'Running')",
        limits.jobs,
    )?;
    let most_failed = failed.len();
    let mut jobs: Vec<OverviewJob> = Vec::new();
    let mut countable = COUNTED_RUNS;
    for job in failed.into_iter().chain(unfinished).chain(others) {
        // What failed lately is also among the latest of all.
        let is_new = jobs.iter().all(|known| known.job.sequence != job.sequence);
        if is_new && jobs.len() < limits.jobs {
            let is_told = jobs.len() < most_failed;
            let wanted = if is_told { limits.failed_runs } else { 0 };
            jobs.push(OverviewJob {
                runs: count_runs_of(connection, job.sequence, &mut countable)?,
                failed: failed_runs(connection, job.sequence, wanted)?,
                job,
            });
        }
    }
    Ok(Overview {
        totals: count_jobs(connection)?,
        runs,
        more_runs,
        jobs,
    })
}

fn count_jobs(connection: &Connection) -> rusqlite::Result<Vec<StateCount>> {
    let query = "SELECT workflows, state, count(*) FROM jobs WHERE listed GROUP BY 1, 2";
    let mut select = connection.prepare_cached(query)?;
    let rows = select.query_map([], |row| {
        Ok((
            row.get(0)?,
            JobState::from(row.get::<_, String>(1)?),
            row.get(2)?,
        ))
    })?;
    rows.collect()
}

fn count_runs(connection: &Connection) -> rusqlite::Result<(Vec<StateCount>, bool)> {
    let query = "SELECT jobs.workflows, runs.state, count(*)
        FROM (SELECT job, state FROM executions ORDER BY sequence DESC LIMIT :limit) AS runs
        JOIN jobs ON jobs.sequence = runs.job WHERE jobs.listed GROUP BY 1, 2";
    let mut select = connection.prepare_cached(query)?;
    let rows = select.query_map(named_params! { ":limit": COUNTED_RUNS }, |row| {
        Ok((
            row.get(0)?,
            JobState::from(row.get::<_, String>(1)?),
            row.get(2)?,
        ))
    })?;
    let runs = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    let last = "SELECT coalesce(max(sequence), 0) FROM executions";
    let last: i64 = connection.query_row(last, [], |row| row.get(0))?;
    Ok((runs, last > COUNTED_RUNS))
}

/// The latest jobs of which `condition` is true.
fn latest(
    connection: &Connection,
    condition: &str,
    limit: usize,
) -> rusqlite::Result<Vec<StoredJob>> {
    let query = format!(
        "SELECT {COLUMNS} FROM jobs WHERE {condition} AND listed ORDER BY sequence DESC LIMIT :limit"
    );
    let mut select = connection.prepare_cached(&query)?;
    let rows = select.query_map(named_params! { ":limit": rows(limit) }, StoredJob::from_row)?;
    rows.collect()
}

/// Takes what it counts from `countable`.
fn count_runs_of(
    connection: &Connection,
    job: i64,
    countable: &mut i64,
) -> rusqlite::Result<Option<Vec<(JobState, i64)>>> {
    let query = "SELECT state, count(*) FROM
        (SELECT state FROM executions WHERE job = :job LIMIT :limit) GROUP BY 1";
    let mut select = connection.prepare_cached(query)?;
    let values = named_params! { ":job": job, ":limit": *countable };
    let rows = select.query_map(values, |row| {
        Ok((JobState::from(row.get::<_, String>(0)?), row.get(1)?))
    })?;
    let counts = rows.collect::<rusqlite::Result<Vec<(JobState, i64)>>>()?;
    let counted: i64 = counts.iter().map(|(_, number)| number).sum();
    *countable -= counted;
    Ok((*countable > 0).then_some(counts))
}

fn failed_runs(
    connection: &Connection,
    job: i64,
    limit: usize,
) -> rusqlite::Result<Vec<StoredExecution>> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let query = format!(
        "SELECT {RUN_COLUMNS} FROM executions WHERE job = :job AND state = 'Failed'
         ORDER BY sequence LIMIT :limit"
    );
    let mut select = connection.prepare_cached(&query)?;
    let values = named_params! { ":job": job, ":limit": rows(limit) };
    select
        .query_map(values, StoredExecution::from_row)?
        .collect()
}

/// A number of rows as SQLite counts them.
fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
