//! The least policy of Tencent Cloud's access management (CAM) that a target needs.

use serde_json::{Value, json};

use crate::api::name::{BucketName, Region};

/// What asks and records alone.
const READING: [&str; 4] = [
    "ci:Describe*",
    "cos:GetBucket",
    "cos:HeadObject",
    "cos:GetObject",
];

/// What submits and cancels on top of it.
const SUBMITTING: [&str; 3] = [
    "ci:CreateInventoryTriggerJob",
    "ci:TriggerMediaWorkflow",
    "ci:CancelInventoryTriggerJob",
];

/// The policy for a bucket, as the console takes it.
pub(crate) fn least(bucket: &BucketName, region: &Region) -> Value {
    let actions = |service: &str| -> Vec<&str> {
        let all = READING.iter().chain(&SUBMITTING);
        all.filter(|action| action.starts_with(service))
            .copied()
            .collect()
    };
    let app_id = bucket.as_str().rsplit('-').next().unwrap_or_default();
    let resource = |service: &str| {
        format!(
            "qcs::{service}:{region}:uid/{app_id}:{}",
            match service {
                "ci" => format!("bucket/{bucket}/*"),
                _ => format!("{bucket}/*"),
            }
        )
    };
    let statement = |service: &str| {
        json!({
            "effect": "allow",
            "action": actions(service),
            "resource": [resource(service)],
        })
    };
    json!({
        "version": "2.0",
        "statement": [
            statement("ci"),
            statement("cos"),
            // Cloud Infinite works in the name of its own role.
            {
                "effect": "allow",
                "action": ["cam:PassRole"],
                "resource": ["qcs::cam::uin/*:roleName/CI_QCSRole"],
            },
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::least;
    use crate::api::name::{BucketName, Region};

    #[test]
    fn it_names_the_bucket_alone() {
        let bucket = BucketName::new("media-1250000000").unwrap();
        let policy = least(&bucket, &Region::new("ap-beijing").unwrap());
        let resources: Vec<&str> = policy["statement"]
            .as_array()
            .unwrap()
            .iter()
            .map(|statement| statement["resource"][0].as_str().unwrap())
            .collect();
        assert_eq!(
            resources,
            [
                "qcs::ci:ap-beijing:uid/1250000000:bucket/media-1250000000/*",
                "qcs::cos:ap-beijing:uid/1250000000:media-1250000000/*",
                "qcs::cam::uin/*:roleName/CI_QCSRole",
            ]
        );
        let actions = policy["statement"][0]["action"].as_array().unwrap();
        assert!(actions.iter().all(|action| action != "ci:*"));
    }
}
