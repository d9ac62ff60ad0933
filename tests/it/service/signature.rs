//! Who may call.

use jiff::Timestamp;
use reqwest::header::HOST;
use stocktake::api::credentials::Credentials;
use stocktake::api::signature::{KeyTime, SignedRequest};

use super::world::{CI_HOST, World, code};

#[tokio::test]
async fn a_request_must_be_signed_with_the_key_pair() {
    let world = World::new();
    let service = world.start().await;
    let url = format!("http://{}/inventorytriggerjob/b1", service.address());
    let unsigned = world
        .client
        .get(&url)
        .header(HOST, CI_HOST)
        .send()
        .await
        .unwrap();
    assert_eq!(
        code(unsigned).await,
        (401, "MissingAuthorization".to_owned())
    );
    let get = |credentials: Credentials, start: i64| {
        let now = Timestamp::now().as_second();
        let window = KeyTime {
            start: now + start,
            end: now + start + 60,
        };
        let signed = SignedRequest {
            method: "GET",
            path: "/inventorytriggerjob/b1",
            parameters: &[],
            headers: &[("host", CI_HOST)],
        };
        let authorization = signed.authorization(&credentials, window);
        let request = world.client.get(&url).header(HOST, CI_HOST);
        request.header("authorization", authorization).send()
    };
    let cases = [
        (
            "stocktake-local",
            "stocktake-local",
            100,
            (401, "SignatureExpired"),
        ),
        (
            "stocktake-local",
            "stocktake-local",
            -100,
            (401, "SignatureExpired"),
        ),
        ("somebody", "stocktake-local", 0, (401, "SecretidNotExist")),
        ("stocktake-local", "guessed", 0, (403, "AccessDenied")),
    ];
    for (id, key, start, expected) in cases {
        let answer = get(Credentials::permanent(id, key), start).await.unwrap();
        assert_eq!(
            code(answer).await,
            (expected.0, expected.1.to_owned()),
            "{id} {key} {start}"
        );
    }
    let right = get(world.credentials.clone(), 0).await.unwrap();
    assert_eq!(right.status(), 200);
    service.shutdown().await;
}
