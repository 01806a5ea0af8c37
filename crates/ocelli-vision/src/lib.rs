//! Pixels, in the eye only: decoders, detectors and redaction.
