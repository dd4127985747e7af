//! The JSON format: types, schema, loading, validation. Runs nothing.
