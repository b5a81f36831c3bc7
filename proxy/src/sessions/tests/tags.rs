//! Entity tags, and the conditions that are made of them.

use super::*;

fn tagged(sessions: &Sessions, target: &str, legacy: &str, modern: &str) {
    let exchange = exchange(target, "", answer(&[(ETAG, legacy)]));
    sessions.learn_tags(&exchange, target.as_bytes(), &answer(&[(ETAG, modern)]));
}

/// What becomes of a conditional request that legacy answered with a status.
fn condition(
    sessions: &Sessions,
    name: &HeaderName,
    tags: &str,
    naming: Naming,
    status: u16,
) -> Result<String, Unknown> {
    let headers = headers(&[(name.clone(), tags)]);
    let request = sessions.request(&[], ("/orders/1", &headers), naming, status);
    let changes = request.unwrap().headers()?;
    Ok(
        match changes.into_iter().find(|(changed, _)| changed == name) {
            Some((_, line)) => {
                line.map_or_else(String::new, |line| line.to_str().unwrap().to_owned())
            }
            None => tags.to_owned(),
        },
    )
}

#[tokio::test]
async fn a_tag_goes_to_either_side_as_that_side_gave_it_for_the_same_target() {
    let (sessions, _folder) = sessions().await;
    tagged(&sessions, "/orders/1", "\"1\"", "W/\"abc\"");
    tagged(&sessions, "/orders/2", "\"1\"", "\"other\"");
    let none_match =
        |tags, naming, status| condition(&sessions, &IF_NONE_MATCH, tags, naming, status);
    assert_eq!(none_match("\"1\"", MIRRORED, 304).unwrap(), "W/\"abc\"");
    assert_eq!(none_match("W/\"1\"", SERVED, 0).unwrap(), "W/\"abc\"");
    let back = Naming::Clients(Side::Legacy);
    assert_eq!(
        none_match("\"x\",W/\"abc\"", back, 0).unwrap(),
        "\"x\", W/\"1\""
    );
    assert_eq!(none_match("\"abc\"", SERVED, 0).unwrap(), "\"abc\"");
    for same in ["*", "rubbish", "\"open"] {
        assert_eq!(none_match(same, MIRRORED, 304).unwrap(), same);
    }
}

#[tokio::test]
async fn an_unknown_tag_is_sent_only_where_it_decides_nothing() {
    let (sessions, _folder) = sessions().await;
    let mirrored = |name, status| condition(&sessions, &name, "\"9\"", MIRRORED, status);
    assert_eq!(mirrored(IF_NONE_MATCH, 304), Err(Unknown));
    assert_eq!(mirrored(IF_NONE_MATCH, 200).unwrap(), "");
    assert_eq!(mirrored(IF_MATCH, 412), Err(Unknown));
    assert_eq!(mirrored(IF_MATCH, 204).unwrap(), "");
    tagged(&sessions, "/orders/1", "\"1\"", "\"abc\"");
    let lists = |status| condition(&sessions, &IF_NONE_MATCH, "\"9\", \"1\"", MIRRORED, status);
    assert_eq!(lists(200).unwrap(), "\"abc\"");
    assert_eq!(lists(304), Err(Unknown));
    let served = condition(&sessions, &IF_NONE_MATCH, "\"9\"", SERVED, 0);
    assert_eq!(served.unwrap(), "\"9\"");
}
