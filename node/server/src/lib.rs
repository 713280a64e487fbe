//! The replica as a process: QUIC, storage, certificates.
