//! The JSON Schema of scenario files, made of the types. Validates nothing itself.

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

use super::model::Scenario;
use super::seed_file::SeedFile;

/// The schema of scenario files (draft 2020-12), as `scenarios/schema.json` holds it: pretty, with a final
/// newline.
#[must_use]
pub fn schema() -> String {
    let mut schema = generate::<Scenario>();
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        let about = "The schema of this file, for editors.";
        properties.insert("$schema".to_owned(), json!({ "type": "string", "description": about }));
    }
    pretty(&schema)
}

/// The schema of seed files, in the same form.
#[must_use]
pub fn seed_file_schema() -> String {
    pretty(&generate::<SeedFile>())
}

fn generate<T: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft2020_12();
    let settings = settings.with_transform(NoNull).with_transform(Describe);
    settings.into_generator().into_root_schema_for::<T>()
}

fn pretty(schema: &Schema) -> String {
    let text = serde_json::to_string_pretty(schema).expect("a schema is plain JSON");
    text + "\n"
}

/// A key that may be left out is never `null`.
#[derive(Clone)]
struct NoNull;

impl Transform for NoNull {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        if let Some(Value::Array(types)) = schema.get_mut("type") {
            types.retain(|name| name != "null");
            if let [only] = &types[..] {
                let only = only.clone();
                schema.insert("type".to_owned(), only);
            }
        }
        let Some(Value::Array(choices)) = schema.get_mut("anyOf") else { return };
        choices.retain(|choice| choice.get("type") != Some(&json!("null")));
        if let [Value::Object(only)] = &choices[..] {
            let only = only.clone();
            schema.remove("anyOf");
            for (key, value) in only {
                schema.insert(key, value);
            }
        }
    }
}

/// Makes descriptions fit for an editor's hint: one paragraph, and at the key that a person types.
#[derive(Clone)]
struct Describe;

impl Transform for Describe {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(Value::String(about)) = schema.get("description") else { return };
        let about = Value::String(about.split_whitespace().collect::<Vec<_>>().join(" "));
        schema.insert("description".to_owned(), about.clone());
        // A name of an enum that is the key of its content.
        let Some(Value::Object(properties)) = schema.get_mut("properties") else { return };
        if properties.len() == 1 {
            for property in properties.values_mut().filter_map(Value::as_object_mut) {
                property.entry("description").or_insert_with(|| about.clone());
            }
        }
    }
}
