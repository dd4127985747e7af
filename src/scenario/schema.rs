//! The JSON Schema of scenario files, made of the types. Validates nothing itself.

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

use super::model::Scenario;
use super::own::{Word, Words};
use super::seed_file::SeedFile;

/// The schema of scenario files (draft 2020-12), as `scenarios/schema.json` holds it: pretty, with a final
/// newline.
#[must_use]
pub fn schema() -> String {
    schema_with(&Words::default())
}

/// The same with the words that a program adds.
#[must_use]
pub fn schema_with(words: &Words) -> String {
    let mut schema = generate::<Scenario>(words);
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        let about = "The schema of this file, for editors.";
        properties.insert("$schema".to_owned(), json!({ "type": "string", "description": about }));
    }
    pretty(&schema)
}

/// The schema of seed files, in the same form.
#[must_use]
pub fn seed_file_schema() -> String {
    seed_file_schema_with(&Words::default())
}

/// The same with the words that a program adds.
#[must_use]
pub fn seed_file_schema_with(words: &Words) -> String {
    pretty(&generate::<SeedFile>(words))
}

fn generate<T: JsonSchema>(words: &Words) -> Schema {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    // Schemas of types stand by themselves, so that there are references to them alone below.
    let all = [words.actions(), words.conditions()].concat();
    let own: Vec<Schema> = all.iter().map(|word| (word.schema)(&mut generator)).collect();
    let mut schema = generator.into_root_schema_for::<T>();
    let (actions, conditions) = own.split_at(words.actions().len());
    add_actions(&mut schema, words.actions().iter().zip(actions));
    add_conditions(&mut schema, words.conditions().iter().zip(conditions));
    add_layouts(&mut schema, words);
    for transform in [&mut NoNull as &mut dyn Transform, &mut Describe] {
        transform.transform(&mut schema);
    }
    schema
}

/// What the documentation of the arguments' type says.
fn about(schema: &Schema, arguments: &Schema) -> Value {
    let reference = arguments.get("$ref").and_then(Value::as_str).unwrap_or_default();
    let definition =
        schema.pointer(reference.trim_start_matches('#')).unwrap_or(arguments.as_value());
    definition.get("description").cloned().unwrap_or_else(|| json!(""))
}

fn add_actions<'a>(schema: &mut Schema, own: impl Iterator<Item = (&'a Word, &'a Schema)>) {
    for (word, arguments) in own {
        let choice = json!({
            "description": about(schema, arguments),
            "type": "object",
            "properties": { word.name: arguments },
            "required": [word.name],
            "additionalProperties": false,
        });
        let choices = schema.pointer_mut("/$defs/Action/oneOf").and_then(Value::as_array_mut);
        choices.expect("an action is one of several").push(choice);
    }
}

fn add_conditions<'a>(schema: &mut Schema, own: impl Iterator<Item = (&'a Word, &'a Schema)>) {
    for (word, arguments) in own {
        let mut property = arguments.clone();
        property.insert("description".to_owned(), about(schema, arguments));
        let keys = schema.pointer_mut("/$defs/Condition/properties").and_then(Value::as_object_mut);
        keys.expect("a condition has keys").insert(word.name.to_owned(), property.to_value());
    }
}

fn add_layouts(schema: &mut Schema, words: &Words) {
    let choices = schema.pointer_mut("/$defs/Layout/oneOf").and_then(Value::as_array_mut);
    let choices = choices.expect("a layout is one of several");
    choices.extend(
        words
            .layouts()
            .iter()
            .map(|word| json!({ "description": word.about, "type": "string", "const": word.name })),
    );
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
