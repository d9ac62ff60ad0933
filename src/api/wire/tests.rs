//! Bodies as the API's documents print them, and what must come out of them.

use super::{
    JobState, RequestError, ServiceError, decode_describe_answer, decode_error, decode_list_answer,
    decode_request, decode_trigger_answer, encode_describe_answer, encode_error,
    encode_list_answer, encode_request, encode_trigger_answer,
};
use crate::api::request::{Input, TimeInterval};
use crate::api::time;

/// The reference's own vector: a body that was signed, byte for byte.
const SIGNED_BODY: &str = "<Request><Name>batch_demo-1</Name><Type>Workflow</Type><Input><Prefix>video/in/</Prefix></Input><Operation><WorkflowIds>w0f1e2d3c4b5a49687786a5b4c3d2e1f0</WorkflowIds><TimeInterval><Start>2022-05-01T00:00:00+0800</Start><End>2022-06-01T00:00:00+0800</End></TimeInterval></Operation></Request>";

#[test]
fn a_request_is_written_as_it_was_read() {
    let request = decode_request(SIGNED_BODY.as_bytes()).unwrap();
    assert_eq!(request.name.as_str(), "batch_demo-1");
    assert_eq!(request.input, Input::Prefix("video/in/".to_owned()));
    assert_eq!(encode_request(&request).unwrap(), SIGNED_BODY);
}

#[test]
fn order_unknown_elements_and_an_absent_type_do_not_matter() {
    let body = "<Request><Operation><New/><TimeInterval></TimeInterval><WorkflowIds>w2, w1</WorkflowIds></Operation>\
                <Later>x</Later><Input><Object>a&amp;b .mp4 </Object><Prefix/></Input><Name>批量</Name></Request>";
    let request = decode_request(body.as_bytes()).unwrap();
    assert_eq!(request.input, Input::Object("a&b .mp4 ".to_owned()));
    assert_eq!(request.operation.workflow_ids.joined(), "w1,w2");
    assert_eq!(request.operation.time_interval, TimeInterval::default());
}

#[test]
fn a_bad_request_names_the_element() {
    let cases = [
        (
            "<Prefix>video/in/</Prefix>",
            "<Prefix>a</Prefix><Object>b</Object>",
            "Request.Input",
        ),
        (
            "<Prefix>video/in/</Prefix>",
            "<Object></Object>",
            "Request.Input",
        ),
        ("batch_demo-1", "a b", "Request.Name"),
        ("<Type>Workflow</Type>", "<Type>Job</Type>", "Request.Type"),
        (
            "<Type>Workflow</Type>",
            "<Type>workflow</Type>",
            "Request.Type",
        ),
        (
            "w0f1e2d3c4b5a49687786a5b4c3d2e1f0",
            "",
            "Request.Operation.WorkflowIds",
        ),
        (
            "<Start>2022-05-01",
            "<Start>2022-25-01",
            "Request.Operation.TimeInterval.Start",
        ),
        (
            "<Start>2022-05-01",
            "<Start>2023-05-01",
            "Request.Operation.TimeInterval",
        ),
    ];
    for (from, to, expected) in cases {
        let body = SIGNED_BODY.replace(from, to);
        assert_ne!(body, SIGNED_BODY, "{from}");
        match decode_request(body.as_bytes()) {
            Err(RequestError::Argument { element, .. }) => assert_eq!(element, expected, "{body}"),
            other => panic!("{to}: {other:?}"),
        }
    }
}

/// The documents' own example closes `Type` with `Name`.
#[test]
fn the_misprinted_sample_is_malformed() {
    let body = SIGNED_BODY.replace("Workflow</Type>", "Workflow</Name>");
    assert!(matches!(
        decode_request(body.as_bytes()),
        Err(RequestError::Body(_))
    ));
}

const OLD_ANSWER: &str = "<Response><JobsDetail><Code>Success</Code><Message>Success</Message><JobId>b1</JobId>\
    <State>Submitted</State><CreationTime>2022-06-27T15:23:10+0800</CreationTime><StartTime></StartTime><EndTime/>\
    <Input><Manifest/><UrlFile/><Prefix>input</Prefix><Object/></Input>\
    <Operation><WorkflowIds>w1</WorkflowIds><TimeInterval><Start>0</Start><End>60</End></TimeInterval></Operation>\
    </JobsDetail></Response>";

#[test]
fn an_old_answer_without_request_id_name_and_times_is_understood() {
    let (job, request_id) = decode_trigger_answer(OLD_ANSWER.as_bytes()).unwrap();
    assert_eq!(request_id, None);
    assert_eq!(job.state, JobState::Submitted);
    assert_eq!((job.started, job.ended), (None, None));
    assert_eq!(job.input, Some(Input::Prefix("input".to_owned())));
    assert_eq!(job.operation, None, "an End of 60 is no moment");
}

#[test]
fn answers_read_back() {
    let (mut job, _) = decode_trigger_answer(OLD_ANSWER.as_bytes()).unwrap();
    job.kind = "Workflow".to_owned();
    job.state = JobState::Other("Thinking".to_owned());
    job.started = Some(time::parse("2022-06-27T15:23:11+0800").unwrap());
    let trigger = encode_trigger_answer("r1", &job).unwrap();
    assert!(
        trigger.contains("<StartTime>2022-06-27T15:23:11+0800</StartTime><EndTime>-</EndTime>"),
        "{trigger}"
    );
    assert_eq!(
        decode_trigger_answer(trigger.as_bytes()).unwrap(),
        (job.clone(), Some("r1".to_owned()))
    );
    let describe = decode_describe_answer(
        encode_describe_answer("r1", "b1", Some(&job))
            .unwrap()
            .as_bytes(),
    )
    .unwrap();
    assert_eq!(describe.job.as_ref(), Some(&job));
    let unknown = encode_describe_answer("r1", "b9", None).unwrap();
    assert!(
        unknown.contains("<NonExistJobIds>b9</NonExistJobIds>"),
        "{unknown}"
    );
    assert_eq!(
        decode_describe_answer(unknown.as_bytes()).unwrap().job,
        None
    );
    let page = encode_list_answer("r1", &[job.clone(), job.clone()], Some("25")).unwrap();
    let page = decode_list_answer(page.as_bytes()).unwrap();
    assert_eq!(
        (page.jobs.len(), page.next_token.as_deref()),
        (2, Some("25"))
    );
    let last = decode_list_answer(
        encode_list_answer("r1", &[], Some("25"))
            .unwrap()
            .as_bytes(),
    )
    .unwrap();
    assert_eq!(last.next_token, None, "a page without jobs is the last one");
}

#[test]
fn an_answer_that_is_not_one_is_refused() {
    for bad in [
        "<html><body>busy</body></html>",
        "",
        "<Response/>",
        "<Response><JobsDetail/></Response>",
    ] {
        assert!(decode_trigger_answer(bad.as_bytes()).is_err(), "{bad:?}");
    }
    let half = &OLD_ANSWER[..OLD_ANSWER.len() / 2];
    assert!(decode_trigger_answer(half.as_bytes()).is_err());
}

#[test]
fn errors_read_back() {
    let error = ServiceError {
        status: 400,
        code: "InvalidArgument".to_owned(),
        message: "Request.Name: contains ' '; 1 < 2".to_owned(),
        request_id: Some("NjJi".to_owned()),
    };
    let body = encode_error(&error, "/inventorytriggerjob").unwrap();
    assert_eq!(decode_error(400, body.as_bytes()).unwrap(), error);
    assert!(decode_error(400, b"<Error><Message>x</Message></Error>").is_err());
}
