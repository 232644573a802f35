//! Block devices as they appear, what is on them, and their volumes opened read-only.
