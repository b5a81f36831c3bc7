//! The tree that finds the route of a path.
//!
//! Segment by segment a literal beats a parameter, and a parameter beats a rest; when the better
//! branch has no route for the method, the search goes back to the next. A node stands for one
//! depth, so a search visits no node twice: its cost is bounded by the size of the tree.

use super::template::{Segment, Template};
use http::Method;
use std::collections::BTreeMap;

/// Routes of one host, by path and method; `T` is what a route is known by.
#[derive(Debug)]
pub(super) struct Tree<T> {
    root: Node<T>,
}

#[derive(Debug)]
struct Node<T> {
    /// Ordered: few as they are, comparing them costs less than hashing one.
    literals: BTreeMap<String, Node<T>>,
    param: Option<Box<Node<T>>>,
    ends: Vec<End<T>>,
    rest: Vec<End<T>>,
}

#[derive(Debug)]
struct End<T> {
    /// Empty: any method.
    methods: Vec<Method>,
    route: T,
}

impl<T> Default for Tree<T> {
    fn default() -> Self {
        Self {
            root: Node::default(),
        }
    }
}

impl<T> Default for Node<T> {
    fn default() -> Self {
        Self {
            literals: BTreeMap::new(),
            param: None,
            ends: Vec::new(),
            rest: Vec::new(),
        }
    }
}

impl<T: Copy> Tree<T> {
    /// Adds a route, unless one that is there takes the same requests with the same right: then
    /// that one is returned.
    pub(super) fn insert(
        &mut self,
        template: &Template,
        methods: &[Method],
        route: T,
    ) -> Result<(), T> {
        let mut node = &mut self.root;
        let mut is_rest = false;
        for segment in &template.segments {
            node = match segment {
                Segment::Literal(text) => node.literals.entry(text.clone()).or_default(),
                Segment::Param(_) => node.param.get_or_insert_default(),
                Segment::Rest(_) => {
                    is_rest = true;
                    break;
                }
            };
        }
        let ends = if is_rest {
            &mut node.rest
        } else {
            &mut node.ends
        };
        let rival = ends.iter().find(|end| {
            if methods.is_empty() || end.methods.is_empty() {
                methods.is_empty() && end.methods.is_empty()
            } else {
                methods.iter().any(|method| end.methods.contains(method))
            }
        });
        if let Some(rival) = rival {
            return Err(rival.route);
        }
        ends.push(End {
            methods: methods.to_vec(),
            route,
        });
        // Routes that name their methods are asked before the one that takes any.
        ends.sort_by_key(|end| end.methods.is_empty());
        Ok(())
    }

    /// The most specific route for a path (without query) and method.
    pub(super) fn find(&self, path: &str, method: &Method) -> Option<T> {
        self.root.find(Some(path.strip_prefix('/')?), method)
    }
}

impl<T: Copy> Node<T> {
    /// `path` is what is left behind the last separator, or `None` when nothing is.
    fn find(&self, path: Option<&str>, method: &Method) -> Option<T> {
        let Some(path) = path else {
            return pick(&self.ends, method).or_else(|| pick(&self.rest, method));
        };
        let (segment, left) = match path.split_once('/') {
            Some((segment, left)) => (segment, Some(left)),
            None => (path, None),
        };
        let literal = || {
            self.literals
                .get(segment)
                .and_then(|node| node.find(left, method))
        };
        let param = || {
            let node = self.param.as_deref().filter(|_| !segment.is_empty())?;
            node.find(left, method)
        };
        literal()
            .or_else(param)
            .or_else(|| pick(&self.rest, method))
    }
}

fn pick<T: Copy>(ends: &[End<T>], method: &Method) -> Option<T> {
    ends.iter()
        .find(|end| end.methods.is_empty() || end.methods.contains(method))
        .map(|e| e.route)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(routes: &[(&str, &str)]) -> Tree<usize> {
        let mut tree = Tree::default();
        for (i, (methods, path)) in routes.iter().enumerate() {
            let methods: Vec<Method> = methods
                .split_whitespace()
                .map(|m| m.parse().unwrap())
                .collect();
            tree.insert(&path.parse().unwrap(), &methods, i).unwrap();
        }
        tree
    }

    #[test]
    fn the_most_specific_route_wins_whatever_the_order() {
        let tree = tree(&[
            ("", "/{*rest}"),
            ("", "/orders/{id}"),
            ("GET", "/orders/{id}"),
            ("", "/orders/new"),
            ("", "/orders/{id}/items/{item}"),
        ]);
        let find = |method: &Method, path| tree.find(path, method);
        assert_eq!(find(&Method::GET, "/orders/new"), Some(3));
        assert_eq!(find(&Method::GET, "/orders/17"), Some(2));
        assert_eq!(find(&Method::PUT, "/orders/17"), Some(1));
        assert_eq!(find(&Method::GET, "/orders/17/items/1"), Some(4));
        assert_eq!(find(&Method::GET, "/orders/17/items"), Some(0));
        assert_eq!(find(&Method::GET, "/orders/"), Some(0));
        assert_eq!(find(&Method::GET, "/orders"), Some(0));
        assert_eq!(find(&Method::GET, "/"), Some(0));
    }

    #[test]
    fn a_branch_without_the_method_gives_way_to_the_next() {
        let tree = tree(&[
            ("POST", "/orders/new"),
            ("GET", "/orders/{id}"),
            ("", "/{*rest}"),
        ]);
        assert_eq!(tree.find("/orders/new", &Method::GET), Some(1));
        assert_eq!(tree.find("/orders/new", &Method::DELETE), Some(2));
    }

    #[test]
    fn routes_with_equal_right_to_a_request_are_ambiguous() {
        let mut tree = tree(&[("GET HEAD", "/orders/{id}"), ("", "/orders/{order}")]);
        let template = "/orders/{other}".parse().unwrap();
        assert_eq!(tree.insert(&template, &[Method::HEAD], 2), Err(0));
        assert_eq!(tree.insert(&template, &[], 3), Err(1));
        assert_eq!(tree.insert(&template, &[Method::POST], 4), Ok(()));
    }

    #[test]
    fn a_rest_takes_nothing_too() {
        let tree = tree(&[("", "/files/{*rest}")]);
        assert_eq!(tree.find("/files", &Method::GET), Some(0));
        assert_eq!(tree.find("/files/a/b", &Method::GET), Some(0));
        assert_eq!(tree.find("/file", &Method::GET), None);
        assert_eq!(tree.find("*", &Method::OPTIONS), None);
    }
}
