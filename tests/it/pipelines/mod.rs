//! What `init --ci` writes is really run: every shell step with bash, in a repository with an origin,
//! against a service.

mod github;
mod gitlab;
mod repository;
mod request;
mod runner;
