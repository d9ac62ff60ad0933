//! Attacks on the service that once led through, as they were made.

mod holds;
mod jobs;
mod links;
