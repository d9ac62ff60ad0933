//! What is known of objects beside their files: kept headers and checksums. A record belongs to a file by
//! its inode, size and modification time; it is void when the file changes.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, named_params};

use super::jobs::unreadable;
use super::{Store, StoreError};
use crate::api::name::BucketName;

pub(super) const TABLE: &str = "
CREATE TABLE IF NOT EXISTS objects (
    bucket     TEXT NOT NULL,
    key        TEXT NOT NULL,
    inode      INTEGER NOT NULL,
    size       INTEGER NOT NULL,
    modified   INTEGER NOT NULL,
    headers    TEXT NOT NULL,
    crc64      INTEGER NOT NULL,
    appendable INTEGER NOT NULL,
    PRIMARY KEY (bucket, key, inode, size, modified)
) STRICT, WITHOUT ROWID;
";

/// What tells one content of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::service) struct Stamp {
    pub(in crate::service) inode: i64,
    pub(in crate::service) size: i64,
    /// In nanoseconds.
    pub(in crate::service) modified: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::service) struct ObjectRecord {
    pub(in crate::service) headers: BTreeMap<String, String>,
    pub(in crate::service) crc64: u64,
    pub(in crate::service) is_appendable: bool,
}

impl Store {
    pub(in crate::service) async fn object_record(
        &self,
        bucket: BucketName,
        key: String,
        stamp: Stamp,
    ) -> Result<Option<ObjectRecord>, StoreError> {
        self.read(move |connection| {
            let mut select = connection.prepare_cached(
                "SELECT headers, crc64, appendable FROM objects
                 WHERE bucket = :bucket AND key = :key
                 AND inode = :inode AND size = :size AND modified = :modified",
            )?;
            let values = named_params! {
                ":bucket": bucket.as_str(),
                ":key": key,
                ":inode": stamp.inode,
                ":size": stamp.size,
                ":modified": stamp.modified,
            };
            let record = select.query_row(values, |row| {
                let headers = serde_json::from_str(&row.get::<_, String>(0)?);
                Ok(ObjectRecord {
                    headers: headers.map_err(|error| unreadable(error.into()))?,
                    crc64: row.get::<_, i64>(1)?.cast_unsigned(),
                    is_appendable: row.get(2)?,
                })
            });
            record.optional()
        })
        .await
    }

    pub(in crate::service) async fn put_object_record(
        &self,
        bucket: BucketName,
        key: String,
        stamp: Stamp,
        record: ObjectRecord,
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            let headers = serde_json::to_string(&record.headers)
                .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
            let mut insert = connection.prepare_cached(
                "INSERT OR REPLACE INTO objects
                 (bucket, key, inode, size, modified, headers, crc64, appendable)
                 VALUES (:bucket, :key, :inode, :size, :modified, :headers, :crc64, :appendable)",
            )?;
            insert.execute(named_params! {
                ":bucket": bucket.as_str(),
                ":key": key,
                ":inode": stamp.inode,
                ":size": stamp.size,
                ":modified": stamp.modified,
                ":headers": headers,
                ":crc64": record.crc64.cast_signed(),
                ":appendable": record.is_appendable,
            })?;
            Ok(())
        })
        .await
    }

    /// Forgets the records of a key but the one with the stamp `kept`.
    pub(in crate::service) async fn forget_object_records(
        &self,
        bucket: BucketName,
        key: String,
        kept: Option<Stamp>,
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            let mut delete = connection.prepare_cached(
                "DELETE FROM objects WHERE bucket = :bucket AND key = :key
                 AND (inode, size, modified) IS NOT (:inode, :size, :modified)",
            )?;
            delete.execute(named_params! {
                ":bucket": bucket.as_str(),
                ":key": key,
                ":inode": kept.map(|stamp| stamp.inode),
                ":size": kept.map(|stamp| stamp.size),
                ":modified": kept.map(|stamp| stamp.modified),
            })?;
            Ok(())
        })
        .await
    }
}
