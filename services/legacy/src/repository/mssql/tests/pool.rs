//! The pool keeps a connection that it is sure of, and no other.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::timeout;

use super::{
    fake::{Fake, Reply, limits},
    tokens::{Cell, done, error, result},
};
use crate::repository::mssql::{
    MssqlError,
    call::Call,
    columns::int,
    pool::{Limits, Pool},
};

fn call(id: i32) -> Call {
    Call::of("dbo.Echo").int("Id", id)
}

fn one() -> Reply {
    Reply::Tokens(result("One", &[&[Cell::Int(1)]]))
}

fn pool(fake: &Fake, limits: Limits) -> Pool {
    Pool::new(fake.address(), limits)
}

async fn is_answered(pool: &Pool) {
    let [rows] = pool.results(&call(1)).await.unwrap();
    assert_eq!(int(&rows[0], "One").unwrap(), 1);
}

/// Answers in this way on the first connection, and as it should on every other.
async fn first_connection(reply: impl Fn() -> Reply + Send + Sync + 'static) -> Fake {
    Fake::start(
        move |request| match (request.text.as_str(), request.connection) {
            ("LOGIN", _) | (_, 1..) => one(),
            _ => reply(),
        },
    )
    .await
}

#[tokio::test]
async fn a_connection_whose_answer_was_read_is_used_again() {
    let fake = Fake::start(|_| one()).await;
    let pool = pool(&fake, limits());
    for _ in 0..3 {
        is_answered(&pool).await;
    }
    assert_eq!((fake.connections(), fake.requests().len()), (1, 3));
}

#[tokio::test]
async fn a_refusal_keeps_its_connection() {
    let fake = first_connection(|| Reply::Tokens(error(51001, 16, "no"))).await;
    let pool = pool(&fake, limits());
    for _ in 0..2 {
        let refused = pool.call(&call(1)).await.unwrap_err();
        assert!(matches!(
            refused,
            MssqlError::Call {
                call: "dbo.Echo",
                ..
            }
        ));
    }
    assert_eq!(fake.connections(), 1);
}

#[tokio::test]
async fn a_call_that_is_dropped_half_way_costs_its_connection() {
    let half = || Reply::Half(result("One", &[&[Cell::Int(99)]]));
    let fake = first_connection(half).await;
    let pool = pool(&fake, limits());
    let (first, long) = (call(1), Duration::from_secs(20));
    tokio::select! {
        answer = pool.call(&first) => panic!("{answer:?}"),
        () = async { while fake.requests().is_empty() { tokio::task::yield_now().await } } => {}
    }
    // The other half of the old answer would be read as this one.
    timeout(long, is_answered(&pool)).await.unwrap();
    assert_eq!(fake.connections(), 2);
}

#[tokio::test]
async fn an_answer_that_never_ends_times_out_and_costs_its_connection() {
    for reply in [|| Reply::Silence, || Reply::Half(done())] {
        let fake = first_connection(reply).await;
        let short = Limits {
            call: Duration::from_secs(1),
            ..limits()
        };
        let pool = pool(&fake, short);
        let late = pool.call(&call(1)).await.unwrap_err();
        assert!(matches!(
            late,
            MssqlError::Timeout {
                call: "dbo.Echo",
                ..
            }
        ));
        is_answered(&pool).await;
        assert_eq!(fake.connections(), 2);
    }
}

#[tokio::test]
async fn what_breaks_the_protocol_costs_its_connection() {
    let replies: [fn() -> Reply; 4] = [
        || Reply::Close,
        || Reply::Tokens(vec![0x42; 100]),
        || Reply::Tokens(vec![0xd1, 4, 1]),
        // A severity of 20 and above ends the session.
        || Reply::Tokens(error(9001, 21, "the log is not available")),
    ];
    for reply in replies {
        let fake = first_connection(reply).await;
        let pool = pool(&fake, limits());
        let broken = pool.call(&call(1)).await.unwrap_err();
        assert!(matches!(broken, MssqlError::Call { .. }), "{broken:?}");
        is_answered(&pool).await;
        assert_eq!(fake.connections(), 2);
    }
}

#[tokio::test]
async fn calls_beyond_the_bound_wait_and_then_say_so() {
    let fake = Fake::start(|request| match request.text.as_str() {
        "LOGIN" => one(),
        _ => Reply::Silence,
    })
    .await;
    let pool = Arc::new(pool(&fake, limits()));
    let hanging: Vec<_> = (0..2)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.call(&call(1)).await })
        })
        .collect();
    while fake.requests().len() < 2 {
        tokio::task::yield_now().await;
    }
    let busy = pool.call(&call(1)).await.unwrap_err();
    assert!(matches!(busy, MssqlError::Busy(_)), "{busy:?}");
    assert_eq!(fake.connections(), 2);
    hanging.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn a_deadlocks_victim_is_sent_again_but_not_for_ever() {
    for (deadlocks, requests, answered) in [(2, 3, true), (usize::MAX, 4, false)] {
        let sent = AtomicUsize::new(0);
        let fake = Fake::start(move |request| match request.text.as_str() {
            "LOGIN" => one(),
            _ if sent.fetch_add(1, Ordering::Relaxed) < deadlocks => {
                Reply::Tokens(error(1205, 13, "deadlocked"))
            }
            _ => one(),
        })
        .await;
        let pool = pool(&fake, limits());
        assert_eq!(pool.call(&call(1)).await.is_ok(), answered);
        assert_eq!((fake.requests().len(), fake.connections()), (requests, 1));
    }
}

#[tokio::test]
async fn a_connection_that_died_while_idle_costs_no_call() {
    let fake = first_connection({
        let sent = AtomicUsize::new(0);
        move || match sent.fetch_add(1, Ordering::Relaxed) {
            0 => one(),
            _ => Reply::Close,
        }
    })
    .await;
    let careful = Limits {
        idle: Duration::ZERO,
        ..limits()
    };
    let pool = pool(&fake, careful);
    is_answered(&pool).await;
    is_answered(&pool).await;
    assert_eq!(fake.connections(), 2);
}

#[tokio::test]
async fn a_closed_pool_refuses_calls() {
    let fake = Fake::start(|_| one()).await;
    let pool = pool(&fake, limits());
    is_answered(&pool).await;
    pool.close();
    let closed = pool.call(&call(1)).await.unwrap_err();
    assert!(matches!(closed, MssqlError::Closed), "{closed:?}");
}

#[tokio::test]
async fn another_number_of_results_is_an_error() {
    let fake = Fake::start(|_| one()).await;
    let pool = pool(&fake, limits());
    let error = pool.results::<2>(&call(1)).await.unwrap_err().to_string();
    assert_eq!(error, "dbo.Echo gave 1 results instead of 2");
}
