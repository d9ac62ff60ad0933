//! Faults as a file states them.

use std::time::Duration;

use serde::Deserialize;

use super::model::{Choice, Fault, FaultKind, Faults};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultsToml {
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    faults: Vec<FaultToml>,
}

/// One table with the fields of all faults, so a misspelt field is an error.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultToml {
    fault: KindToml,
    method: Option<String>,
    path: Option<String>,
    nth: Option<Vec<u64>>,
    every: Option<u64>,
    probability: Option<f64>,
    status: Option<u16>,
    code: Option<String>,
    retry_after: Option<u64>,
    acts: Option<bool>,
    delay: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KindToml {
    Refuse,
    Drop,
    Fail,
    Half,
    Garbage,
    Slow,
    Late,
}

pub(super) fn parse(text: &str) -> Result<Faults, String> {
    let file: FaultsToml = toml::from_str(text).map_err(|error| error.to_string())?;
    let faults = file.faults.into_iter().enumerate().map(|(index, fault)| {
        let fault = fault.check();
        fault.map_err(|problem| format!("fault {}: {problem}", index + 1))
    });
    Ok(Faults {
        seed: file.seed,
        faults: faults.collect::<Result<_, _>>()?,
    })
}

impl FaultToml {
    fn check(self) -> Result<Fault, String> {
        self.check_fields()?;
        Ok(Fault {
            choice: self.choice()?,
            kind: self.kind()?,
            method: self.method,
            path: self.path,
        })
    }

    /// A field that this kind of fault does not have would do nothing.
    fn check_fields(&self) -> Result<(), String> {
        let kind = self.fault;
        let answers = matches!(kind, KindToml::Refuse | KindToml::Fail);
        let waits = matches!(kind, KindToml::Slow | KindToml::Late);
        let fields = [
            ("status", self.status.is_some(), answers),
            ("code", self.code.is_some(), answers),
            (
                "retry_after",
                self.retry_after.is_some(),
                kind == KindToml::Refuse,
            ),
            ("acts", self.acts.is_some(), kind == KindToml::Drop),
            ("delay", self.delay.is_some(), waits),
        ];
        let misplaced = fields
            .into_iter()
            .find(|(_, given, wanted)| *given && !wanted);
        misplaced.map_or(Ok(()), |(name, ..)| {
            Err(format!("`{name}` means nothing for this kind of fault"))
        })
    }

    fn choice(&self) -> Result<Choice, String> {
        match (&self.nth, self.every, self.probability) {
            (None, None, None) => Ok(Choice::Always),
            (Some(numbers), None, None) if !numbers.contains(&0) => {
                Ok(Choice::Nth(numbers.clone()))
            }
            (None, Some(count), None) if count > 0 => Ok(Choice::Every(count)),
            (None, None, Some(chance)) if (0.0..=1.0).contains(&chance) => {
                Ok(Choice::Probability(chance))
            }
            (None, None, Some(_)) => Err("`probability` is a number from 0 to 1".to_owned()),
            (Some(_), None, None) | (None, Some(_), None) => {
                Err("calls are counted from 1".to_owned())
            }
            _ => Err("only one of `nth`, `every`, `probability` may be given".to_owned()),
        }
    }

    fn kind(&self) -> Result<FaultKind, String> {
        Ok(match self.fault {
            KindToml::Refuse => FaultKind::Refuse {
                status: self.status(503)?,
                code: self.code("SlowDown"),
                retry_after: self.retry_after,
            },
            KindToml::Drop => FaultKind::Drop {
                acts: self.acts.unwrap_or(true),
            },
            KindToml::Fail => FaultKind::Fail {
                status: self.status(500)?,
                code: self.code("InternalError"),
            },
            KindToml::Half => FaultKind::Half,
            KindToml::Garbage => FaultKind::Garbage,
            KindToml::Slow => FaultKind::Slow {
                delay: self.delay()?,
            },
            KindToml::Late => FaultKind::Late {
                delay: self.delay()?,
            },
        })
    }

    fn status(&self, default: u16) -> Result<u16, String> {
        let status = Some(self.status.unwrap_or(default));
        let status = status.filter(|status| (400..=599).contains(status));
        status.ok_or_else(|| "`status` is a number from 400 to 599".to_owned())
    }

    fn code(&self, default: &str) -> String {
        self.code.clone().unwrap_or_else(|| default.to_owned())
    }

    fn delay(&self) -> Result<Duration, String> {
        let text = self
            .delay
            .as_deref()
            .ok_or("`delay` is missing, such as `2s`")?;
        let delay = text.parse::<jiff::SignedDuration>().ok();
        let delay = delay.and_then(|delay| Duration::try_from(delay).ok());
        delay.ok_or_else(|| format!("`{text}` is not a time such as `500ms` or `2s`"))
    }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::service::faults::{Choice, FaultKind};
    use std::time::Duration;

    #[test]
    fn a_file_states_faults() {
        let faults = parse(
            "seed = 7\n[[faults]]\nmethod = \"POST\"\nnth = [2]\nfault = \"late\"\ndelay = \"1.5s\"\n\
             [[faults]]\npath = \"/inventorytriggerjob/*\"\nprobability = 0.25\nfault = \"refuse\"\nretry_after = 2\n",
        )
        .unwrap();
        assert_eq!((faults.seed, faults.faults.len()), (7, 2));
        let delay = Duration::from_millis(1500);
        assert_eq!(faults.faults[0].kind, FaultKind::Late { delay });
        assert_eq!(faults.faults[1].choice, Choice::Probability(0.25));
    }

    #[test]
    fn the_documented_file_is_one() {
        let page = include_str!("../../../docs/service.md");
        let (_, rest) = page.split_once("```toml\n").unwrap();
        let (example, _) = rest.split_once("```").unwrap();
        let faults = parse(example).unwrap();
        assert_eq!(faults.faults[0].choice, Choice::Nth(vec![2]));
        assert_eq!(faults.faults.len(), 2);
    }

    #[test]
    fn a_mistake_is_named() {
        let cases = [
            ("[[faults]]\nfault = \"explode\"", "explode"),
            (
                "[[faults]]\nfault = \"slow\"\ndelay = \"soon\"",
                "`soon` is not a time",
            ),
            ("[[faults]]\nfault = \"slow\"", "`delay` is missing"),
            (
                "[[faults]]\nfault = \"half\"\ndelay = \"1s\"",
                "`delay` means nothing",
            ),
            (
                "[[faults]]\nfault = \"half\"\nnth = [0]",
                "fault 1: calls are counted from 1",
            ),
            (
                "[[faults]]\nfault = \"half\"\nnth = [1]\nevery = 2",
                "only one of",
            ),
            (
                "[[faults]]\nfault = \"half\"\nprobability = 2.0",
                "from 0 to 1",
            ),
            (
                "[[faults]]\nfault = \"fail\"\nstatus = 200",
                "from 400 to 599",
            ),
            ("[[faults]]\nmethod = \"POST\"", "missing field `fault`"),
            ("[[fault]]\nfault = \"half\"", "unknown field `fault`"),
            (
                "[[faults]]\nfault = \"half\"\nprobabilty = 0.5",
                "unknown field `probabilty`",
            ),
        ];
        for (text, expected) in cases {
            let problem = parse(text).unwrap_err();
            assert!(problem.contains(expected), "{text}: {problem}");
        }
    }
}
