//! The file system, TCP and signals: nothing is allowed.

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
    RulesetStatus, Scope,
};

/// Takes every right that the kernel knows away from this thread and those it starts later.
///
/// Linux 5.13 closes files, 6.7 TCP, 6.12 signals to and abstract sockets of other processes; what
/// an older kernel lacks beyond files is left to seccomp, which closes it as well.
pub(super) fn restrict() -> Result<(), String> {
    let status = restrict_all().map_err(|error| error.to_string())?;
    if status == RulesetStatus::NotEnforced {
        return Err("the kernel does not have it".to_owned());
    }
    Ok(())
}

fn restrict_all() -> Result<RulesetStatus, landlock::RulesetError> {
    let created = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI::V6))?
        .handle_access(AccessNet::from_all(ABI::V6))?
        .scope(Scope::from_all(ABI::V6))?
        .create()?;
    Ok(created.restrict_self()?.ruleset)
}
