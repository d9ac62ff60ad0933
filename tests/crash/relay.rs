//! A relay on the way to the service that holds a submission back, or sends it twice.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What happens to the first submission; everything else passes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Delay {
    /// The client loses its connection at once; the service gets the submission that much later.
    Held(Duration),
    /// The service gets it at once, and once more that much later; the client gets the second answer.
    Repeated(Duration),
}

/// A relay that listens as long as the test runs.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    late: Arc<Mutex<Option<String>>>,
    is_first: Arc<Mutex<bool>>,
}

impl Relay {
    pub(crate) fn start(service: SocketAddr, delay: Delay) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let late = Arc::new(Mutex::new(None));
        let is_first = Arc::new(Mutex::new(true));
        let (answer, first) = (Arc::clone(&late), Arc::clone(&is_first));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (answer, is_first) = (Arc::clone(&answer), Arc::clone(&first));
                thread::spawn(move || {
                    let _ = pass(client, service, delay, &is_first, &answer);
                });
            }
        });
        Self {
            address,
            late,
            is_first,
        }
    }

    /// Whether the first submission has come.
    pub(crate) fn has_it(&self) -> bool {
        !*self.is_first.lock().unwrap()
    }

    /// What the service answered to what came late, once it did.
    pub(crate) fn late_answer(&self) -> Option<String> {
        self.late.lock().unwrap().clone()
    }
}

fn pass(
    mut client: TcpStream,
    service: SocketAddr,
    delay: Delay,
    is_first: &Mutex<bool>,
    late: &Mutex<Option<String>>,
) -> std::io::Result<()> {
    let request = read_message(&mut client)?;
    let is_held = request.starts_with(b"POST ") && std::mem::take(&mut *is_first.lock().unwrap());
    if !is_held {
        let mut server = TcpStream::connect(service)?;
        server.write_all(&request)?;
        // Later requests of a kept connection pass as they come.
        let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
        thread::spawn(move || std::io::copy(&mut from, &mut to));
        std::io::copy(&mut server, &mut client)?;
        return Ok(());
    }
    match delay {
        Delay::Held(time) => {
            drop(client);
            thread::sleep(time);
            *late.lock().unwrap() = Some(exchange(service, &request)?);
        }
        Delay::Repeated(time) => {
            exchange(service, &request)?;
            thread::sleep(time);
            let answer = exchange(service, &request)?;
            client.write_all(answer.as_bytes())?;
            *late.lock().unwrap() = Some(answer);
        }
    }
    Ok(())
}

fn exchange(service: SocketAddr, request: &[u8]) -> std::io::Result<String> {
    let mut server = TcpStream::connect(service)?;
    server.write_all(request)?;
    let mut answer = String::new();
    server.read_to_string(&mut answer)?;
    Ok(answer)
}

/// A head, and as much of a body as it promises.
fn read_message(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut message = Vec::new();
    loop {
        let mut part = [0; 4096];
        let count = stream.read(&mut part)?;
        message.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&message).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.split("content-length: ").nth(1);
            let length = length.and_then(|rest| rest.lines().next()?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Ok(message);
            }
        }
        if count == 0 {
            return Ok(message);
        }
    }
}
