//! The message types of the contract as JSON sees them, compiled once: reading options and names
//! from descriptors on every message would cost more than the message.

use std::collections::HashMap;

use prost_reflect::{
    Cardinality, DescriptorPool, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor,
};

/// The field option that names the sibling which holds the scale of a scaled integer.
const SCALED_BY: &str = "chimera.common.v1.scaled_by";

/// A message type that the REST edge cannot translate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SchemaError {
    /// A well-known type without a translation here.
    #[error("the REST edge has no translation for {0}")]
    Unsupported(String),
    /// `scaled_by` names nothing that can hold a scale.
    #[error("`scaled_by` of {field} does not name an unsigned integer field beside it")]
    Scale {
        /// Full name of the scaled field.
        field: String,
    },
}

/// Names one [`Shape`] of a [`Schema`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShapeId(usize);

/// All message types that bindings reach.
#[derive(Default)]
pub(crate) struct Schema {
    shapes: Vec<Shape>,
    by_name: HashMap<String, ShapeId>,
}

/// One message type.
pub(crate) struct Shape {
    pub(crate) descriptor: MessageDescriptor,
    pub(crate) form: Form,
    pub(crate) fields: Vec<Field>,
    /// Fields by their JSON name and by their name in the contract.
    names: HashMap<String, usize>,
}

/// How JSON writes a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As an object.
    Object,
    /// As RFC 3339 text.
    Timestamp,
    /// As seconds with an `s`.
    Duration,
}

/// One field.
pub(crate) struct Field {
    pub(crate) descriptor: FieldDescriptor,
    pub(crate) json_name: String,
    pub(crate) repetition: Repetition,
    pub(crate) kind: ValueKind,
    /// Whether absence differs from the default value.
    pub(crate) presence: bool,
    /// The other members of its `oneof`, if it is in one.
    pub(crate) rivals: Vec<FieldDescriptor>,
    /// The sibling that holds the number of decimals, when this is a scaled integer.
    pub(crate) scale: Option<FieldDescriptor>,
}

/// How often a value stands in a field.
#[derive(Clone)]
pub(crate) enum Repetition {
    /// Once at most.
    Single,
    /// Any number of times.
    List,
    /// Once for each key of this kind.
    Map(ValueKind),
}

/// What one value is.
#[derive(Clone)]
pub(crate) enum ValueKind {
    /// `bool`.
    Bool,
    /// Signed, 32 bits.
    I32,
    /// Signed, 64 bits.
    I64,
    /// Unsigned, 32 bits.
    U32,
    /// Unsigned, 64 bits.
    U64,
    /// `float`.
    F32,
    /// `double`.
    F64,
    /// `string`.
    Text,
    /// `bytes`.
    Bytes,
    /// An enum.
    Enum(Words),
    /// A message.
    Message(ShapeId),
}

/// The words of an enum.
#[derive(Clone)]
pub(crate) struct Words {
    descriptor: EnumDescriptor,
    /// What all names begin with, e.g. `SIDE_`.
    prefix: String,
}

impl Schema {
    /// Compiles a message type and all that it holds.
    pub(crate) fn add(&mut self, message: &MessageDescriptor) -> Result<ShapeId, SchemaError> {
        if let Some(known) = self.by_name.get(message.full_name()) {
            return Ok(*known);
        }
        let form = match message.full_name() {
            "google.protobuf.Timestamp" => Form::Timestamp,
            "google.protobuf.Duration" => Form::Duration,
            name if name.starts_with("google.protobuf.") => {
                return Err(SchemaError::Unsupported(name.to_owned()));
            }
            _ => Form::Object,
        };
        // The place is taken before the fields are read, so that a type may hold itself.
        let id = ShapeId(self.shapes.len());
        self.by_name.insert(message.full_name().to_owned(), id);
        self.shapes.push(Shape {
            descriptor: message.clone(),
            form,
            fields: Vec::new(),
            names: HashMap::new(),
        });
        let fields: Vec<Field> = message
            .fields()
            .map(|field| self.field(message, field))
            .collect::<Result<_, _>>()?;
        let names = fields.iter().enumerate().flat_map(|(index, field)| {
            [
                (field.json_name.clone(), index),
                (field.descriptor.name().to_owned(), index),
            ]
        });
        let shape = &mut self.shapes[id.0];
        shape.names = names.collect();
        shape.fields = fields;
        Ok(id)
    }

    /// Returns a compiled type.
    pub(crate) fn shape(&self, id: ShapeId) -> &Shape {
        &self.shapes[id.0]
    }

