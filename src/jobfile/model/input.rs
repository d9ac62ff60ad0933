//! `input`: which objects to read.

use schemars::JsonSchema;

use crate::document::Field;

/// Which objects to read: exactly one of the fields.
#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "input", extend("minProperties" = 1, "maxProperties" = 1))]
pub struct InputSpec {
    /// Every object whose key begins with this.
    #[schemars(extend("minLength" = 1, "examples" = ["input/", "archive/${ matrix.folder }/"]))]
    pub prefix: Option<Field<String>>,
    /// One object, by its key.
    #[schemars(extend("minLength" = 1, "examples" = ["videos/intro.mp4"]))]
    pub object: Option<Field<String>>,
    /// The objects of a COS inventory: the key of its `manifest.json`. What the list holds is not
    /// part of the job: a new list under an old key needs `rerun`.
    #[schemars(extend(
        "minLength" = 1,
        "examples" = ["inventory/1250000000/examplebucket/daily/20220601/manifest.json"]
    ))]
    pub manifest: Option<Field<String>>,
    /// The objects named in a text file in the bucket, one address a line. What the list holds is
    /// not part of the job: a new list under an old key needs `rerun`.
    #[schemars(extend("minLength" = 1, "examples" = ["lists/urls.txt"]))]
    pub url_file: Option<Field<String>>,
}
