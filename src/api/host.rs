//! The hosts of a bucket: one for batch jobs and workflows, one for its objects.

use std::fmt;

use super::name::{BucketName, Region};

/// Which of a bucket's two hosts is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// `<bucket>.ci.<region>.…`: batch jobs and workflows.
    Ci,
    /// `<bucket>.cos.<region>.…`: the objects.
    Cos,
}

/// A bucket's host, `<bucket>.ci.<region>.<domain>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// The bucket.
    pub bucket: BucketName,
    /// Which host of it.
    pub side: Side,
    /// The bucket's region.
    pub region: Region,
}

impl Host {
    /// Reads the host that a request or a URL names; a port does not matter.
    pub fn parse(text: &str) -> Option<Self> {
        let (bucket, rest) = text.split_once('.')?;
        let (side, rest) = rest.split_once('.')?;
        let (region, rest) = rest.split_once('.')?;
        let domain = rest.rsplit_once(':').map_or(rest, |(domain, _)| domain);
        let bucket = BucketName::new(bucket).ok()?;
        let side = match side {
            "ci" => Side::Ci,
            "cos" => Side::Cos,
            _ => return None,
        };
        let region = Region::new(region).ok()?;
        matches!(domain, "myqcloud.com" | "tencentcos.cn").then_some(Self {
            bucket,
            side,
            region,
        })
    }
}

/// The name under which Tencent's own tools reach it.
impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match self.side {
            Side::Ci => "ci",
            Side::Cos => "cos",
        };
        write!(
            formatter,
            "{}.{side}.{}.myqcloud.com",
            self.bucket, self.region
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{Host, Side};

    #[test]
    fn a_host_names_bucket_side_and_region() {
        let host = Host::parse("media-1250000000.ci.ap-beijing.myqcloud.com:8787").unwrap();
        assert_eq!(host.bucket.as_str(), "media-1250000000");
        assert_eq!((host.side, host.region.as_str()), (Side::Ci, "ap-beijing"));
        assert_eq!(
            host.to_string(),
            "media-1250000000.ci.ap-beijing.myqcloud.com"
        );
        for bad in [
            "",
            "127.0.0.1:8787",
            "media-1250000000.ci.ap-beijing.example.com",
            "media.ci.ap-beijing.myqcloud.com",
            "media-1250000000.pic.ap-beijing.myqcloud.com",
            "media-1250000000.ci.myqcloud.com",
        ] {
            assert_eq!(Host::parse(bad), None, "{bad}");
        }
    }
}
