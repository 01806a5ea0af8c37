//! The process that sees: shards, attention and the sandbox.
