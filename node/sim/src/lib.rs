//! Many replicas in virtual time, from one seed.
