//! The parent: ingest tasks, supervision of eyes, accounting.
