//! The contract stays compatible with its committed baseline.

use std::{env, fs};

use chimera_contracts::FILE_DESCRIPTOR_SET;
use chimera_tests::repository_root;
use prost_reflect::{DescriptorPool, EnumDescriptor, MessageDescriptor, ServiceDescriptor};

const BLESS: &str = "CHIMERA_BLESS";

fn compare_message(old: &MessageDescriptor, new: &DescriptorPool, broken: &mut Vec<String>) {
    let name = old.full_name();
    let Some(current) = new.get_message_by_name(name) else {
        broken.push(format!("message {name} is gone"));
        return;
    };
    for field in old.fields() {
        let (number, label) = (field.number(), format!("{name}.{}", field.name()));
        match current.get_field(number) {
            None => {
                let reserved = current
                    .reserved_ranges()
                    .any(|range| range.contains(&number));
                if !reserved {
                    broken.push(format!(
                        "{label} is gone and its number {number} is not reserved"
                    ));
                }
            }
            Some(now) => {
                if now.name() != field.name() {
                    broken.push(format!("{label} is now called {}", now.name()));
                }
                if format!("{:?}", now.kind()) != format!("{:?}", field.kind())
                    || now.cardinality() != field.cardinality()
                {
                    broken.push(format!("{label} changed its type"));
                }
            }
        }
    }
}

fn compare_enum(old: &EnumDescriptor, new: &DescriptorPool, broken: &mut Vec<String>) {
    let name = old.full_name();
    let Some(current) = new.get_enum_by_name(name) else {
        broken.push(format!("enum {name} is gone"));
        return;
    };
    for value in old.values() {
        let same = current
            .get_value(value.number())
            .is_some_and(|now| now.name() == value.name());
        if !same {
            broken.push(format!("{name}.{} is gone or renamed", value.name()));
        }
    }
}

fn compare_service(old: &ServiceDescriptor, new: &DescriptorPool, broken: &mut Vec<String>) {
    let name = old.full_name();
    let Some(current) = new.get_service_by_name(name) else {
        broken.push(format!("service {name} is gone"));
        return;
    };
    for method in old.methods() {
        let label = format!("{name}.{}", method.name());
        match current.methods().find(|now| now.name() == method.name()) {
            None => broken.push(format!("{label} is gone")),
            Some(now) => {
                if now.input().full_name() != method.input().full_name()
                    || now.output().full_name() != method.output().full_name()
                    || now.is_server_streaming() != method.is_server_streaming()
                    || now.is_client_streaming() != method.is_client_streaming()
                {
                    broken.push(format!("{label} changed its shape"));
                }
            }
        }
    }
}

fn breaks(old: &DescriptorPool, new: &DescriptorPool) -> Vec<String> {
    let mut broken = Vec::new();
    for message in old
        .all_messages()
        .filter(|message| message.full_name().starts_with("chimera."))
    {
        compare_message(&message, new, &mut broken);
    }
    for words in old
        .all_enums()
        .filter(|words| words.full_name().starts_with("chimera."))
    {
        compare_enum(&words, new, &mut broken);
    }
    for service in old
        .services()
        .filter(|service| service.full_name().starts_with("chimera."))
    {
        compare_service(&service, new, &mut broken);
    }
    broken
}

#[test]
fn the_contract_keeps_every_promise_of_its_baseline() {
    let path = repository_root().join("proto/baseline.binpb");
    if env::var_os(BLESS).is_some() {
        fs::write(&path, FILE_DESCRIPTOR_SET).expect("baseline written");
    }
    let baseline = fs::read(&path).expect("proto/baseline.binpb is committed");
    let old = DescriptorPool::decode(baseline.as_slice()).expect("baseline decodes");
    let new = DescriptorPool::decode(FILE_DESCRIPTOR_SET).expect("contract decodes");
    let broken = breaks(&old, &new);
    assert!(
        broken.is_empty(),
        "the contract breaks its baseline (only a new major version may; {BLESS}=1 writes a new one):\n{}",
        broken.join("\n")
    );
}

#[test]
fn a_changed_field_breaks_the_baseline() {
    let new = DescriptorPool::decode(FILE_DESCRIPTOR_SET).expect("contract decodes");
    let mut files: Vec<_> = new.file_descriptor_protos().cloned().collect();
    let order = files
        .iter_mut()
        .find(|file| file.name() == "chimera/order/v1/order.proto")
        .expect("the order contract exists");
    let message = order
        .message_type
        .iter_mut()
        .find(|message| message.name() == "PlaceOrderRequest")
        .expect("PlaceOrderRequest exists");
    message.field.retain(|field| field.name() != "quantity");
    let mut changed = DescriptorPool::new();
    changed
        .add_file_descriptor_protos(files)
        .expect("still a valid set");
    let broken = breaks(&new, &changed);
    assert_eq!(
        broken,
        ["chimera.order.v1.PlaceOrderRequest.quantity is gone and its number 7 is not reserved"]
    );
}

#[test]
fn every_reason_is_documented_with_its_code() {
    let proto = fs::read_to_string(repository_root().join("proto/chimera/common/v1/errors.proto"))
        .expect("errors.proto");
    let mut comment = String::new();
    for line in proto.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("// ") {
            comment = format!("{comment} {text}");
        } else {
            if line.starts_with("ERROR_REASON_") && !line.starts_with("ERROR_REASON_UNSPECIFIED") {
                let code = comment.trim().split(':').next().unwrap_or_default();
                assert!(
                    code.chars()
                        .all(|letter| letter.is_ascii_uppercase() || letter == '_')
                        && !code.is_empty(),
                    "{line} begins with its gRPC code, not `{code}`"
                );
            }
            comment.clear();
        }
    }
}

/// Every reason that code may give stands in the contract's closed list.
#[test]
fn every_reason_in_code_is_one_of_the_contract() {
    let proto = fs::read_to_string(repository_root().join("proto/chimera/common/v1/errors.proto"))
        .expect("errors.proto");
    let known: Vec<&str> = proto
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("ERROR_REASON_"))
        .collect();
    let mut seen = 0;
    for path in crate::source::shipped_files() {
        // The simulator speaks a venue's words, not ours.
        if path.to_string_lossy().contains("venue-sim") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("source");
        for body in text.split("fn reason(").skip(1) {
            let body = body.split("\n    }").next().unwrap_or_default();
            // Every second piece between quotes is a literal.
            for literal in body.split('"').skip(1).step_by(2) {
                seen += 1;
                assert!(known.contains(&literal), "{}: {literal}", path.display());
            }
        }
    }
    assert!(
        seen > 40,
        "the search finds reasons at all, not only {seen}"
    );
}
