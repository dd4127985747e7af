//! The reports that a person reads, one for each check.

use stormglass::base::history::{OpResult, VolumeChanged, VolumeState};
use stormglass::base::{Epoch, Stamp};
use stormglass::check::{Check, Leak};

use crate::story::{Story, VOL0, by};

#[test]
fn linear() {
    let mut story = Story::new();
    story.invoke_write(1, 7, 2);
    story.returned(1, OpResult::Ok);
    story.write(2, 7);
    story.record(VolumeChanged {
        volume: VOL0,
        state: VolumeState::Degraded,
        epoch: Epoch::new(2),
    });
    story.read(3, 7, by(1, 7));
    insta::assert_snapshot!(story.report(), @r#"
    linear/stale-read: data block 7 at 800us
      found     w1#1, written by op1 (invoked 100us, acknowledged 200us)
      expected  w1#2, written by op2 (invoked 300us, acknowledged 400us)
      because   op3 read block 7, invoked 600us, returned 800us
                w1#2 was there before: op2 was acknowledged 400us
                w1#1 came before w1#2: op1 was acknowledged 200us, and only then op2 was invoked 300us
      last records
               100us c0   app.invoked op=1 volume=data kind=write block=7 blocks=2 (vol0:7 w1#1)
               200us c0   app.returned op=1 volume=data kind=write result=ok
               300us c0   app.invoked op=2 volume=data kind=write block=7 blocks=1 (vol0:7 w1#2)
               400us c0   app.returned op=2 volume=data kind=write result=ok
               500us c0   volume.state volume=data state=degraded epoch=2
               600us c0   app.invoked op=3 volume=data kind=read block=7 blocks=1
               700us c0   app.block-read op=3 volume=data block=7 (vol0:7 w1#1)
               800us c0   app.returned op=3 volume=data kind=read result=ok
    "#);
}

#[test]
fn linear_went_back() {
    let mut story = Story::new();
    story.write(1, 7);
    story.invoke_write(2, 7, 1);
    story.abandoned(2);
    story.read(3, 7, by(2, 7));
    story.read(4, 7, by(1, 7));
    insta::assert_snapshot!(story.report(), @r#"
    linear/read-went-back: data block 7 at 1ms
      found     w1#1, written by op1 (invoked 100us, acknowledged 200us)
      expected  w1#2, written by op2 (invoked 300us, abandoned 400us)
      because   op4 read block 7, invoked 800us, returned 1ms
                w1#2 was there before: op3 read it and returned 700us
                w1#1 came before w1#2: op1 was acknowledged 200us, and only then op3, which read w1#2, was invoked 500us
      last records
               100us c0   app.invoked op=1 volume=data kind=write block=7 blocks=1 (vol0:7 w1#1)
               200us c0   app.returned op=1 volume=data kind=write result=ok
               300us c0   app.invoked op=2 volume=data kind=write block=7 blocks=1 (vol0:7 w1#2)
               400us c0   app.abandoned op=2 volume=data
               500us c0   app.invoked op=3 volume=data kind=read block=7 blocks=1
               600us c0   app.block-read op=3 volume=data block=7 (vol0:7 w1#2)
               700us c0   app.returned op=3 volume=data kind=read result=ok
               800us c0   app.invoked op=4 volume=data kind=read block=7 blocks=1
               900us c0   app.block-read op=4 volume=data block=7 (vol0:7 w1#1)
                 1ms c0   app.returned op=4 volume=data kind=read result=ok
    "#);
}

#[test]
fn linear_misplaced() {
    let mut story = Story::new();
    story.write(1, 7);
    story.write(2, 9);
    story.read(3, 7, by(2, 9));
    insta::assert_snapshot!(story.report(), @r#"
    linear/misplaced-data: data block 7 at 700us
      found     content of vol0 block 9: w1#2, written by op2 (invoked 300us, acknowledged 400us)
      expected  w1#1, written by op1 (invoked 100us, acknowledged 200us)
      because   op3 read block 7, invoked 500us, returned 700us
      last records
               100us c0   app.invoked op=1 volume=data kind=write block=7 blocks=1 (vol0:7 w1#1)
               200us c0   app.returned op=1 volume=data kind=write result=ok
               500us c0   app.invoked op=3 volume=data kind=read block=7 blocks=1
               600us c0   app.block-read op=3 volume=data block=7 (vol0:9 w1#2)
               700us c0   app.returned op=3 volume=data kind=read result=ok
    "#);
}

#[test]
fn linear_garbled() {
    let mut story = Story::new();
    story.invoke_write(1, 7, 1);
    story.read(2, 7, Stamp::from_words([0x1234, 0xffff << 48 | 5]));
    insta::assert_snapshot!(story.report(), @r#"
    linear/never-written: data block 7 at 400us
      found     bytes that no write made (hash 0000000000001234): torn or corrupted in the block
      expected  zeroes, the initial content; or w1#1, written by op1 (invoked 100us, not returned)
      because   op2 read block 7, invoked 200us, returned 400us
      last records
               100us c0   app.invoked op=1 volume=data kind=write block=7 blocks=1 (vol0:7 w1#1)
               200us c0   app.invoked op=2 volume=data kind=read block=7 blocks=1
               300us c0   app.block-read op=2 volume=data block=7 (no write's bytes)
               400us c0   app.returned op=2 volume=data kind=read result=ok
    "#);
}

#[test]
fn durable() {
    let mut story = Story::new();
    story.write(1, 7);
    story.put_both(7, by(1, 7));
    story.write(2, 7);
    story.put(0, 7, by(2, 7));
    story.write(3, 8);
    story.put(0, 8, by(3, 8));
    story.freeze(false, &[Check::Durable]);
    insta::assert_snapshot!(story.report(), @r#"
    durable/lost-write: data block 7 at 600us
      found     on leg1: w1#1, written by op1 (invoked 100us, acknowledged 200us)
      expected  w1#2, written by op2 (invoked 300us, acknowledged 400us)
      because   w1#2 was there before: op2 was acknowledged 400us
                w1#1 came before w1#2: op1 was acknowledged 200us, and only then op2 was invoked 300us
                leg0 holds w1#2, written by op2 (invoked 300us, acknowledged 400us)
                leg1 is wrong in blocks [8] too
                2 blocks are wrong over all legs
      last records
               100us c0   app.invoked op=1 volume=data kind=write block=7 blocks=1 (vol0:7 w1#1)
               200us c0   app.returned op=1 volume=data kind=write result=ok
               300us c0   app.invoked op=2 volume=data kind=write block=7 blocks=1 (vol0:7 w1#2)
               400us c0   app.returned op=2 volume=data kind=write result=ok
    "#);
}

#[test]
fn mirrors() {
    let mut story = Story::new();
    story.write(1, 7);
    story.put_both(7, by(1, 7));
    story.invoke_write(2, 7, 3);
    story.abandoned(2);
    for block in 7..10 {
        story.put(1, block, by(2, block));
    }
    story.freeze(false, &[Check::Mirrors]);
    insta::assert_snapshot!(story.report(), @r#"
    mirrors/mirrors-differ: data block 7 at 400us
      found     on leg1: w1#2, written by op2 (invoked 300us, abandoned 400us)
      expected  as on leg0: w1#1, written by op1 (invoked 100us, acknowledged 200us)
      because   region0 is marked on no in-sync leg
                3 blocks differ, among them [8, 9]
      last records
               100us c0   app.invoked op=1 volume=data kind=write block=7 blocks=1 (vol0:7 w1#1)
               200us c0   app.returned op=1 volume=data kind=write result=ok
               300us c0   app.invoked op=2 volume=data kind=write block=7 blocks=3 (vol0:7 w1#2)
               400us c0   app.abandoned op=2 volume=data
    "#);
}

#[test]
fn fencing() {
    let mut story = Story::new();
    story.media_written(3, 1002, 2, 4);
    story.fence(5);
    story.media_written(3, 1002, 2, 5);
    story.media_written(3, 1001, 2, 4);
    insta::assert_snapshot!(story.report(), @r#"
    fencing/old-epoch-write: t3/d0 block 1001 at 400us
      found     blocks 1001..1003 of the disk written under e4
      expected  nothing of an epoch below e5 from 200us on
      because   blocks 1000..1064 are leg0 of vol0; its registration under e5 was acknowledged 200us
      last records
               100us c0   disk.media-written disk=t3/d0 lba=1002 blocks=2 tag=4
               200us c0   target.fence-raised disk=t3/d0 volume=data leg=0 first=1000 blocks=64 epoch=5
               300us c0   disk.media-written disk=t3/d0 lba=1002 blocks=2 tag=5
               400us c0   disk.media-written disk=t3/d0 lba=1001 blocks=2 tag=4
    "#);
}

#[test]
fn live() {
    let mut story = Story::new();
    story.invoke_write(1, 7, 4);
    story.invoke_flush(2);
    story.write(3, 20);
    let at = story.now();
    story.checkers.finish(at);
    insta::assert_snapshot!(story.report(), @r#"
    live/io-never-returned: data at 400us
      found     op1 write blocks 7..11, invoked 100us, still out 300us later
      expected  its return, or the death of its application
      because   2 operations never returned; besides the oldest:
                op2 flush, invoked 200us
      last records
               100us c0   app.invoked op=1 volume=data kind=write block=7 blocks=4 (vol0:7 w1#1)
               200us c0   app.invoked op=2 volume=data kind=flush block=0 blocks=0 (of application 1)
    "#);
}

#[test]
fn leaks() {
    let mut story = Story::new();
    let leak = |owner: &str, count| Leak {
        owner: owner.to_owned(),
        what: "buffer",
        count,
        bytes: 4096 * count,
        place: "src/node/client/io.rs:99".to_owned(),
    };
    let at = story.now();
    story.checkers.leaked(at, &[leak("c0", 12), leak("t1", 1)]);
    insta::assert_snapshot!(story.report(), @r#"
    leaks/buffer: c0 at 0ns
      found     13 left of kind buffer, of 2 owners
      expected  none once their owners were shut down
      because   c0 left 12, 49152 bytes, taken at src/node/client/io.rs:99
                t1 left 1, 4096 bytes, taken at src/node/client/io.rs:99
    "#);
}
