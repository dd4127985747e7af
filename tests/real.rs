//! The reference cluster outside the simulation: real processes on loopback, with files for disks, killed and started again,
//! and a host that reads and writes over NBD.
#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);
const BLOCK: usize = 4096;

/// A node in a process of its own. It is killed when this is dropped.
struct Node {
    child: Child,
    said: Receiver<String>,
}

impl Node {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_stormglass"))
            .args(arguments)
            .args(["--cluster", "cluster.json", "-v"])
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let (tell, said) = channel();
        let told = tell.clone();
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let pass = |from: Box<dyn Read + Send>, to: std::sync::mpsc::Sender<String>| {
            let lines = move || {
                BufReader::new(from).lines().map_while(Result::ok).for_each(|it| drop(to.send(it)));
            };
            thread::Builder::new().spawn(lines).expect("a thread for a test");
        };
        pass(Box::new(out.expect("it was asked for")), tell);
        pass(Box::new(err.expect("it was asked for")), told);
        Self { child, said }
    }

    /// Waits until it says something with all of this in it.
    fn says(&self, words: &[&str]) -> String {
        let mut heard = Vec::new();
        loop {
            let line = self.said.recv_timeout(PATIENCE);
            let line =
                line.unwrap_or_else(|_| panic!("never said {words:?}:\n{}", heard.join("\n")));
            if words.iter().all(|word| line.contains(word)) {
                return line;
            }
            heard.push(line);
        }
    }

    /// As by a loss of power.
    fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it is a child of this process");
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have been killed before.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// A cluster file for two targets and a mirror.
fn cluster(folder: &Path) {
    let held: Vec<TcpListener> =
        (0..3).map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port")).collect();
    let at = |index: usize| held[index].local_addr().expect("it is bound").to_string();
    let file = serde_json::json!({
        "cluster": { "targets": 2, "clients": 2, "disk": { "blocks": 16384 } },
        "volumes": [
            { "name": "vol0", "layout": "raid1", "blocks": 4096, "legs": ["t0/d0", "t1/d0"] }
        ],
        "addresses": { "m0": at(0), "t0": at(1), "t1": at(2) },
        "disks": { "m0/d0": "m0.img", "t0/d0": "t0.img", "t1/d0": "t1.img" },
    });
    std::fs::write(folder.join("cluster.json"), file.to_string()).expect("a file for a test");
}

fn attach(folder: &Path, client: &str) -> (Node, Host) {
    let node = Node::start(folder, &["attach", "vol0", "--client", client, "--nbd", "127.0.0.1:0"]);
    let line = node.says(&["serves vol0 on nbd://"]);
    let address = line.split("nbd://").nth(1).and_then(|it| it.split(',').next());
    let host = Host::open(address.expect("it says where"));
    (node, host)
}

/// A host that speaks NBD.
struct Host(TcpStream);

impl Host {
    fn open(address: &str) -> Self {
        let mut stream = TcpStream::connect(address).expect("the export listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a patience");
        let mut greeting = [0; 18];
        stream.read_exact(&mut greeting).expect("a greeting");
        assert_eq!(&greeting[..16], b"NBDMAGICIHAVEOPT");
        // No zeroes, then the export's name, which is empty.
        let mut go = 3_u32.to_be_bytes().to_vec();
        go.extend(b"IHAVEOPT");
        go.extend([0, 0, 0, 1, 0, 0, 0, 0]);
        stream.write_all(&go).expect("it listens");
        let mut export = [0; 10];
        stream.read_exact(&mut export).expect("an export");
        assert_eq!(u64::from_be_bytes(export[..8].try_into().expect("eight")), 4096 * 4096);
        Self(stream)
    }

    /// One request: its error, and what was read.
    fn ask(&mut self, kind: u16, at: u64, length: u32, data: &[u8]) -> (u32, Vec<u8>) {
        let mut bytes = 0x2560_9513_u32.to_be_bytes().to_vec();
        bytes.extend(0_u16.to_be_bytes());
        bytes.extend(kind.to_be_bytes());
        bytes.extend(77_u64.to_be_bytes());
        bytes.extend(at.to_be_bytes());
        bytes.extend(length.to_be_bytes());
        bytes.extend(data);
        self.0.write_all(&bytes).expect("it listens");
        let mut reply = [0; 16];
        self.0.read_exact(&mut reply).expect("an answer in time");
        assert_eq!(reply[8..], 77_u64.to_be_bytes());
        let error = u32::from_be_bytes(reply[4..8].try_into().expect("four"));
        let mut read = vec![0; if kind == 0 && error == 0 { length as usize } else { 0 }];
        self.0.read_exact(&mut read).expect("what was read");
        (error, read)
    }

    fn write(&mut self, block: u64, byte: u8, blocks: usize) {
        let data = vec![byte; blocks * BLOCK];
        let (error, _) = self.ask(1, block * BLOCK as u64, data.len() as u32, &data);
        assert_eq!(error, 0, "a write of {byte} at block {block}");
    }

