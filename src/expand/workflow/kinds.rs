//! The types of nodes: what each needs, and what may follow it.

use crate::api::wire::{self, Element};
use crate::workflow::field_name;

/// A type of node.
pub(super) struct Kind {
    name: &'static str,
    /// Elements of `Operation`; of each list, one must be there.
    requires: &'static [&'static [&'static str]],
    /// The types that the service's pages name as its successors, beside the end; absent where they
    /// name none.
    next: Option<&'static [&'static str]>,
}

const OBJECT: &[&str] = &["Output.Object"];
const TEMPLATE: &[&str] = &["TemplateId"];
const TRANSCODE_TEMPLATE: &[&str] = &["TranscodeTemplateId"];

const fn kind(
    name: &'static str,
    requires: &'static [&'static [&'static str]],
    next: Option<&'static [&'static str]>,
) -> Kind {
    Kind {
        name,
        requires,
        next,
    }
}

const KINDS: &[Kind] = &[
    kind("AIRecognition", &[], Some(&[])),
    kind(
        "Animation",
        &[TEMPLATE, OBJECT],
        Some(&["PicProcess", "SCF"]),
    ),
    kind(
        "Concat",
        &[TEMPLATE, OBJECT],
        Some(&[
            "Transcode",
            "Snapshot",
            "Animation",
            "SmartCover",
            "SDRtoHDR",
            "VideoProcess",
            "SCF",
            "Segment",
            "VideoEnhance",
            "MediaInfo",
            "SegmentVideoBody",
        ]),
    ),
    kind(
        "Condition",
        &[&["Condition.Express"]],
        Some(&[
            "Transcode",
            "HighSpeedHd",
            "SuperResolution",
            "VideoProcess",
            "Animation",
            "Snapshot",
            "VideoMontage",
            "SmartCover",
            "Concat",
            "VideoEnhance",
        ]),
    ),
    kind("HighSpeedHd", &[OBJECT], None),
    kind("ImageInspect", &[&["ImageInspect"]], None),
    kind("MediaInfo", &[], Some(&["Condition"])),
    kind("PicProcess", &[TEMPLATE, OBJECT], Some(&["SCF"])),
    kind("SCF", &[&["SCF.Region"], &["SCF.FunctionName"]], None),
    kind(
        "SDRtoHDR",
        &[&["SDRtoHDR"], TRANSCODE_TEMPLATE, OBJECT],
        None,
    ),
    kind(
        "Segment",
        &[&["Segment.Format"], OBJECT],
        Some(&["VideoEnhance", "SegmentVideoBody"]),
    ),
    kind("SegmentVideoBody", &[], Some(&[])),
    kind(
        "SmartCover",
        &[&["TemplateId", "SmartCover"], OBJECT],
        Some(&["PicProcess", "SCF"]),
    ),
    kind(
        "Snapshot",
        &[TEMPLATE, &["Output.Object", "Output.SpriteObject"]],
        Some(&["PicProcess", "SCF"]),
    ),
    kind("SpeechRecognition", &[], Some(&["SCF", "Tts"])),
    kind(
        "StreamPack",
        &[&["StreamPackInfo.VideoStreamConfig"]],
        Some(&[]),
    ),
    kind("StreamPackConfig", &[OBJECT], Some(&["VideoStream"])),
    kind(
        "SuperResolution",
        &[TEMPLATE, TRANSCODE_TEMPLATE, OBJECT],
        None,
    ),
    kind(
        "Transcode",
        &[TEMPLATE, OBJECT],
        Some(&[
            "Snapshot",
            "Animation",
            "SmartCover",
            "Concat",
            "VideoMontage",
            "SDRtoHDR",
            "VideoProcess",
            "SCF",
            "Segment",
            "SpeechRecognition",
            "VideoEnhance",
            "MediaInfo",
            "SegmentVideoBody",
        ]),
    ),
    kind("Tts", &[TEMPLATE, OBJECT], Some(&["SCF", "Transcode"])),
    kind(
        "VideoEnhance",
        &[TEMPLATE, TRANSCODE_TEMPLATE, OBJECT],
        None,
    ),
    kind("VideoMontage", &[TEMPLATE, OBJECT], None),
    kind(
        "VideoProcess",
        &[TEMPLATE, TRANSCODE_TEMPLATE, OBJECT],
        None,
    ),
    kind("VideoStream", &[TEMPLATE, OBJECT], Some(&["StreamPack"])),
    kind(
        "VoiceSeparate",
        &[TEMPLATE, &["Output.Object", "Output.AuObject"]],
        Some(&["SCF", "SpeechRecognition"]),
    ),
];

/// The type of that name.
pub(super) fn find(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

/// The names of all types.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|kind| kind.name)
}

/// Whether a name begins with the type, as those in the service's pages do.
pub(super) fn begins_with_type(name: &str, kind: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with(&kind.to_ascii_lowercase())
}

impl Kind {
    /// What a node of this type lacks, in the words of a job file.
    pub(super) fn missing<'a>(
        &'a self,
        operation: &'a [Element],
    ) -> impl Iterator<Item = String> + 'a {
        let is_there = move |path: &&str| {
            let mut elements = operation;
            let mut parts = path.split('.').peekable();
            while let Some(part) = parts.next() {
                let Some(element) = wire::find(elements, part) else {
                    return false;
                };
                if parts.peek().is_none() {
                    return element.as_text() != Some("");
                }
                elements = element.elements();
            }
            false
        };
        let missing = self.requires.iter();
        let missing = missing.filter(move |choices| !choices.iter().any(is_there));
        missing.map(|choices| {
            let fields = choices.iter().map(|path| {
                let parts: Vec<_> = path.split('.').map(field_name).collect();
                format!("`operation.{}`", parts.join("."))
            });
            fields.collect::<Vec<_>>().join(" or ")
        })
    }

    /// Whether the service's pages name the other type as a successor; true where they name none.
    pub(super) fn may_lead_to(&self, other: &str) -> bool {
        self.next.is_none_or(|next| next.contains(&other))
    }

    /// The successors that the service's pages name.
    pub(super) fn successors(&self) -> &'static [&'static str] {
        self.next.unwrap_or_default()
    }
}
