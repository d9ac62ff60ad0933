//! A key pair from variables.

use secrecy::SecretString;

use super::error::CredentialError;
use super::variables::Variables;
use crate::api::credentials::Credentials;
use crate::diagnostic::Diagnostic;

/// The pair that two variables hold, with the token that one of `tokens` holds; none where none of
/// them is set. Half a pair is an error that names what is missing.
pub fn pair_of(
    variables: &Variables,
    id: &'static str,
    key: &'static str,
    tokens: &[&'static str],
    warnings: &mut Vec<Diagnostic>,
) -> Result<Option<Credentials>, CredentialError> {
    let secret_id = variables.clean(id, warnings)?;
    let secret_key = variables.clean(key, warnings)?;
    let token = variables.one_of(tokens, warnings)?;
    let (secret_id, secret_key) = match (secret_id, secret_key, &token) {
        (Some(secret_id), Some(secret_key), _) => (secret_id, secret_key),
        (None, None, None) => return Ok(None),
        (None, None, Some((name, _))) => return Err(half(name, &format!("{id} and {key} are"))),
        (Some(_), None, _) => return Err(half(id, &format!("{key} is"))),
        (None, Some(_), _) => return Err(half(key, &format!("{id} is"))),
    };
    Ok(Some(Credentials {
        secret_id,
        secret_key: SecretString::from(secret_key),
        token: token.map(|(_, token)| SecretString::from(token)),
    }))
}

fn half(set: &str, missing: &str) -> CredentialError {
    CredentialError::new(set, format!("it is set, and {missing} not")).help(format!(
        "set all of them, or unset {set}; in a pipeline, see that the secret has a value"
    ))
}

#[cfg(test)]
mod tests {
    use super::{Variables, pair_of};
    use crate::credentials::variables::{SECRET_ID, SECRET_KEY, TOKENS};

    fn pair(variables: &[(&str, &str)]) -> Result<bool, String> {
        let variables = Variables::of(
            variables
                .iter()
                .map(|(name, value)| (name.into(), value.into())),
        );
        let pair = pair_of(&variables, SECRET_ID, SECRET_KEY, &TOKENS, &mut Vec::new());
        pair.map(|pair| pair.is_some())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn half_a_pair_names_what_is_missing() {
        assert_eq!(pair(&[]), Ok(false));
        assert_eq!(
            pair(&[(SECRET_ID, "i"), (SECRET_KEY, "k"), (TOKENS[2], "t")]),
            Ok(true)
        );
        let table = [
            (
                &[(SECRET_ID, "i")][..],
                "TENCENTCLOUD_SECRET_ID: it is set, and TENCENTCLOUD_SECRET_KEY is not",
            ),
            (
                &[(SECRET_KEY, "k")],
                "TENCENTCLOUD_SECRET_KEY: it is set, and TENCENTCLOUD_SECRET_ID is not",
            ),
            (
                &[(SECRET_KEY, "k"), (SECRET_ID, "")],
                "TENCENTCLOUD_SECRET_KEY: it is set, and TENCENTCLOUD_SECRET_ID is not",
            ),
            (
                &[(TOKENS[1], "t")],
                "TENCENTCLOUD_TOKEN: it is set, and TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY are not",
            ),
        ];
        for (variables, expected) in table {
            assert_eq!(pair(variables), Err(expected.to_owned()));
        }
    }
}
