//! The stored findings of one route, one after the other. What is made of them is not known here.

use crate::journal::{Filter, FindingDetail, FindingSummary, JournalError, Reader, Sort};
use std::vec::IntoIter;

/// Findings that are looked up at once.
const PAGE: u32 = 100;

/// The findings of a route, by last sight: that recurs less than counts do while pages are turned.
pub(super) struct Stored<'r> {
    reader: &'r Reader,
    /// What the next page is, while there is one.
    filter: Option<Filter>,
    page: IntoIter<FindingSummary>,
}

impl<'r> Stored<'r> {
    pub(super) fn of(reader: &'r Reader, route: &str) -> Self {
        let filter = Filter {
            route: Some(route.to_owned()),
            sort: Sort::Recent,
            limit: PAGE,
            ..Filter::default()
        };
        Self {
            reader,
            filter: Some(filter),
            page: Vec::new().into_iter(),
        }
    }

    /// The next one with its samples, unless it has gone meanwhile.
    pub(super) async fn next(&mut self) -> Result<Option<FindingDetail>, JournalError> {
        loop {
            for finding in self.page.by_ref() {
                if let Some(detail) = self.reader.finding(&finding.id).await? {
                    return Ok(Some(detail));
                }
            }
            let Some(mut filter) = self.filter.take() else {
                return Ok(None);
            };
            let page = self.reader.findings(&filter).await?;
            self.page = page.findings.into_iter();
            self.filter = page.next.map(|next| {
                filter.after = Some(next);
                filter
            });
        }
    }
}