    fn field(
        &mut self,
        message: &MessageDescriptor,
        field: FieldDescriptor,
    ) -> Result<Field, SchemaError> {
        let (repetition, kind) = match field.kind() {
            Kind::Message(entry) if field.is_map() => {
                let key = self.kind(entry.map_entry_key_field().kind())?;
                (
                    Repetition::Map(key),
                    self.kind(entry.map_entry_value_field().kind())?,
                )
            }
            kind if field.cardinality() == Cardinality::Repeated => {
                (Repetition::List, self.kind(kind)?)
            }
            kind => (Repetition::Single, self.kind(kind)?),
        };
        let rivals = field.containing_oneof().map_or_else(Vec::new, |oneof| {
            oneof
                .fields()
                .filter(|other| other.number() != field.number())
                .collect()
        });
        Ok(Field {
            json_name: field.json_name().to_owned(),
            repetition,
            kind,
            presence: field.supports_presence(),
            rivals,
            scale: scale_of(message, &field)?,
            descriptor: field,
        })
    }

    fn kind(&mut self, kind: Kind) -> Result<ValueKind, SchemaError> {
        Ok(match kind {
            Kind::Bool => ValueKind::Bool,
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => ValueKind::I32,
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => ValueKind::I64,
            Kind::Uint32 | Kind::Fixed32 => ValueKind::U32,
            Kind::Uint64 | Kind::Fixed64 => ValueKind::U64,
            Kind::Float => ValueKind::F32,
            Kind::Double => ValueKind::F64,
            Kind::String => ValueKind::Text,
            Kind::Bytes => ValueKind::Bytes,
            Kind::Enum(descriptor) => ValueKind::Enum(Words::new(descriptor)),
            Kind::Message(message) => ValueKind::Message(self.add(&message)?),
        })
    }
}

/// Returns the field that holds the scale of `field`, when the contract names one.
fn scale_of(
    message: &MessageDescriptor,
    field: &FieldDescriptor,
) -> Result<Option<FieldDescriptor>, SchemaError> {
    let pool: &DescriptorPool = message.parent_pool();
    let Some(option) = pool.get_extension_by_name(SCALED_BY) else {
        return Ok(None);
    };
    let options = field.options();
    if !options.has_extension(&option) {
        return Ok(None);
    }
    let named = options.get_extension(&option);
    let scale = named
        .as_str()
        .and_then(|name| message.get_field_by_name(name));
    let valid = |scale: &FieldDescriptor| {
        scale.kind() == Kind::Uint32 && scale.cardinality() != Cardinality::Repeated
    };
    let scaled = matches!(field.kind(), Kind::Int64 | Kind::Sint64 | Kind::Sfixed64);
    match scale.filter(valid) {
        Some(scale) if scaled && !field.is_map() => Ok(Some(scale)),
        _ => Err(SchemaError::Scale {
            field: field.full_name().to_owned(),
        }),
    }
}

impl Shape {
    /// Returns the field of a JSON name (`bidPrice`) or a name of the contract (`bid_price`).
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.names.get(name).map(|index| &self.fields[*index])
    }

    /// Returns the JSON name that `name` was most likely meant to be.
    pub(crate) fn nearest(&self, name: &str) -> Option<&str> {
        let names = self.fields.iter().map(|field| field.json_name.as_str());
        super::nearest::nearest(name, names)
    }
}

impl Words {
    fn new(descriptor: EnumDescriptor) -> Self {
        // The contract's style: the zero value is the enum's name and `UNSPECIFIED`.
        let zero = descriptor.default_value();
        let prefix = zero
            .name()
            .strip_suffix("UNSPECIFIED")
            .unwrap_or_default()
            .to_owned();
        Self { descriptor, prefix }
    }

    /// Returns the name of a number, as the contract writes it.
    pub(crate) fn name(&self, number: i32) -> Option<String> {
        self.descriptor
            .get_value(number)
            .map(|value| value.name().to_owned())
    }

    /// Reads a name, with its prefix or without.
    pub(crate) fn number(&self, name: &str) -> Option<i32> {
        let full = || {
            self.descriptor
                .get_value_by_name(&format!("{}{name}", self.prefix))
        };
        self.descriptor
            .get_value_by_name(name)
            .or_else(full)
            .map(|value| value.number())
    }

    /// Returns a number if the contract knows it.
    pub(crate) fn known(&self, number: i64) -> Option<i32> {
        let number = i32::try_from(number).ok()?;
        self.descriptor
            .get_value(number)
            .map(|value| value.number())
    }

    /// Returns what is valid on input, for a person.
    pub(crate) fn valid(&self) -> String {
        let names = self.descriptor.values().filter(|value| value.number() != 0);
        let names: Vec<String> = names
            .map(|value| value.name().trim_start_matches(&self.prefix).to_owned())
            .collect();
        format!("must be one of {}", names.join(", "))
    }
}
