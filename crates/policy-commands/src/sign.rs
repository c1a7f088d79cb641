//! Signing a policy on the officer's own device: the node is not needed, only the hash of the policy that is replaced.
//! The key is read for this act and kept nowhere.

use anyhow::{Context, Result, ensure};
use clap::Args;
use identity::SigningKey;
use policy::Authorizer;
use protocol::{Act, Envelope, PolicyChange, PublicKey};
use std::path::{Path, PathBuf};

/// What to sign, and with which key.
#[derive(Args)]
pub struct Sign {
    /// The new policy; or with `--add`, nothing.
    #[arg(required_unless_present = "add", conflicts_with = "add")]
    file: Option<PathBuf>,
    /// The hash of the policy it replaces, as `node-agent policy show` and `policy check` print it.
    #[arg(long, required_unless_present = "add")]
    replaces: Option<String>,
    /// Why, in one line without personal data.
    #[arg(long, required_unless_present = "add")]
    reason: Option<String>,
    /// A signed policy to which this key's signature is added.
    #[arg(long)]
    add: Option<PathBuf>,
    /// The officer's signing key; read for this act only.
    #[arg(long)]
    dpo_key: PathBuf,
    /// Where the signed policy is written; with `--add`, that file itself where absent.
    #[arg(long, required_unless_present = "add")]
    out: Option<PathBuf>,
}

/// Signs, and says what was signed.
///
/// # Errors
/// When the policy is not valid, a field breaks its rule, or a file cannot be read or written.
pub fn sign(options: &Sign) -> Result<()> {
    let key = SigningKey::load(&options.dpo_key)?;
    let public = PublicKey(*key.public_key().as_bytes());
    let signed = match &options.add {
        Some(path) => {
            let mut signed = read(path)?;
            let act = claimed(&signed)?;
            show(&act)?;
            ensure!(
                !(signed.signatures.iter()).any(|signature| signature.keyid == public.key_id()),
                "this key signed it already; another officer's is needed"
            );
            signed.add_signature(&public, |bytes| key.sign(bytes))?;
            signed
        }
        None => {
            if let Some(out) = options.out.as_ref().filter(|out| out.exists()) {
                anyhow::bail!(
                    "{} exists, perhaps with another officer's signature: add this key's with `--add`, or write another file",
                    out.display()
                );
            }
            let act = act(options)?;
            show(&act)?;
            Envelope::sign(
                PolicyChange::TYPE,
                &serde_json::to_vec(&act)?,
                &public,
                |bytes| key.sign(bytes),
            )
        }
    };
    let out =
        (options.out.as_ref().or(options.add.as_ref())).context("`--out` says where to write")?;
    std::fs::write(out, serde_json::to_vec(&signed)?)
        .with_context(|| format!("cannot write {}", out.display()))?;
    println!("signed by     {public}, {} in all", signed.signatures.len());
    println!(
        "written       {}; bring it into force with `node-agent policy apply`",
        out.display()
    );
    Ok(())
}

/// Reads a signed policy.
///
/// # Errors
/// When the file cannot be read or is no signed policy.
pub fn read(path: &Path) -> Result<Envelope> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&bytes)
        .with_context(|| format!("{} is no signed policy", path.display()))
}

fn act(options: &Sign) -> Result<PolicyChange> {
    let (Some(file), Some(replaces), Some(reason)) =
        (&options.file, &options.replaces, &options.reason)
    else {
        anyhow::bail!("a policy, `--replaces` and `--reason` are needed");
    };
    let document = crate::read(file)?;
    let policy = Authorizer::from_toml(&document)
        .with_context(|| format!("{} is not a valid policy", file.display()))?;
    let mut id = [0; 16];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut id)
        .map_err(|_| anyhow::anyhow!("the operating system gave no random bytes"))?;
    let act = PolicyChange {
        version: protocol::VERSION,
        id: protocol::hex(&id),
        organisation: policy.document().organisation.clone(),
        replaces: replaces.clone(),
        document,
        reason: reason.clone(),
        signed_at: jiff::Timestamp::now().as_second(),
    };
    act.check(&policy.document().organisation)?;
    Ok(act)
}

/// The act in an envelope that another officer made, with its own rules checked before it is signed once more.
fn claimed(signed: &Envelope) -> Result<PolicyChange> {
    ensure!(
        signed.payload_type == PolicyChange::TYPE,
        "this file holds no signed policy"
    );
    let payload = signed
        .unverified_payload()
        .context("the signed policy cannot be read")?;
    let act: PolicyChange =
        serde_json::from_slice(&payload).context("the signed policy cannot be read")?;
    let policy = Authorizer::from_toml(&act.document).context("the signed policy is not valid")?;
    act.check(&policy.document().organisation)?;
    Ok(act)
}

fn show(act: &PolicyChange) -> Result<()> {
    println!(
        "policy        {} for {}",
        act.policy_hash(),
        act.organisation
    );
    println!("replaces      {}", act.replaces);
    println!("reason        {}", act.reason);
    Ok(())
}
