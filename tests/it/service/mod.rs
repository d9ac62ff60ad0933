//! The embedded service, through its socket, with requests signed here.

mod answers;
mod conformance;
mod definitions;
mod faults;
mod hostile;
mod inputs;
mod jobs;
mod lifecycle;
mod limits;
mod lists;
mod objects;
mod page;
mod reading;
mod routes;
mod signature;
mod storage;
mod workflow_command;
mod workflows;
mod world;
