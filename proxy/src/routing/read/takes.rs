//! What a route takes, and which others take of that before it does.
//!
//! The trees that find a route are made of the same file and decide the same: a host before those
//! below it, and these before any; then segment by segment; then who names the method.

use crate::routes::raw::RawFile;
use crate::routing::template::{Segment, Template};
use serde::Serialize;
use std::cmp::Ordering::{self, Equal, Greater, Less};

/// What a route takes.
#[derive(Debug)]
pub(super) struct Takes<'a> {
    host: Option<String>,
    /// Without one, or where it is the default, it takes what nobody else does.
    template: Option<Template>,
    methods: &'a [String],
    is_default: bool,
}

/// What a route takes, without the names of its parameters.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Taken<'a> {
    host: Option<&'a str>,
    path: Option<Vec<&'a str>>,
    methods: Vec<&'a str>,
    is_default: bool,
}

impl<'a> Takes<'a> {
    /// That of every route, in the order of the file. What can't be parsed is refused elsewhere.
    pub(super) fn of(file: &'a RawFile) -> Vec<Self> {
        let routes = file.routes.iter();
        let takes = routes.map(|route| Self {
            host: route.host.as_ref().map(|host| host.to_ascii_lowercase()),
            template: route.path.as_ref().and_then(|path| path.parse().ok()),
            methods: &route.methods,
            is_default: file.default.as_ref() == Some(&route.name),
        });
        takes.collect()
    }

    /// What this takes, and then what others take of it, in no order of the file.
    pub(super) fn settled<'t>(&'t self, all: &'t [Self]) -> (Taken<'t>, Vec<Taken<'t>>) {
        let first = all.iter().filter(|other| other.comes_before(self));
        let mut first: Vec<Taken<'_>> = first.map(Self::taken).collect();
        first.sort_unstable();
        (self.taken(), first)
    }

    fn taken(&self) -> Taken<'_> {
        let mut methods: Vec<&str> = self.methods.iter().map(String::as_str).collect();
        methods.sort_unstable();
        let path = self.template.as_ref();
        Taken {
            host: self.host.as_deref(),
            path: path.map(|template| template.segments.iter().map(nameless).collect()),
            methods,
            is_default: self.is_default,
        }
    }

    /// Whether there are requests that both could take and that this one gets.
    fn comes_before(&self, other: &Self) -> bool {
        if std::ptr::eq(self, other) {
            return false;
        }
        // What the default is given because nobody takes it, each of the others takes a part of.
        if other.is_default || other.template.is_none() {
            return true;
        }
        let (Some(mine), Some(theirs)) = (&self.template, &other.template) else {
            return false;
        };
        let named = [self.methods, other.methods].map(|methods| !methods.is_empty());
        if named == [true, true] && !self.methods.iter().any(|m| other.methods.contains(m)) {
            return false;
        }
        let Some(path) = rank(&mine.segments, &theirs.segments) else {
            return false;
        };
        match (self.host.as_deref(), other.host.as_deref()) {
            (mine, theirs) if mine == theirs => match path {
                Less => true,
                Equal => named == [true, false],
                Greater => false,
            },
            (Some(_), None) => true,
            (Some(mine), Some(theirs)) => theirs
                .strip_prefix('*')
                .is_some_and(|end| mine.strip_prefix('*').unwrap_or(mine).ends_with(end)),
            (None, _) => false,
        }
    }
}

fn nameless(segment: &Segment) -> &str {
    match segment {
        Segment::Literal(text) => text,
        Segment::Param(_) => "{}",
        Segment::Rest(_) => "{*}",
    }
}

/// Which of two templates comes first for the paths that both take, the first one if it is less; `None`
/// where there are no such paths.
fn rank(mine: &[Segment], theirs: &[Segment]) -> Option<Ordering> {
    use Segment::{Literal, Param, Rest};
    let mut rank = Equal;
    let (mut mine, mut theirs) = (mine.iter(), theirs.iter());
    loop {
        let here = match (mine.next(), theirs.next()) {
            (None, None) | (Some(Rest(_)), Some(Rest(_))) => return Some(rank),
            (Some(Rest(_)), _) => return Some(rank.then(Greater)),
            (_, Some(Rest(_))) => return Some(rank.then(Less)),
            (Some(Literal(mine)), Some(Literal(theirs))) if mine == theirs => Equal,
            (Some(Param(_)), Some(Param(_))) => Equal,
            // A parameter takes no empty segment.
            (Some(Literal(text)), Some(Param(_))) if !text.is_empty() => Less,
            (Some(Param(_)), Some(Literal(text))) if !text.is_empty() => Greater,
            _ => return None,
        };
        rank = rank.then(here);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether `first` takes something of what `other` could.
    fn before(first: &str, other: &str) -> bool {
        let route = |name: &str, text: &str| {
            let (methods, rest) = text.split_once(' ').unwrap_or_default();
            let (host, path) = rest.split_once('/').unwrap();
            let host = if host.is_empty() {
                String::new()
            } else {
                format!("host = \"{host}\"\n")
            };
            let methods: Vec<&str> = methods.split(',').filter(|m| !m.is_empty()).collect();
            format!(
                "[[routes]]\nname = \"{name}\"\nmode = \"legacy\"\npath = \"/{path}\"\n{host}methods = {methods:?}\n"
            )
        };
        let file = route("first", first) + &route("other", other);
        let file: RawFile = toml::from_str(&file).unwrap();
        let takes = Takes::of(&file);
        takes[0].comes_before(&takes[1])
    }

    #[test]
    fn who_is_more_specific_for_requests_of_both_comes_before() {
        for (first, other) in [
            (" /api/ping", " /api/{*rest}"),
            (" /api", " /api/{*rest}"),
            (" /api/{a}", " /api/{*rest}"),
            (" /orders/new", " /orders/{id}"),
            (" /orders/{id}/new", " /orders/{id}/{item}"),
            (" /orders/{*rest}", " /{a}/{b}"),
            ("GET /orders/{id}", " /orders/{order}"),
            ("GET /orders/new", "GET,PUT /orders/{id}"),
            (" a.example/{*rest}", " /orders"),
            (" a.example/{*rest}", " *.example/orders"),
            (" *.b.example/{*rest}", " *.example/orders"),
        ] {
            assert!(before(first, other), "{first} before {other}");
            assert!(!before(other, first), "{other} before {first}");
        }
    }

    #[test]
    fn who_has_no_request_in_common_takes_nothing_from_the_other() {
        for (first, other) in [
            (" /orders/{id}", " /invoices/{id}"),
            (" /orders/{id}", " /orders"),
            (" /orders/", " /orders/{id}"),
            ("PUT /orders/new", "GET /orders/{id}"),
            (" a.example/orders", " b.example/orders"),
            (" *.a.example/orders", " b.example/orders"),
        ] {
            assert!(
                !before(first, other) && !before(other, first),
                "{first}, {other}"
            );
        }
    }
}
