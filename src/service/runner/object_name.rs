//! The key that a node writes to: its `Output.Object` with the placeholders filled in.

/// What the placeholders of one task stand for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names<'a> {
    /// The key of the object that the run is about.
    pub(super) key: &'a str,
    pub(super) run: &'a str,
    pub(super) task: &'a str,
}

impl Names<'_> {
    /// The key; the error names a placeholder that has no value.
    ///
    /// One command writes one object, so `Number` and `Time` are 0. `InputPath` ends in a slash, and
    /// of two slashes one is left.
    pub(super) fn fill(&self, template: &str) -> Result<String, String> {
        let (path, file) = match self.key.rsplit_once('/') {
            Some((path, file)) => (format!("{path}/"), file),
            None => (String::new(), self.key),
        };
        let (name, extension) = file.rsplit_once('.').unwrap_or((file, ""));
        let mut filled = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("${") {
            filled.push_str(before);
            let Some((placeholder, tail)) = after.split_once('}') else {
                return Err(format!("`${{{after}` has no end"));
            };
            filled.push_str(match placeholder {
                "InputPath" => &path,
                "InputName" => name,
                "InputNameAndExt" => file,
                "Ext" | "ext" => extension,
                "RunId" => self.run,
                "Jobid" | "JobId" => self.task,
                "Number" | "Time" => "0",
                other => return Err(format!("`${{{other}}}` is not a placeholder")),
            });
            rest = tail;
        }
        filled.push_str(rest);
        while filled.contains("//") {
            filled = filled.replace("//", "/");
        }
        Ok(filled.trim_start_matches('/').to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::Names;

    #[test]
    fn placeholders_have_the_values_of_their_run() {
        let fill = |key: &str, template: &str| {
            let names = Names {
                key,
                run: "i1",
                task: "j1",
            };
            names.fill(template)
        };
        let key = "in/视频/a.b.mp4";
        for (template, filled) in [
            ("small/${InputName}.jpg", "small/a.b.jpg"),
            ("out/${InputPath}/${InputNameAndExt}", "out/in/视频/a.b.mp4"),
            (
                "${InputPath}${InputName}-${Number}.${ext}",
                "in/视频/a.b-0.mp4",
            ),
            ("/${RunId}/${Jobid}", "i1/j1"),
        ] {
            assert_eq!(fill(key, template).unwrap(), filled);
        }
        assert_eq!(fill("a", "${InputPath}/${InputName}.${Ext}").unwrap(), "a.");
        assert!(fill(key, "${Name}").is_err());
        assert!(fill(key, "${InputName").is_err());
    }
}