    fn shows(&mut self, block: u64, byte: u8, blocks: usize) {
        let (error, read) = self.ask(0, block * BLOCK as u64, (blocks * BLOCK) as u32, &[]);
        assert_eq!(error, 0, "a read of block {block}");
        assert!(read.iter().all(|it| *it == byte), "block {block}: {:?}, not {byte}", read.first());
    }
}

fn started(folder: &TempDir) -> [Node; 3] {
    cluster(folder.path());
    let serve = |role, node| Node::start(folder.path(), &["serve", role, node]);
    let nodes = [serve("manager", "m0"), serve("target", "t0"), serve("target", "t1")];
    for (node, name) in nodes.iter().zip(["m0", "t0", "t1"]) {
        node.says(&[name, "serves on"]);
    }
    nodes
}

#[test]
fn what_was_acknowledged_outlives_targets_and_clients_that_are_killed() {
    let folder = tempfile::tempdir().expect("a directory for a test");
    let [manager, mut first, mut second] = started(&folder);
    let (mut client, mut host) = attach(folder.path(), "c0");
    host.write(0, 7, 16);
    host.shows(0, 7, 16);
    host.shows(16, 0, 16);

    // One copy is gone; what is written then is on the other alone, until it is back and brought up to date.
    first.kill();
    host.write(8, 9, 100);
    manager.says(&["state=degraded"]);
    host.shows(8, 9, 100);
    let _first = Node::start(folder.path(), &["serve", "target", "t0"]);
    manager.says(&["state=healthy"]);
    second.kill();
    host.shows(0, 7, 8);
    host.shows(8, 9, 100);

    // A client is killed in the middle of something; another one takes the volume over.
    let _second = Node::start(folder.path(), &["serve", "target", "t1"]);
    host.write(200, 3, 64);
    client.kill();
    let (_other, mut host) = attach(folder.path(), "c1");
    host.shows(200, 3, 64);
    host.shows(8, 9, 100);
}

#[test]
fn a_host_is_told_what_cannot_be_done() {
    let folder = tempfile::tempdir().expect("a directory for a test");
    let _nodes = started(&folder);
    let (_client, mut host) = attach(folder.path(), "c0");
    let (invalid, no_space) = (22, 28);
    assert_eq!(host.ask(0, 100, 512, &[]).0, invalid, "no whole block");
    assert_eq!(host.ask(0, 4096 * 4096, 4096, &[]).0, invalid, "beyond the end");
    assert_eq!(host.ask(1, 4096 * 4096, 4096, &[1; 4096]).0, no_space);
    assert_eq!(host.ask(9, 0, 4096, &[]).0, invalid, "no such command");
    host.write(5, 1, 2);
    assert_eq!(host.ask(4, 5 * 4096, 4096, &[]).0, 0, "a trim");
    assert_eq!(host.ask(3, 0, 0, &[]).0, 0, "a flush");
    host.shows(5, 0, 1);
    host.shows(6, 1, 1);
}

/// What the program says of a cluster file that cannot be used, and its exit code.
fn refused(change: impl FnOnce(&mut serde_json::Value)) -> (String, Option<i32>) {
    let folder = tempfile::tempdir().expect("a directory for a test");
    cluster(folder.path());
    let path = folder.path().join("cluster.json");
    let text = std::fs::read_to_string(&path).expect("it was written");
    let mut file = serde_json::from_str(&text).expect("JSON");
    change(&mut file);
    std::fs::write(&path, file.to_string()).expect("a file for a test");
    let output = Command::new(env!("CARGO_BIN_EXE_stormglass"))
        .args(["serve", "target", "t0", "--cluster", "cluster.json"])
        .current_dir(folder.path())
        .output()
        .expect("the program runs");
    (String::from_utf8_lossy(&output.stderr).into_owned(), output.status.code())
}

#[test]
fn a_cluster_file_that_makes_no_sense_is_refused_with_what_was_expected() {
    type Change = fn(&mut serde_json::Value);
    let cases: [(Change, &str); 5] = [
        (|file| file["addresses"]["t1"] = "nowhere".into(), "addresses.t1: found `nowhere`"),
        (|file| file["addresses"]["t7"] = "127.0.0.1:1".into(), "`t7`, which is no target"),
        (
            |file| drop(file["disks"].as_object_mut().unwrap().remove("t0/d0")),
            "no file for `t0/d0`",
        ),
        (|file| file["cluster"]["managers"] = 3.into(), "one manager"),
        (|file| file["volumes"][0]["layout"] = "raid7".into(), "raid7"),
    ];
    for (change, expected) in cases {
        let (said, code) = refused(change);
        assert!(said.contains(expected), "expected {expected:?} in {said}");
        assert_eq!(code, Some(3), "{said}");
    }
}
