//! The only crate that dials out.

pub mod http;
pub mod quota;
pub mod reqwest_client;
pub mod tls;
pub use crate::http::ConnectFault;
