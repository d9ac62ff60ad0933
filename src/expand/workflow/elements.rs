//! Fields as the elements that they stand for.

use super::placeholders::{self, Placeholder};
use super::{Surroundings, WorkflowBuilder};
use crate::api::wire::{Content, Element, find, is_element_name};
use crate::document::Field;
use crate::expand::job_builder::{Checked, Reported};
use crate::jobfile::model::{ElementsSpec, FreeValue, NodeSpec};
use crate::source::Spanned;
use crate::workflow::{element_name, joined_by};

/// Where a value stands: in an output, the API's placeholders are known.
#[derive(Debug, Clone, Copy)]
enum Place<'k> {
    /// In the output of a node of this kind.
    Output(&'k str),
    Elsewhere,
}

impl<'a> WorkflowBuilder<'a, '_> {
    pub(super) fn optional_elements(
        &mut self,
        field: Option<&'a Field<ElementsSpec>>,
    ) -> Checked<Vec<Element>> {
        match self.optional(field)? {
            Some(spec) => self.elements(&spec.value.0, Place::Elsewhere),
            None => Ok(Vec::new()),
        }
    }

    /// What is in `Operation`; an output gets the bucket and region where it names none.
    pub(super) fn operation(
        &mut self,
        spec: &'a NodeSpec,
        kind: &str,
        surroundings: Option<&Surroundings>,
    ) -> Checked<Vec<Element>> {
        let Some(operation) = self.optional(spec.operation.as_ref())? else {
            return Ok(Vec::new());
        };
        let mut elements = Vec::new();
        let mut is_whole = true;
        for (field, value) in &operation.value.0 {
            let place = if element_name(&field.value) == "Output" {
                Place::Output(kind)
            } else {
                Place::Elsewhere
            };
            match self.field(field, value, place) {
                Ok(made) => elements.extend(made),
                Err(Reported) => is_whole = false,
            }
        }
        if !is_whole {
            return Err(Reported);
        }
        for element in &mut elements {
            if let ("Output", Content::Elements(output)) =
                (element.name.as_str(), &mut element.content)
                && let Some(surroundings) = surroundings
            {
                fill_in(output, "Region", surroundings.region.as_str());
                fill_in(output, "Bucket", surroundings.bucket.as_str());
            }
        }
        Ok(elements)
    }

    fn elements(
        &mut self,
        fields: &[(Spanned<String>, Spanned<FreeValue>)],
        place: Place<'_>,
    ) -> Checked<Vec<Element>> {
        let mut elements = Vec::new();
        let mut is_whole = true;
        for (field, value) in fields {
            match self.field(field, value, place) {
                Ok(made) => elements.extend(made),
                Err(Reported) => is_whole = false,
            }
        }
        if is_whole {
            Ok(elements)
        } else {
            Err(Reported)
        }
    }

    /// A list becomes an element for each of its values, or one that holds all of them.
    fn field(
        &mut self,
        field: &Spanned<String>,
        value: &Spanned<FreeValue>,
        place: Place<'_>,
    ) -> Checked<Vec<Element>> {
        let name = element_name(&field.value);
        if !is_element_name(&name) {
            let message = format!("`{}` cannot be the name of an element", field.value);
            return Err(self.error("element-name", field.span, message));
        }
        match &value.value {
            FreeValue::List(values) => {
                let mut elements = Vec::new();
                for value in values {
                    elements.push(self.element(&name, value, place)?);
                }
                let Some(separator) = joined_by(&name) else {
                    return Ok(elements);
                };
                let texts: Vec<&str> = elements.iter().filter_map(Element::as_text).collect();
                let joined = texts.join(separator.encode_utf8(&mut [0; 4]));
                Ok(vec![Element::text(&name, joined)])
            }
            _ => Ok(vec![self.element(&name, value, place)?]),
        }
    }

    fn element(
        &mut self,
        name: &str,
        value: &Spanned<FreeValue>,
        place: Place<'_>,
    ) -> Checked<Element> {
        match &value.value {
            FreeValue::Text(text) => {
                let text = Spanned::new(text.clone(), value.span);
                let text = match place {
                    Place::Output(kind) => self.output_text(&text, kind)?,
                    Place::Elsewhere => self.texts.text(&text)?.into_owned(),
                };
                if text.contains(|character: char| character.is_control() && character != '\n') {
                    let message = format!("`{name}` contains a control character");
                    return Err(self.error("wrong-value", value.span, message));
                }
                Ok(Element::text(name, text))
            }
            FreeValue::Mapping(fields) => Ok(Element::of(name, self.elements(fields, place)?)),
            FreeValue::List(_) => {
                let message = "a list in a list stands for no element".to_owned();
                Err(self.error("wrong-value", value.span, message))
            }
        }
    }

    /// A text in which the API's placeholders stay, and `$${` stands for `${`.
    fn output_text(&mut self, text: &Spanned<String>, kind: &str) -> Checked<String> {
        for name in placeholders::names(&text.value) {
            let problem = match placeholders::look_up(name, kind) {
                Placeholder::Known => continue,
                Placeholder::OfOtherKinds(kinds) => (
                    format!("`${{{name}}}` has no value in a {kind} node"),
                    format!("it has one in {kinds}"),
                ),
                Placeholder::OfJobs => (
                    format!(
                        "`${{{name}}}` has a value in the output of a batch job, not in a workflow"
                    ),
                    format!("known here: {}", placeholders::listed()),
                ),
                Placeholder::Unknown(near) => (
                    format!("`${{{name}}}` is not a placeholder of the service"),
                    match near {
                        Some(near) => format!("did you mean `${{{near}}}`?"),
                        None => format!("known here: {}", placeholders::listed()),
                    },
                ),
            };
            let (message, help) = problem;
            self.error("placeholder", text.span, message);
            self.help(help);
            return Err(Reported);
        }
        let masked = Spanned::new(placeholders::mask(&text.value), text.span);
        let value = self.texts.text(&masked)?;
        Ok(placeholders::unmask(&value))
    }
}

fn fill_in(output: &mut Vec<Element>, name: &str, value: &str) {
    if find(output, name).is_none() {
        output.insert(0, Element::text(name, value));
    }
}
