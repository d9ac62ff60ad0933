//! Tools of others that some tests need. Those tests are ignored unless asked for; `.ci/run` installs
//! the tools and asks for them.

use std::ffi::OsString;
use std::path::PathBuf;

/// The Python interpreter with the packages of `.ci/requirements.txt`.
pub fn python() -> OsString {
    variable("STOCKTAKE_CONFORMANCE_PYTHON")
}

/// The folder of Node modules with `cos-nodejs-sdk-v5`.
pub fn node_modules() -> OsString {
    variable("STOCKTAKE_CONFORMANCE_NODE")
}

/// The folder with the schemas that `.ci/public-schemas` fetches.
pub fn public_schemas() -> PathBuf {
    variable("STOCKTAKE_PUBLIC_SCHEMAS").into()
}

/// Chromium.
pub fn browser() -> OsString {
    variable("STOCKTAKE_BROWSER")
}

#[expect(
    clippy::disallowed_methods,
    reason = "a switch of the tests, not of the program"
)]
fn variable(name: &str) -> OsString {
    std::env::var_os(name).unwrap_or_else(|| panic!("{name} is not set: see .ci/run"))
}
