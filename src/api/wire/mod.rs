//! The XML bodies of the API, in both directions.
//!
//! Reading is tolerant where the documents vary (order of elements, unknown elements, unset times)
//! and strict where a mistake would go unseen (the root element, what follows it, control characters).

mod answer;
mod binding;
mod bucket;
mod element;
mod error;
mod execution;
mod job;
mod objects;
#[cfg(test)]
mod tests;
mod trigger;
mod workflow;
mod xml;

pub use answer::{
    DescribeAnswer, ListAnswer, decode_describe_answer, decode_list_answer, decode_trigger_answer,
    encode_describe_answer, encode_list_answer, encode_trigger_answer,
};
pub use binding::{
    BoundBucket, BoundService, Queue, decode_bound_answer, decode_queue_request,
    decode_queues_answer, encode_bound_answer, encode_queue_answer, encode_queues_answer,
};
pub use bucket::{
    CompletePart, CompleteRequest, DeleteEntry, DeleteRequest, DeleteResult, PartDetail,
    PartsAnswer, UploadDetail, UploadsAnswer, decode_complete_request, decode_delete_request,
    encode_complete_answer, encode_copy_answer, encode_delete_answer, encode_initiate_answer,
    encode_parts_answer, encode_uploads_answer, encode_versioning_answer,
};
pub use element::{Content, Element, find, is_element_name};
pub use error::{ServiceError, decode_error, encode_error};
pub use execution::{
    ExecutionDetail, ExecutionsAnswer, TaskDetail, decode_execution_answer,
    decode_executions_answer, decode_instance_answer, encode_execution_answer,
    encode_executions_answer, encode_instance_answer,
};
pub use job::{JobDetail, JobState};
pub use objects::{ObjectDetail, ObjectsAnswer, decode_objects_answer, encode_objects_answer};
pub use trigger::{
    RequestError, decode_request, encode_request, time_interval_as_sent, unknown_elements,
};
pub use workflow::{
    Definition, END, Node, START, Topology, WorkflowDetail, WorkflowRequest, WorkflowsAnswer,
    decode_workflow_answer, decode_workflow_request, decode_workflows_answer,
    encode_workflow_answer, encode_workflow_deleted, encode_workflow_request,
    encode_workflows_answer, state_word,
};
pub use xml::WireError;
