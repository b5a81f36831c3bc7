//! Connections: which are kept, which serve another request, and which become tunnels.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that can't be set up fails"
)]

mod common;

use common::wire::{GET, OK, connect, in_front_of, read_request, read_until, say, telling};
use common::{PATIENCE, Proxy, dead_backend, one_route, raw_backend};
use cutover::outcome::Outcome;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

#[tokio::test]
async fn a_websocket_is_a_tunnel_until_either_side_ends_it() {
    let (tell, mut told) = unbounded_channel();
    let side = raw_backend(move |mut stream: TcpStream| {
        let tell = tell.clone();
        async move {
            let head = read_until(&mut stream, "\r\n\r\n").await;
            let _ = tell.send(head);
            let switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
                          Upgrade: websocket\r\n\r\nfirst words";
            stream.write_all(switch.as_bytes()).await.unwrap();
            let mut byte = [0];
            while let Ok(1) = stream.read(&mut byte).await {
                stream.write_all(&byte).await.unwrap();
            }
            let _ = tell.send("ended".into());
        }
    })
    .await;
    let proxy = in_front_of(side).await;
    let mut client = connect(&proxy).await;
    let ask = b"GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\n\
                Upgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\nearly";
    client.write_all(ask).await.unwrap();
    let head = read_until(&mut client, "\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let head = head.to_lowercase();
    for line in ["\r\nupgrade: websocket\r\n", "\r\nconnection: upgrade\r\n"] {
        assert!(head.contains(line), "{head}");
    }
    read_until(&mut client, "first words").await;
    read_until(&mut client, "early").await;
    client.write_all(b"ping").await.unwrap();
    read_until(&mut client, "ping").await;
    let sent = told.recv().await.unwrap().to_lowercase();
    assert!(sent.contains("connection: upgrade") && sent.contains("sec-websocket-key: x"));
    drop(client);
    assert_eq!(
        timeout(PATIENCE, told.recv()).await.unwrap().unwrap(),
        "ended"
    );
}

#[tokio::test]
async fn an_upgrade_that_nobody_asked_for_is_no_answer() {
    let switch = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
    let (side, _told) = telling(switch).await;
    let answer = say(&in_front_of(side).await, GET).await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
}

#[tokio::test]
async fn requests_that_come_at_once_are_answered_in_their_order() {
    // The side answers with the path that it was asked for.
    let side = raw_backend(|mut stream: TcpStream| async move {
        while let Some(request) = read_request(&mut stream).await {
            let path = request.split(' ').nth(1).unwrap();
            let length = path.len();
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{path}");
            stream.write_all(answer.as_bytes()).await.unwrap();
            if request.contains("chunked") {
                // The end of the chunks.
                stream.read_exact(&mut [0; 5]).await.unwrap();
            }
        }
    })
    .await;
    let asks = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n\
                POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc\
                POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\
                GET /4 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let answers = say(&in_front_of(side).await, asks.as_bytes()).await;
    let bodies: Vec<&str> = answers
        .split("HTTP/1.1 200")
        .filter_map(|answer| answer.split_once("\r\n\r\n"))
        .map(|(_, body)| body)
        .collect();
    assert_eq!(bodies, ["/1", "/2", "/3", "/4"], "{answers}");
}

#[tokio::test]
async fn a_connection_that_took_half_a_request_takes_no_other() {
    let connections = Arc::new(AtomicUsize::new(0));
    let made = Arc::clone(&connections);
    // The side answers as soon as it has the head, and keeps the connection.
    let side = raw_backend(move |mut stream: TcpStream| {
        made.fetch_add(1, Ordering::Relaxed);
        async move {
            loop {
                read_until(&mut stream, "\r\n\r\n").await;
                stream.write_all(OK.as_bytes()).await.unwrap();
            }
        }
    })
    .await;
    let proxy = in_front_of(side).await;
    let mut client = connect(&proxy).await;
    let half = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf";
    client.write_all(half).await.unwrap();
    let answer = read_until(&mut client, "ok").await;
    assert!(
        answer.to_lowercase().contains("connection: close"),
        "{answer}"
    );
    assert_eq!(proxy.get("/").await.body, "ok");
    assert_eq!(connections.load(Ordering::Relaxed), 2);
    assert_eq!(proxy.get("/").await.body, "ok");
    assert_eq!(connections.load(Ordering::Relaxed), 2);
}

/// A side that answers the first request of each connection and hangs up on the second, and the
/// number of connections that were made to it.
async fn forgetful() -> (SocketAddr, Arc<AtomicUsize>, UnboundedReceiver<String>) {
    let connections = Arc::new(AtomicUsize::new(0));
    let (tell, told) = unbounded_channel();
    let made = Arc::clone(&connections);
    let side = raw_backend(move |mut stream: TcpStream| {
        made.fetch_add(1, Ordering::Relaxed);
        let tell = tell.clone();
        async move {
            for answer in [OK, ""] {
                let Some(request) = read_request(&mut stream).await else {
                    return;
                };
                let _ = tell.send(request);
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        }
    })
    .await;
    (side, connections, told)
}

#[tokio::test]
async fn a_kept_connection_that_breaks_costs_no_client_an_answer_unless_it_may_have_been_heard() {
    let (side, connections, mut told) = forgetful().await;
    let proxy = in_front_of(side).await;
    assert_eq!(proxy.get("/1").await.status, 200);
    assert_eq!(connections.load(Ordering::Relaxed), 1);
    // Heard and not answered: it is safe to ask again, body and all.
    let put = proxy.ask(http::Request::put("/2"), "the body").await;
    assert_eq!((put.status, connections.load(Ordering::Relaxed)), (200, 2));
    let heard: Vec<String> = (0..3).map(|_| told.try_recv().unwrap()).collect();
    assert!(heard[0].starts_with("GET /1 "), "{heard:?}");
    for put in &heard[1..] {
        assert!(
            put.starts_with("PUT /2 ") && put.ends_with("the body"),
            "{heard:?}"
        );
    }
    // A second order might be made by asking again.
    let post = proxy.post("/3", "an order").await;
    assert_eq!((post.status, connections.load(Ordering::Relaxed)), (502, 2));
}

#[tokio::test]
async fn bytes_behind_an_answer_are_nobody_s_answer() {
    let twice: &'static str = Box::leak(format!("{OK}{}", OK.replace("ok", "NO")).into_boxed_str());
    let (side, _told) = telling(twice).await;
    let proxy = in_front_of(side).await;
    for _ in 0..5 {
        assert_eq!(proxy.get("/").await.body, "ok");
    }
}

#[tokio::test]
async fn an_answer_of_the_proxy_s_own_ends_no_connection_that_is_well() {
    let dead = dead_backend().await;
    let routes = one_route(dead, dead, "legacy", "").replace("/{*rest}", "/dead");
    let proxy = Proxy::start(&routes).await;
    let mut client = connect(&proxy).await;
    for (target, status) in [("/unrouted", "404"), ("/dead", "502"), ("/unrouted", "404")] {
        let ask = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
        client.write_all(ask.as_bytes()).await.unwrap();
        let answer = read_until(&mut client, "}}").await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn a_tunnel_flows_towards_an_upstream_that_never_stops_talking() {
    let side = raw_backend(|mut stream: TcpStream| async move {
        read_until(&mut stream, "\r\n\r\n").await;
        let switch = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
        stream.write_all(switch).await.unwrap();
        let (mut hear, mut talk) = stream.split();
        let talking = async { while talk.write_all(&[b'.'; 4096]).await.is_ok() {} };
        let hearing = async {
            let mut word = [0; 4];
            hear.read_exact(&mut word).await.unwrap();
        };
        tokio::select! { () = talking => {}, () = hearing => {} }
        talk.write_all(b"heard").await.unwrap();
    })
    .await;
    let proxy = in_front_of(side).await;
    let mut client = connect(&proxy).await;
    let ask = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    client.write_all(ask).await.unwrap();
    read_until(&mut client, "....").await;
    client.write_all(b"stop").await.unwrap();
    // The client takes less than the upstream could send, so that there is always more to pass on
    // to it.
    let (mut heard, mut buffer) = (Vec::new(), [0; 512]);
    let listening = async {
        while !heard.ends_with(b"heard") {
            let read = client.read(&mut buffer).await.unwrap();
            assert_ne!(read, 0, "the tunnel ended");
            heard = buffer[..read].to_vec();
        }
    };
    timeout(PATIENCE, listening).await.unwrap();
}

#[tokio::test]
async fn tunnels_to_elsewhere_are_refused() {
    let (side, mut told) = telling(OK).await;
    let proxy = in_front_of(side).await;
    let answer = say(
        &proxy,
        b"CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere:443\r\n\r\n",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
    assert!(told.try_recv().is_err());
}

#[tokio::test]
async fn a_socket_that_is_closed_in_one_direction_still_carries_the_other() {
    // Each side says all it has to say and then no more, but goes on listening.
    let side = |answer: &'static str| {
        raw_backend(move |mut stream: TcpStream| async move {
            read_until(&mut stream, "body").await;
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            let mut sink = [0; 64];
            while let Ok(1..) = stream.read(&mut sink).await {}
        })
    };
    let legacy = side(OK).await;
    // The end of its bytes is the end of its answer.
    let modern = side("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok").await;
    let routes = one_route(legacy, modern, "shadow", "writes = \"mirror\"");
    let proxy = Proxy::start(&routes).await;
    let request = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody";
    for _ in 0..3 {
        let mut client = connect(&proxy).await;
        client.write_all(request).await.unwrap();
        client.shutdown().await.unwrap();
        read_until(&mut client, "\r\n\r\nok").await;
    }
    let counts = proxy.settled("all").await;
    assert_eq!((counts.eligible, counts.settled()), (3, 3));
    assert_eq!(counts.count(Outcome::Matched), 3, "{counts:?}");
    // Who closes in the middle of a request is let go, and its request counted.
    let mut client = connect(&proxy).await;
    client
        .write_all(&request[..request.len() - 2])
        .await
        .unwrap();
    client.shutdown().await.unwrap();
    let mut rest = Vec::new();
    let ended = timeout(PATIENCE, client.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "the connection stayed open");
    let counts = proxy.settled("all").await;
    assert_eq!((counts.eligible, counts.settled()), (4, 4));
}
