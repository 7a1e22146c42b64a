//! Which channel a gRPC path leads to. Only exact paths of mounted services are known: nothing is
//! normalised, so nothing can be smuggled past by another spelling (H17).

use std::collections::HashMap;
use std::sync::Arc;

use chimera_runtime::Channel;
use http::Uri;
use prost_reflect::{DescriptorPool, MethodDescriptor, ServiceDescriptor};

/// A service that cannot be mounted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RouteError {
    /// The contract does not describe it.
    #[error("the contract describes no service {0}")]
    Unknown(String),
    /// It is mounted already.
    #[error("{0} is mounted twice")]
    Twice(String),
}

/// Where one method is.
#[derive(Clone)]
pub(crate) struct Route {
    /// The way to its service.
    pub(crate) channel: Channel,
    /// `package.Service/Method`, as metrics show it.
    pub(crate) label: Arc<str>,
    /// `/package.Service/Method`, as a request for it says.
    pub(crate) uri: Uri,
    /// Whether either side may send for as long as it likes.
    pub(crate) streams: bool,
}

/// All methods served at the edge, by their exact gRPC path.
#[derive(Default)]
pub(crate) struct Routes {
    by_path: HashMap<String, Route>,
    services: Vec<ServiceDescriptor>,
}

impl Routes {
    /// Mounts a service that `pool` describes.
    pub(crate) fn mount(
        &mut self,
        pool: &DescriptorPool,
        service: &str,
        channel: &Channel,
    ) -> Result<(), RouteError> {
        let described = pool.get_service_by_name(service);
        let described = described.ok_or_else(|| RouteError::Unknown(service.to_owned()))?;
        if self
            .services
            .iter()
            .any(|mounted| mounted.full_name() == service)
        {
            return Err(RouteError::Twice(service.to_owned()));
        }
        for method in described.methods() {
            let path = path_of(&method);
            let label = path.trim_start_matches('/').into();
            let uri = Uri::try_from(path.as_str());
            let uri = uri.map_err(|_| RouteError::Unknown(service.to_owned()))?;
            let streams = method.is_client_streaming() || method.is_server_streaming();
            self.by_path.insert(
                path,
                Route {
                    channel: channel.clone(),
                    label,
                    uri,
                    streams,
                },
            );
        }
        self.services.push(described);
        Ok(())
    }

    /// Returns where the method of a gRPC path is.
    pub(crate) fn find(&self, path: &str) -> Option<&Route> {
        self.by_path.get(path)
    }

    /// Returns where a method is, if its service is mounted.
    pub(crate) fn of(&self, method: &MethodDescriptor) -> Option<&Route> {
        self.find(&path_of(method))
    }

    /// Returns the mounted services, in the order in which they were mounted.
    pub(crate) fn services(&self) -> &[ServiceDescriptor] {
        &self.services
    }
}

fn path_of(method: &MethodDescriptor) -> String {
    format!("/{}/{}", method.parent_service().full_name(), method.name())
}
