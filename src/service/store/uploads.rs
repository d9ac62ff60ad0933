//! Multipart uploads that are open, and their parts.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::jobs::{timestamp, unreadable};
use super::writer::in_savepoint;
use super::{Store, StoreError};
use crate::api::name::BucketName;

pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS uploads (
    id        TEXT PRIMARY KEY,
    bucket    TEXT NOT NULL,
    key       TEXT NOT NULL,
    headers   TEXT NOT NULL,
    initiated INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS parts (
    upload   TEXT NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
    number   INTEGER NOT NULL,
    file     TEXT NOT NULL,
    size     INTEGER NOT NULL,
    md5      TEXT NOT NULL,
    modified INTEGER NOT NULL,
    PRIMARY KEY (upload, number)
) STRICT, WITHOUT ROWID;
";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::service) struct Upload {
    pub(in crate::service) id: String,
    pub(in crate::service) bucket: BucketName,
    pub(in crate::service) key: String,
    /// Headers that the object gets.
    pub(in crate::service) headers: BTreeMap<String, String>,
    pub(in crate::service) initiated: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::service) struct Part {
    pub(in crate::service) number: u32,
    /// Its name in the upload's folder.
    pub(in crate::service) file: String,
    pub(in crate::service) size: u64,
    /// In lower-case hexadecimal digits.
    pub(in crate::service) md5: String,
    pub(in crate::service) modified: Timestamp,
}

const COLUMNS: &str = "id, bucket, key, headers, initiated";

impl Upload {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let bucket = BucketName::new(&row.get::<_, String>(1)?);
        let headers = serde_json::from_str(&row.get::<_, String>(3)?);
        Ok(Self {
            id: row.get(0)?,
            bucket: bucket.map_err(|error| unreadable(error.into()))?,
            key: row.get(2)?,
            headers: headers.map_err(|error| unreadable(error.into()))?,
            initiated: timestamp(row.get(4)?)?,
        })
    }
}

impl Store {
    pub(in crate::service) async fn add_upload(&self, upload: Upload) -> Result<(), StoreError> {
        self.write(move |connection| {
            let headers = serde_json::to_string(&upload.headers)
                .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
            let mut insert = connection.prepare_cached(
                "INSERT INTO uploads (id, bucket, key, headers, initiated)
                 VALUES (:id, :bucket, :key, :headers, :initiated)",
            )?;
            insert.execute(named_params! {
                ":id": upload.id,
                ":bucket": upload.bucket.as_str(),
                ":key": upload.key,
                ":headers": headers,
                ":initiated": upload.initiated.as_second(),
            })?;
            Ok(())
        })
        .await
    }

    pub(in crate::service) async fn upload(
        &self,
        id: String,
    ) -> Result<Option<Upload>, StoreError> {
        self.read(move |connection| {
            let query = format!("SELECT {COLUMNS} FROM uploads WHERE id = :id");
            let mut select = connection.prepare_cached(&query)?;
            let found = select.query_row(named_params! { ":id": id }, Upload::from_row);
            found.optional()
        })
        .await
    }

    /// The open uploads of a bucket, in the order of their keys and ids.
    pub(in crate::service) async fn uploads(
        &self,
        bucket: BucketName,
    ) -> Result<Vec<Upload>, StoreError> {
        self.read(move |connection| {
            let query =
                format!("SELECT {COLUMNS} FROM uploads WHERE bucket = :bucket ORDER BY key, id");
            let mut select = connection.prepare_cached(&query)?;
            let values = named_params! { ":bucket": bucket.as_str() };
            select.query_map(values, Upload::from_row)?.collect()
        })
        .await
    }

    /// Ids of uploads that were initiated before that moment, which are removed, and of all others.
    pub(in crate::service) async fn remove_old_uploads(
        &self,
        before: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        self.write(move |connection| {
            in_savepoint(connection, |connection| {
                let values = named_params! { ":before": before.as_second() };
                connection.execute("DELETE FROM uploads WHERE initiated < :before", values)?;
                let mut select = connection.prepare("SELECT id FROM uploads")?;
                select.query_map([], |row| row.get(0))?.collect()
            })
        })
        .await
    }

    /// Adds a part; `None` if the upload is no longer open. The files of the part that it replaces are
    /// returned.
    pub(in crate::service) async fn put_part(
        &self,
        upload: String,
        part: Part,
    ) -> Result<Option<Vec<String>>, StoreError> {
        self.write(move |connection| {
            in_savepoint(connection, |connection| {
                put_part(connection, &upload, &part)
            })
        })
        .await
    }

    /// The parts of an upload in the order of their numbers.
    pub(in crate::service) async fn parts(&self, upload: String) -> Result<Vec<Part>, StoreError> {
        self.read(move |connection| {
            let mut select = connection.prepare_cached(
                "SELECT number, file, size, md5, modified FROM parts WHERE upload = :upload
                 ORDER BY number",
            )?;
            let rows = select.query_map(named_params! { ":upload": upload }, |row| {
                Ok(Part {
                    number: row.get(0)?,
                    file: row.get(1)?,
                    size: row.get::<_, i64>(2)?.cast_unsigned(),
                    md5: row.get(3)?,
                    modified: timestamp(row.get(4)?)?,
                })
            })?;
            rows.collect()
        })
        .await
    }

    /// Forgets an upload and its parts.
    pub(in crate::service) async fn remove_upload(&self, id: String) -> Result<(), StoreError> {
        self.write(move |connection| {
            let mut delete = connection.prepare_cached("DELETE FROM uploads WHERE id = :id")?;
            delete.execute(named_params! { ":id": id })?;
            Ok(())
        })
        .await
    }
}

fn put_part(
    connection: &Connection,
    upload: &str,
    part: &Part,
) -> rusqlite::Result<Option<Vec<String>>> {
    let known = "SELECT 1 FROM uploads WHERE id = :id";
    let mut known = connection.prepare_cached(known)?;
    if !known.exists(named_params! { ":id": upload })? {
        return Ok(None);
    }
    let replaced = "SELECT file FROM parts WHERE upload = :upload AND number = :number";
    let mut replaced = connection.prepare_cached(replaced)?;
    let values = named_params! { ":upload": upload, ":number": part.number };
    let replaced = replaced.query_map(values, |row| row.get(0))?;
    let replaced = replaced.collect::<rusqlite::Result<Vec<String>>>()?;
    let mut insert = connection.prepare_cached(
        "INSERT OR REPLACE INTO parts (upload, number, file, size, md5, modified)
         VALUES (:upload, :number, :file, :size, :md5, :modified)",
    )?;
    insert.execute(named_params! {
        ":upload": upload,
        ":number": part.number,
        ":file": part.file,
        ":size": part.size.cast_signed(),
        ":md5": part.md5,
        ":modified": part.modified.as_second(),
    })?;
    Ok(Some(replaced))
}
