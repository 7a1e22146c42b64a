//! Templates, bindings and JSON against a contract made for these tests, which has what the mesh's
//! own does not have yet.

mod bindings;
mod fixture;
mod templates;
mod translation;
