//! JSON:API documents as the contract has them: one resource, or a list with its count.
//!
//! Links, included resources and pages are not part of the contract.

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// A success body; answers as `application/json`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Document<D> {
    data: D,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    meta: Option<Meta>,
}

/// What a collection says about itself.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct Meta {
    count: usize,
}

/// One resource; `R` is its relationships, [`Unrelated`] when it has none.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Resource<A, R = Unrelated> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: String,
    attributes: A,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    relationships: Option<R>,
}

/// The relationships of a resource that has none; never written.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Unrelated {}

/// The value of one relationship: `Relation<Identifier>` to one, `Relation<Vec<Identifier>>` to
/// many.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Relation<D> {
    data: D,
}

/// A resource named by type and id alone.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Identifier {
    #[serde(rename = "type")]
    kind: &'static str,
    id: String,
}

impl<A, R> Document<Resource<A, R>> {
    /// A document of one resource.
    pub fn one(resource: Resource<A, R>) -> Self {
        Self {
            data: resource,
            meta: None,
        }
    }
}

impl<A, R> Document<Vec<Resource<A, R>>> {
    /// A document of a collection, with `meta.count`.
    pub fn list(resources: Vec<Resource<A, R>>) -> Self {
        let meta = Some(Meta {
            count: resources.len(),
        });
        Self {
            data: resources,
            meta,
        }
    }
}

impl<A> Resource<A> {
    /// A resource without relationships.
    pub fn new(kind: &'static str, id: impl Into<String>, attributes: A) -> Self {
        Self {
            kind,
            id: id.into(),
            attributes,
            relationships: None,
        }
    }

    /// The same resource with relationships.
    pub fn related<R>(self, relationships: R) -> Resource<A, R> {
        let Self {
            kind,
            id,
            attributes,
            ..
        } = self;
        Resource {
            kind,
            id,
            attributes,
            relationships: Some(relationships),
        }
    }
}

impl Relation<Identifier> {
    /// A relationship to one resource.
    pub fn to_one(kind: &'static str, id: impl Into<String>) -> Self {
        Self {
            data: Identifier {
                kind,
                id: id.into(),
            },
        }
    }
}

impl Relation<Vec<Identifier>> {
    /// A relationship to many resources of one type, in the order given.
    pub fn to_many(kind: &'static str, ids: impl IntoIterator<Item = String>) -> Self {
        Self {
            data: ids.into_iter().map(|id| Identifier { kind, id }).collect(),
        }
    }
}

impl<D: Serialize> IntoResponse for Document<D> {
    fn into_response(self) -> Response {
        Json(self).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Related {
        customer: Relation<Identifier>,
        items: Relation<Vec<Identifier>>,
    }

    #[test]
    fn a_list_counts_itself() {
        let list = Document::list(vec![Resource::new("health", "a", 1)]);
        assert_eq!(
            serde_json::to_string(&list).unwrap(),
            r#"{"data":[{"type":"health","id":"a","attributes":1}],"meta":{"count":1}}"#
        );
    }

    #[test]
    fn relationships_are_type_and_id() {
        let related = Related {
            customer: Relation::to_one("customer", "3"),
            items: Relation::to_many("order-item", ["1".to_owned()]),
        };
        let one = Document::one(Resource::new("order", "17", 0).related(related));
        assert_eq!(
            serde_json::to_string(&one).unwrap(),
            r#"{"data":{"type":"order","id":"17","attributes":0,"relationships":{"customer":{"data":{"type":"customer","id":"3"}},"items":{"data":[{"type":"order-item","id":"1"}]}}}}"#
        );
    }
}
