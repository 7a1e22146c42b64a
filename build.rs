//! Compiles the contract with a pure-Rust compiler, so that a build needs nothing but Rust.

use std::{env, error::Error, fs, path::PathBuf};

const SERVICES: [&str; 7] = [
    "api_factory",
    "common",
    "connector",
    "egress",
    "market_data",
    "order",
    "position",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let mut files = Vec::new();
    for service in SERVICES {
        for entry in fs::read_dir(format!("proto/chimera/{service}/v1"))? {
            files.push(entry?.path());
        }
    }
    files.sort();

    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler
        .include_imports(true)
        .include_source_info(true)
        .open_files(&files)?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    // Written raw: the option values in it (REST paths, scales) are unknown fields to prost's own descriptor types.
    fs::write(
        out.join("chimera.binpb"),
        compiler.encode_file_descriptor_set(),
    )?;
    tonic_prost_build::configure().compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
