//! The settings of the program as a whole: the API, the eyes.

use std::net::SocketAddr;

use super::{LISTEN, Loader};
use crate::config::{
    ApiSettings, EngineSettings, Fault, TlsFiles,
    secrets::secret,
    shape::{ApiShape, SandboxShape},
    tree::{Node, Place},
};

impl Loader<'_> {
    pub(super) fn api(&mut self, shape: ApiShape, tree: &Node) -> ApiSettings {
        let place = |key: &str| {
            let api = tree.get("api");
            let node = api.and_then(|api| api.get(key)).or(api);
            node.map_or_else(Place::default, |node| node.place)
        };
        let listen = match shape.listen.as_deref().map(str::parse::<SocketAddr>) {
            None => LISTEN,
            Some(Ok(listen)) => listen,
            Some(Err(_)) => {
                let message = "expected an address and a port, such as `127.0.0.1:8750`";
                self.faults.push(Fault::new(place("listen"), message));
                LISTEN
            }
        };
        let token = shape.token.and_then(|text| {
            let read = secret(&text, place("token"), self.options.variables);
            let long = read.and_then(|token| match token.expose().len() {
                16.. => Ok(token),
                _ => Err(Fault::new(
                    place("token"),
                    "a token has at least 16 characters",
                )),
            });
            long.map_err(|fault| self.faults.push(fault)).ok()
        });
        let tls = shape.tls.map(|tls| TlsFiles {
            certificate: self.folder.join(tls.certificate),
            key: self.folder.join(tls.key),
        });
        for (key, file) in tls
            .iter()
            .flat_map(|tls| [("certificate", &tls.certificate), ("key", &tls.key)])
        {
            if !file.is_file() {
                let message = format!("the {key} `{}` is not a file", file.display());
                self.faults.push(Fault::new(place("tls"), message));
            }
        }
        let plain_because = shape
            .plain_because
            .filter(|reason| !reason.trim().is_empty());
        ApiSettings {
            listen,
            token,
            hosts: shape.hosts.unwrap_or_default(),
            tls,
            plain_because,
        }
    }

    pub(super) fn engine(
        &mut self,
        eyes: Option<u32>,
        sandbox: Option<SandboxShape>,
        tree: &Node,
    ) -> EngineSettings {
        let place = |keys: &[&str]| {
            let node = keys.iter().try_fold(tree, |node, key| node.get(key));
            node.map_or_else(Place::default, |node| node.place)
        };
        if eyes.is_some_and(|eyes| !(1..=256).contains(&eyes)) {
            let message = "expected 1 to 256 eyes";
            self.faults
                .push(Fault::new(place(&["engine", "eyes"]), message));
        }
        let best_effort_because = match sandbox {
            None | Some(SandboxShape::Strict) => None,
            Some(SandboxShape::BestEffort(reason)) => {
                if reason.trim().is_empty() {
                    let message = "say why eyes may start without all of their sandbox";
                    self.faults.push(Fault::new(place(&["sandbox"]), message));
                }
                Some(reason)
            }
        };
        EngineSettings {
            eyes: eyes.map(|eyes| eyes as usize),
            best_effort_because,
        }
    }
}
