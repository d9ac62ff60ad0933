//! What a text must hold.

/// Fails with the whole text unless `part` is in it.
#[track_caller]
pub fn assert_contains(text: impl AsRef<str>, part: impl AsRef<str>) {
    let (text, part) = (text.as_ref(), part.as_ref());
    assert!(text.contains(part), "no {part:?} in:\n{text}");
}
