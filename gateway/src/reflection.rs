//! The reflection service of the edge: the contract of what is mounted, and of nothing else.

use std::collections::HashSet;

use chimera_runtime::Service;
use prost::encoding::{self, WireType};
use prost_reflect::{FileDescriptor, ServiceDescriptor};
use tonic_reflection::server::Builder;

use crate::error::Error;

/// Field `file` of `google.protobuf.FileDescriptorSet`.
const FILE_TAG: u32 = 1;

/// Returns both versions of the reflection service over the files of `services`, whose options stay
/// in them, so that a client can read the REST paths too.
pub(crate) fn services(services: &[ServiceDescriptor]) -> Result<[Service; 2], Error> {
    let mut seen = HashSet::new();
    let mut set = Vec::new();
    for service in services {
        append(&service.parent_file(), &mut seen, &mut set);
    }
    let builder = || {
        let names = services.iter().map(ServiceDescriptor::full_name);
        // The details of errors travel as `Any`, so that no service's file names their types.
        let builder = Builder::configure()
            .register_encoded_file_descriptor_set(&set)
            .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET);
        names.fold(builder, Builder::with_service_name)
    };
    let broken = |error: tonic_reflection::server::Error| Error::Contract(error.to_string());
    let v1 = builder().build_v1().map_err(broken)?;
    let v1alpha = builder().build_v1alpha().map_err(broken)?;
    Ok([
        Service::new(v1, tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET)?,
        Service::new(v1alpha, tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET)?,
    ])
}

/// Appends a file and all that it imports.
fn append(file: &FileDescriptor, seen: &mut HashSet<String>, set: &mut Vec<u8>) {
    if !seen.insert(file.name().to_owned()) {
        return;
    }
    for imported in file.dependencies() {
        append(&imported, seen, set);
    }
    let encoded = file.encode_to_vec();
    encoding::encode_key(FILE_TAG, WireType::LengthDelimited, set);
    encoding::encode_varint(encoded.len() as u64, set);
    set.extend(encoded);
}
