//! Server reflection, v1 and v1alpha: what `grpcurl` and its like ask before they call.

use tonic_reflection::pb::{v1, v1alpha};
use tonic_reflection::server::Builder;

use crate::Service;
use crate::server::DescriptorError;

#[cfg(test)]
mod tests;

/// Returns both reflection services. They list the services in `mounted` and themselves, and
/// describe them from `descriptor_sets` (`chimera_contracts::FILE_DESCRIPTOR_SET` and those of any
/// foreign one).
pub fn services(
    mounted: &[Service],
    descriptor_sets: &[&[u8]],
) -> Result<[Service; 2], DescriptorError> {
    let v1 = builder(mounted, descriptor_sets)
        .build_v1()
        .map_err(inconsistent)?;
    let v1alpha = builder(mounted, descriptor_sets)
        .build_v1alpha()
        .map_err(inconsistent)?;
    Ok([
        Service::new(v1, v1::FILE_DESCRIPTOR_SET)?,
        Service::new(v1alpha, v1alpha::FILE_DESCRIPTOR_SET)?,
    ])
}

fn builder<'a>(mounted: &[Service], descriptor_sets: &[&'a [u8]]) -> Builder<'a> {
    let mut builder = Builder::configure()
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .with_service_name("grpc.reflection.v1.ServerReflection")
        .with_service_name("grpc.reflection.v1alpha.ServerReflection")
        .register_encoded_file_descriptor_set(v1::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(v1alpha::FILE_DESCRIPTOR_SET)
        .include_reflection_service(false);
    for set in descriptor_sets {
        builder = builder.register_encoded_file_descriptor_set(set);
    }
    for service in mounted {
        builder = builder.with_service_name(service.name());
    }
    builder
}

fn inconsistent(error: tonic_reflection::server::Error) -> DescriptorError {
    DescriptorError::Inconsistent {
        cause: error.to_string(),
    }
}
