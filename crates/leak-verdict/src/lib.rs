//! Growth series and graph differences to a verdict with its evidence.
