//! The typed contract of Chimera, generated from `proto/`: messages, clients and servers by
//! package, and the descriptor set that reflection and the REST edge read at run time.

// Generated code answers to the generator's style.
#![allow(clippy::all, missing_docs)]

/// Every file of the contract with its imports, options and comments, as an encoded
/// `google.protobuf.FileDescriptorSet`.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/chimera.binpb"));

/// Words, stream frames and error reasons that every service shares.
pub mod common {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("chimera.common.v1");
    }
}

/// Public market data.
pub mod market_data {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("chimera.market_data.v1");
    }
}

/// Live venue sessions (internal).
pub mod connector {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("chimera.connector.v1");
    }
}

/// Orders.
pub mod order {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("chimera.order.v1");
    }
}

/// Positions, balances, margin and profit.
pub mod position {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("chimera.position.v1");
    }
}

/// The control plane of outside calls.
pub mod api_factory {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("chimera.api_factory.v1");
    }
}

/// The outside calls of one process (internal).
pub mod egress {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("chimera.egress.v1");
    }
}
