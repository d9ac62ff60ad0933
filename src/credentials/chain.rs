//! The order of the links. The first one that is set decides.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::error::CredentialError;
use super::instance::METADATA_HOST;
use super::origin::{AssumedRole, Origin, TokenSource};
use super::pair::pair_of;
use super::variables::{
    GITHUB_TOKEN, GITHUB_URL, HOME, ID_TOKEN, PROCESS, PROFILE_FOLDER, PROFILES, ROLE_ARNS,
    ROLE_SESSIONS, SECRET_ID, SECRET_KEY, TKE_PROVIDER_ID, TKE_REGION, TKE_ROLE_ARN,
    TKE_TOKEN_FILE, TOKENS, Variables,
};
use crate::diagnostic::Diagnostic;
use crate::plain_text::printable;
use crate::workspace::Roles;

/// What the chain looks at.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// The environment.
    pub variables: &'a Variables,
    /// The roles that the target takes.
    pub roles: &'a Roles,
    /// Whether it may be asked for here. In automation, files of a request are no consent.
    pub instance_allowed: bool,
}

type Link = fn(&Surroundings<'_>, &mut Vec<Diagnostic>) -> Result<Option<Origin>, CredentialError>;

/// The links, in order.
const CHAIN: [Link; 5] = [environment, process, profile, web_identity, instance];

/// Finds the link that is set. Nothing but the existence of a profile is asked for.
pub fn origin(
    surroundings: &Surroundings<'_>,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Origin, CredentialError> {
    for link in CHAIN {
        if let Some(origin) = link(surroundings, warnings)? {
            return Ok(origin);
        }
    }
    Err(nothing(surroundings))
}

fn environment(
    surroundings: &Surroundings<'_>,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Option<Origin>, CredentialError> {
    let variables = surroundings.variables;
    let credentials = pair_of(variables, SECRET_ID, SECRET_KEY, &TOKENS, warnings)?;
    let Some(credentials) = credentials else {
        return Ok(None);
    };
    let role = assumed_role(variables, warnings)?;
    Ok(Some(Origin::Environment { credentials, role }))
}

fn process(
    surroundings: &Surroundings<'_>,
    _: &mut Vec<Diagnostic>,
) -> Result<Option<Origin>, CredentialError> {
    let command = surroundings.variables.text(PROCESS)?;
    Ok(command.map(|command| Origin::Process {
        command: SecretString::from(command),
    }))
}

fn profile(
    surroundings: &Surroundings<'_>,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Option<Origin>, CredentialError> {
    let variables = surroundings.variables;
    let named = variables.one_of(&PROFILES, warnings)?;
    let Some(path) = profile_path(variables, named.as_ref().map(|(_, name)| name.as_str())) else {
        return Ok(None);
    };
    let is_there = path.try_exists().map_err(|error| {
        CredentialError::new(printable(&path), format!("cannot be read: {error}"))
    })?;
    match named {
        _ if is_there => {
            let role = assumed_role(variables, warnings)?;
            Ok(Some(Origin::Profile { path, role }))
        }
        // A profile that is named is meant.
        Some((name, _)) => {
            let problem = format!("it names a profile, and there is no {}", printable(&path));
            Err(CredentialError::new(name, problem).help(format!(
                "write the profile with `tccli configure --profile`, or unset {name}"
            )))
        }
        None => Ok(None),
    }
}

fn profile_path(variables: &Variables, name: Option<&str>) -> Option<PathBuf> {
    let folder = match (variables.raw(PROFILE_FOLDER), variables.raw(HOME)) {
        (Some(folder), _) => PathBuf::from(folder),
        (None, Some(home)) => Path::new(home).join(".tccli"),
        (None, None) => return None,
    };
    Some(folder.join(format!("{}.credential", name.unwrap_or("default"))))
}

fn assumed_role(
    variables: &Variables,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Option<AssumedRole>, CredentialError> {
    let Some((_, arn)) = variables.one_of(&ROLE_ARNS, warnings)? else {
        return Ok(None);
    };
    let session = variables.one_of(&ROLE_SESSIONS, warnings)?;
    Ok(Some(AssumedRole::new(arn, session.map(|(_, name)| name))))
}

/// The target's own role goes before the one that TKE names.
fn web_identity(
    surroundings: &Surroundings<'_>,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Option<Origin>, CredentialError> {
    let variables = surroundings.variables;
    let token = token_source(variables, warnings)?;
    if let (Some(role), Some(token)) = (&surroundings.roles.web_identity, token) {
        return Ok(Some(Origin::WebIdentity {
            token,
            role: AssumedRole::new(&role.role_arn, None),
            provider_id: role.provider_id.clone(),
            region: variables.clean(TKE_REGION, warnings)?,
        }));
    }
    tke(variables, warnings)
}

fn token_source(
    variables: &Variables,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Option<TokenSource>, CredentialError> {
    if let Some(token) = variables.clean(ID_TOKEN, warnings)? {
        return Ok(Some(TokenSource::Variable(SecretString::from(token))));
    }
    let url = variables.clean(GITHUB_URL, warnings)?;
    let bearer = variables.clean(GITHUB_TOKEN, warnings)?;
    match (url, bearer) {
        (Some(url), Some(bearer)) => {
            let bearer = SecretString::from(bearer);
            return Ok(Some(TokenSource::GitHub { url, bearer }));
        }
        (None, None) => {}
        (Some(_), None) => return Err(half(GITHUB_URL, GITHUB_TOKEN)),
        (None, Some(_)) => return Err(half(GITHUB_TOKEN, GITHUB_URL)),
    }
    Ok(variables
        .raw(TKE_TOKEN_FILE)
        .map(|path| TokenSource::File(PathBuf::from(path))))
}

fn half(set: &str, missing: &str) -> CredentialError {
    CredentialError::new(set, format!("it is set, and {missing} is not"))
}

/// All four of TKE's variables, or none.
fn tke(
    variables: &Variables,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Option<Origin>, CredentialError> {
    let names = [TKE_REGION, TKE_PROVIDER_ID, TKE_TOKEN_FILE, TKE_ROLE_ARN];
    let Some(set) = names.iter().find(|name| variables.is_set(name)) else {
        return Ok(None);
    };
    if let Some(missing) = names.iter().find(|name| !variables.is_set(name)) {
        return Err(half(set, missing).help("TKE sets all of them, or none"));
    }
    let parts = (
        variables.raw(TKE_TOKEN_FILE),
        variables.clean(TKE_ROLE_ARN, warnings)?,
        variables.clean(TKE_PROVIDER_ID, warnings)?,
    );
    let (Some(path), Some(arn), Some(provider_id)) = parts else {
        return Ok(None);
    };
    Ok(Some(Origin::WebIdentity {
        token: TokenSource::File(PathBuf::from(path)),
        role: AssumedRole::new(arn, None),
        provider_id,
        region: variables.clean(TKE_REGION, warnings)?,
    }))
}

fn instance(
    surroundings: &Surroundings<'_>,
    _: &mut Vec<Diagnostic>,
) -> Result<Option<Origin>, CredentialError> {
    if !surroundings.roles.instance {
        return Ok(None);
    }
    if !surroundings.instance_allowed {
        let problem =
            "the target takes its role, and in automation nothing but the environment allows that";
        return Err(CredentialError::new(METADATA_HOST, problem).help(format!(
            "add {METADATA_HOST} to STOCKTAKE_ALLOWED_HOSTS in the pipeline, where requests cannot change it"
        )));
    }
    Ok(Some(Origin::Instance))
}

fn nothing(surroundings: &Surroundings<'_>) -> CredentialError {
    let mut looked = vec![
        format!("{SECRET_ID} and {SECRET_KEY} are not set"),
        format!("{PROCESS} is not set"),
    ];
    if let Some(path) = profile_path(surroundings.variables, None) {
        looked.push(format!("there is no {}", printable(&path)));
    }
    if surroundings.roles.web_identity.is_some() {
        looked.push("there is no OIDC token for the role of the target".to_owned());
    }
    let help = if surroundings.roles.web_identity.is_some() {
        "in GitHub Actions give the job `permissions: id-token: write`; in GitLab give it \
         `id_tokens: STOCKTAKE_ID_TOKEN: aud: sts.tencentcloudapi.com`"
    } else {
        "set both variables, or log in with `tccli auth login`"
    };
    CredentialError::new("no credentials", looked.join(", ")).help(help)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Roles, Surroundings, Variables, origin};
    use crate::workspace::WebIdentityRole;

    const TKE: [(&str, &str); 4] = [
        ("TKE_REGION", "ap-beijing"),
        ("TKE_PROVIDER_ID", "cls-1"),
        ("TKE_WEB_IDENTITY_TOKEN_FILE", "/token"),
        ("TKE_ROLE_ARN", "qcs::tke"),
    ];
    const PAIR: [(&str, &str); 2] = [
        ("TENCENTCLOUD_SECRET_ID", "id"),
        ("TENCENTCLOUD_SECRET_KEY", "canary"),
    ];
    const GITHUB: [(&str, &str); 2] = [
        ("ACTIONS_ID_TOKEN_REQUEST_URL", "https://token.example?x=1"),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "canary"),
    ];

    fn found(variables: &[(&str, &str)], role: bool, instance: (bool, bool)) -> String {
        let variables = Variables::of(
            variables
                .iter()
                .map(|(name, value)| (name.into(), value.into())),
        );
        let web_identity = WebIdentityRole {
            role_arn: "qcs::target".to_owned(),
            provider_id: "github".to_owned(),
        };
        let roles = Roles {
            web_identity: role.then_some(web_identity),
            instance: instance.0,
        };
        let surroundings = Surroundings {
            variables: &variables,
            roles: &roles,
            instance_allowed: instance.1,
        };
        match origin(&surroundings, &mut Vec::new()) {
            Ok(origin) => {
                assert!(!format!("{origin:?}").contains("canary"), "{origin:?}");
                origin.to_string()
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_first_link_that_is_set_decides() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("default.credential"), "{}").unwrap();
        let folder = folder.path().to_str().unwrap();
        let profile = ("TENCENTCLOUD_SHARED_CREDENTIALS_DIR", folder);
        let process = ("STOCKTAKE_CREDENTIAL_PROCESS", "false");
        let all: Vec<(&str, &str)> = [&PAIR[..], &[process, profile], &GITHUB, &TKE].concat();
        let instance = (true, true);
        let pair = "TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY";
        assert_eq!(found(&all, true, instance), pair);
        assert_eq!(
            found(&all[2..], true, instance),
            "STOCKTAKE_CREDENTIAL_PROCESS"
        );
        assert_eq!(
            found(&all[3..], true, instance),
            format!("the profile {folder}/default.credential")
        );
        assert_eq!(
            found(&all[4..], true, instance),
            "the OIDC token of GitHub Actions, for the role qcs::target"
        );
        assert_eq!(
            found(&all[4..], false, instance),
            "the OIDC token in /token, for the role qcs::tke"
        );
        assert_eq!(
            found(&[], true, instance),
            "the role of this instance, from metadata.tencentyun.com"
        );
    }

    #[test]
    fn what_is_set_by_half_is_never_passed_over() {
        for missing in 0..TKE.len() {
            let mut variables = TKE.to_vec();
            let (name, _) = variables.remove(missing);
            let error = found(&variables, false, (true, true));
            assert!(
                error.ends_with(&format!("it is set, and {name} is not")),
                "{error}"
            );
        }
        for half in GITHUB {
            let error = found(&[half], true, (true, true));
            assert!(error.starts_with(half.0), "{error}");
        }
        let error = found(&PAIR[..1], true, (true, true));
        assert!(error.contains("TENCENTCLOUD_SECRET_KEY is not"), "{error}");
        let named = [("TCCLI_PROFILE", "gone"), ("HOME", "/nowhere")];
        let error = found(&named, true, (true, true));
        assert!(
            error.contains("there is no /nowhere/.tccli/gone.credential"),
            "{error}"
        );
    }

    #[test]
    fn the_role_of_the_instance_needs_the_target_and_in_automation_consent() {
        assert!(found(&[], false, (false, true)).starts_with("no credentials"));
        let error = found(&[], false, (true, false));
        assert!(error.contains("in automation"), "{error}");
    }
}
