//! The contract of the network's port, held by both that are behind it: a network within one kernel, and stand-ins that
//! pass everything on over TCP. Tests only.

use std::cell::{Cell, RefCell};
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::{Nanos, NodeId};
use crate::net::port::{Connection, Message, Port};
use crate::net::{Fabric, NetConfig};
use crate::run::Stopwatch;
use crate::sim::{Kernel, KernelConfig, NodeConfig, NodeHandle, Seed};

use super::gateway::Gateway;
use super::link::{self, Hello, News};
use super::pace::Pace;

const ASKER: NodeId = NodeId::new(0);
const ECHO: NodeId = NodeId::new(1);
const SERVICE: u16 = 1;
const NOBODY: u16 = 2;
/// As many messages as there are in a test.
const MESSAGES: u64 = 200;
const PATIENCE: Duration = Duration::from_secs(20);

/// A number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Number(u64);

impl Message for Number {
    fn kind(&self) -> u64 {
        0
    }
    fn kind_name(_: u64) -> &'static str {
        "number"
    }
    fn bytes(&self) -> u64 {
        64
    }
}

/// A kernel with both nodes, of which one may be a stand-in.
struct Site {
    kernel: Kernel,
    fabric: Rc<Fabric<Number>>,
    pace: Pace,
}

impl Site {
    fn new() -> Self {
        let kernel = Kernel::new(Seed::new(1), &KernelConfig::default());
        let fabric = Fabric::new(&kernel, NetConfig::default());
        for name in ["asker", "echo"] {
            let node = kernel.add_node(name, &NodeConfig::default());
            kernel.boot(node);
        }
        let pace = Pace::new(&kernel);
        Self { kernel, fabric, pace }
    }

    fn port(&self, node: NodeId) -> Port<Number> {
        self.fabric.port(&self.kernel.handle(node))
    }

    /// Says everything back, and hangs up after the last message.
    fn echo(&self) {
        let port = self.port(ECHO);
        drop(self.kernel.handle(ECHO).spawn("echo", async move {
            let listener = port.listen(SERVICE);
            loop {
                let connection = listener.accept().await;
                for _ in 0..MESSAGES {
                    let Ok(message) = connection.recv().await else { break };
                    if connection.send(message).is_err() {
                        break;
                    }
                }
                connection.close();
            }
        }));
    }

    /// What comes of asking it: the answers, in order, until it hangs up.
    fn ask(&self) -> Rc<RefCell<Option<Vec<u64>>>> {
        let (port, handle) = (self.port(ASKER), self.kernel.handle(ASKER));
        let found = Rc::new(RefCell::new(None));
        let told = found.clone();
        drop(self.kernel.handle(ASKER).spawn("ask", async move {
            let connection = connected(&port, &handle).await;
            for number in 0..MESSAGES {
                connection.send(Number(number)).expect("it is open until the other end hangs up");
            }
            let mut heard = Vec::new();
            while let Ok(Number(number)) = connection.recv().await {
                heard.push(number);
            }
            *told.borrow_mut() = Some(heard);
        }));
        found
    }

    /// Whether a service that nobody offers refuses.
    fn ask_nobody(&self) -> Rc<Cell<Option<bool>>> {
        let port = self.port(ASKER);
        let found = Rc::new(Cell::new(None));
        let told = found.clone();
        drop(self.kernel.handle(ASKER).spawn("ask nobody", async move {
            told.set(Some(port.connect(ECHO, NOBODY).await.is_err()));
        }));
        found
    }
}

/// Whoever is not there yet is asked again.
async fn connected(port: &Port<Number>, handle: &NodeHandle) -> Connection<Number> {
    loop {
        match port.connect(ECHO, SERVICE).await {
            Ok(connection) => return connection,
            Err(_) => handle.sleep(Nanos::from_millis(1)).await,
        }
    }
}

/// What an asker finds when these take turns.
fn found(asker: &Site, mut turn: impl FnMut()) -> (Vec<u64>, bool) {
    let (answers, refused) = (asker.ask(), asker.ask_nobody());
    let clock = Stopwatch::start();
    loop {
        turn();
        assert!(clock.elapsed() < PATIENCE, "refused: {:?}", refused.get());
        if let (Some(answers), Some(refused)) = (answers.borrow().clone(), refused.get()) {
            return (answers, refused);
        }
    }
}

fn within_one_kernel() -> (Vec<u64>, bool) {
    let site = Site::new();
    site.echo();
    let found = found(&site, || assert!(site.pace.catch_up().is_ok()));
    site.kernel.dismantle();
    found
}

/// A side of the connection: what happens on its lines, to be handed on.
struct Side {
    site: Site,
    gateway: Gateway<Number>,
    news: Receiver<News>,
    again: Sender<()>,
}

impl Side {
    fn new(here: NodeId, news: Receiver<News>, again: Sender<()>) -> Self {
        let site = Site::new();
        let gateway = Gateway::new(&site.kernel, &site.fabric, here);
        Self { site, gateway, news, again }
    }

    fn turn(&self) {
        self.site.pace.catch_up().expect("nothing breaks");
        for news in self.news.try_iter() {
            match news {
                News::Ready(line) => self.gateway.ready(ECHO, SERVICE, line, self.again.clone()),
                News::Called(hello, line) => self.gateway.called(hello, line),
                news => self.gateway.take(news),
            }
        }
    }
}

fn free_address() -> SocketAddr {
    let held = TcpListener::bind("127.0.0.1:0").expect("a free port");
    held.local_addr().expect("it is bound")
}

fn over_tcp() -> (Vec<u64>, bool) {
    let address = free_address();
    let (tell_asker, asker_news) = channel();
    let (tell_echo, echo_news) = channel();
    let (again, told) = channel();
    let asker = Side::new(ASKER, asker_news, again);
    let echo = Side::new(ECHO, echo_news, channel().0);
    let hello = Hello { cluster: 7, from: ASKER.get(), service: SERVICE };
    link::call(address, hello, move |news| drop(tell_asker.send(news)), told).expect("a thread");
    link::listen(address, 7, move |news| drop(tell_echo.send(news))).expect("the port is free");
    echo.site.echo();
    let found = found(&asker.site, || {
        asker.turn();
        echo.turn();
    });
    asker.site.kernel.dismantle();
    echo.site.kernel.dismantle();
    found
}

#[test]
fn messages_come_whole_and_in_order_and_an_end_is_seen_by_the_other() {
    let expected: Vec<u64> = (0..MESSAGES).collect();
    for (name, back_end) in
        [("within one kernel", within_one_kernel as fn() -> _), ("over TCP", over_tcp)]
    {
        let (answers, refused) = back_end();
        assert_eq!(answers, expected, "{name}");
        assert!(refused, "{name}: nobody is there");
    }
}
