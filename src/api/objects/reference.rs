//! Objects named by their key or by their URL.

use percent_encoding::percent_decode_str;

use super::check_key_length;
use crate::api::host::{Host, Side};
use crate::api::name::BucketName;

/// The key of an object of `bucket` that is named by its key or by its URL; the error completes
/// the sentence "this …".
pub fn resolve(bucket: &BucketName, text: &str) -> Result<String, String> {
    if text.contains("://") {
        return resolve_url(bucket, text);
    }
    let key = text.trim_start_matches('/');
    check_key_length(key)?;
    Ok(key.to_owned())
}

/// The key of an object of `bucket` that is named by its URL. Errors never quote the text: lists are
/// objects of the bucket, and a plan is shown to people who may not read these. A query, as signed URLs have one, says
/// nothing of the object.
pub(super) fn resolve_url(bucket: &BucketName, text: &str) -> Result<String, String> {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let rest = rest.ok_or("is no URL of an object")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let found = Host::parse(host).filter(|host| host.side == Side::Cos);
    let found = found.ok_or("is on a host that is no bucket's")?;
    if found.bucket != *bucket {
        return Err("is an object of another bucket".to_owned());
    }
    let key = percent_decode_str(path).decode_utf8();
    let key = key.map_err(|_| "is not UTF-8 once it is decoded")?;
    check_key_length(&key)?;
    if key.is_empty() {
        return Err("names a bucket and no object".to_owned());
    }
    Ok(key.into_owned())
}

#[cfg(test)]
mod tests {
    use super::resolve;
    use crate::api::name::BucketName;

    #[test]
    fn keys_and_urls_name_objects() {
        let bucket = BucketName::new("media-125").unwrap();
        let host = "media-125.cos.ap-beijing.myqcloud.com";
        for (text, key) in [
            ("a/b%20c".to_owned(), "a/b%20c"),
            ("/a/b".to_owned(), "a/b"),
            (
                format!("https://{host}/a/b%20c%2B%E8%A7%86?sign=x/y"),
                "a/b c+视",
            ),
            (format!("http://{host}:80/a+b#c"), "a+b"),
        ] {
            assert_eq!(resolve(&bucket, &text).as_deref(), Ok(key), "{text}");
        }
        for (text, key) in [("a".repeat(850), true), ("a".repeat(851), false)] {
            assert_eq!(resolve(&bucket, &text).is_ok(), key);
            let url = format!("https://{host}/{text}");
            assert_eq!(resolve(&bucket, &url).is_ok(), key);
        }
        for (text, problem) in [
            (
                "https://other-125.cos.ap-beijing.myqcloud.com/a",
                "another bucket",
            ),
            ("https://example.com/a", "no bucket's"),
            (
                "https://media-125.ci.ap-beijing.myqcloud.com/a",
                "no bucket's",
            ),
            (
                "ftp://media-125.cos.ap-beijing.myqcloud.com/a",
                "no URL of an object",
            ),
            (
                "https://media-125.cos.ap-beijing.myqcloud.com/",
                "no object",
            ),
            (
                "https://media-125.cos.ap-beijing.myqcloud.com/%ff",
                "not UTF-8",
            ),
        ] {
            let error = resolve(&bucket, text).unwrap_err();
            assert!(error.contains(problem), "{text}: {error}");
        }
    }
}
