//! The methods of a service, read from its descriptors: the only names that routing, limits and
//! metric labels know (H17, H64).

use std::collections::HashMap;
use std::sync::Arc;

use prost::Message;
use prost_types::FileDescriptorSet;

/// Descriptors that do not describe the service they were given for.
#[derive(Debug, thiserror::Error)]
pub enum DescriptorError {
    /// The bytes are no `google.protobuf.FileDescriptorSet`.
    #[error("the descriptor set cannot be read: {0}")]
    Unreadable(#[from] prost::DecodeError),
    /// The set does not hold the service.
    #[error("the descriptor set does not describe {service}")]
    Missing {
        /// Full name of the service.
        service: &'static str,
    },
    /// The sets contradict each other or lack what they refer to.
    #[error("the descriptor sets do not fit together: {cause}")]
    Inconsistent {
        /// What does not fit.
        cause: String,
    },
}

/// One method.
#[derive(Clone, Debug)]
pub(crate) struct Method {
    /// `package.Service/Method`, as metrics and traces show it.
    pub(crate) label: Arc<str>,
    pub(crate) client_streaming: bool,
    pub(crate) server_streaming: bool,
}

impl Method {
    /// Returns whether either side may send for as long as it likes.
    pub(crate) fn is_streaming(&self) -> bool {
        self.client_streaming || self.server_streaming
    }
}

/// All methods of one service, by their short names.
#[derive(Debug)]
pub(crate) struct Methods(HashMap<String, Method>);

impl Methods {
    pub(crate) fn read(
        service: &'static str,
        descriptor_set: &[u8],
    ) -> Result<Self, DescriptorError> {
        let set = FileDescriptorSet::decode(descriptor_set)?;
        let described = set.file.iter().find_map(|file| {
            let name = match file.package() {
                "" => Some(service),
                package => service
                    .strip_prefix(package)
                    .and_then(|rest| rest.strip_prefix('.')),
            };
            file.service
                .iter()
                .find(|candidate| Some(candidate.name()) == name)
        });
        let described = described.ok_or(DescriptorError::Missing { service })?;
        let methods = described.method.iter().map(|method| {
            let described = Method {
                label: format!("{service}/{}", method.name()).into(),
                client_streaming: method.client_streaming(),
                server_streaming: method.server_streaming(),
            };
            (method.name().to_owned(), described)
        });
        Ok(Self(methods.collect()))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Method> {
        self.0.get(name)
    }
}
