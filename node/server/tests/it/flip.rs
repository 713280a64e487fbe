use std::{fs, panic};
use quorate_core::*;
use quorate_node::store::{self, Disk, Fsync};
use rand::{RngExt, SeedableRng};
#[test]
fn flips() {
    let folder = tempfile::tempdir().unwrap();
    let (_s, w) = store::open(folder.path()).unwrap();
    let (disk, mut fin) = Disk::start(w, Fsync::Always).unwrap();
    for b in 0..20u64 {
        let ops = (0..20u64).map(|i| StoreOp::PutRecord { partition: PartitionId((i % 4) as u16), key: Key::copy_from(format!("key{}", b*20+i).as_bytes()), record: Record { version: Version { time: b, node: NodeId(1), generation: Generation(1) }, value: Value(vec![b as u8; 100].into()) } }).collect();
        disk.submit(PersistToken(b), ops);
        fin.blocking_recv();
    }
    let kill = std::env::var("KILL").is_ok();
    let path = folder.path().join("store.redb");
    let bytes = if kill { let b = fs::read(&path).unwrap(); disk.stop().unwrap(); drop(_s); b } else { disk.stop().unwrap(); drop(_s); fs::read(&path).unwrap() };
    println!("file {} bytes", bytes.len());
    let mut rng = rand_pcg::Pcg64Mcg::seed_from_u64(9);
    let mut tally = std::collections::BTreeMap::<String, u64>::new();
    panic::set_hook(Box::new(|_| {}));
    // pages with anything in them
    let used: Vec<usize> = (0..bytes.len()).filter(|i| { let p = i / 4096 * 4096; bytes[p..(p+4096).min(bytes.len())].iter().any(|b| *b != 0) }).collect();
    println!("used {}", used.len());
    for _ in 0..4000 {
        let mut b = bytes.clone();
        let at = used[rng.random_range(0..used.len())];
        b[at] ^= 1 << rng.random_range(0..8);
        fs::write(&path, &b).unwrap();
        let f = folder.path().to_owned();
        let out = panic::catch_unwind(move || {
            let (s, w) = match store::open(&f) { Ok(x) => x, Err(e) => return format!("open error {}", e.to_string().split(": ").skip(1).collect::<Vec<_>>().join(":").chars().take(60).collect::<String>()) };
            let mut n = 0; let mut err = 0;
            for p in 0..4 { match s.versions(PartitionId(p)) { Ok(v) => n += v.len(), Err(_) => err += 1 } }
            for b in 0..20u64 { for i in 0..20u64 { match s.record(PartitionId((i % 4) as u16), &Key::copy_from(format!("key{}", b*20+i).as_bytes())) { Ok(Some(r)) => assert_eq!(r.value.0[..], vec![b as u8; 100][..]), Ok(None) => err += 1000, Err(_) => err += 1 } } }
            let (disk, mut fin) = Disk::start(w, Fsync::Always).unwrap();
            disk.submit(PersistToken(0), (0..400u64).map(|i| StoreOp::PutRecord { partition: PartitionId((i % 4) as u16), key: Key::copy_from(format!("new{i}").as_bytes()), record: Record { version: Version { time: 5, node: NodeId(1), generation: Generation(1) }, value: Value(vec![b'z'; 100].into()) } }).collect());
            let r = fin.blocking_recv();
            let w = match r { Some(d) => if d.result.is_ok() {"write ok"} else {"write err"}, None => "write panic" };
            let _ = disk.stop();
            let _ = n;
            format!("{} {} {w}", if err == 0 {"all read"} else if err >= 1000 {"MISSING"} else {"errors"}, "")
        });
        *tally.entry(out.unwrap_or_else(|p| format!("PANIC {:?}", p.downcast_ref::<String>().cloned().or(p.downcast_ref::<&str>().map(|s| s.to_string())).unwrap_or_default().chars().take(70).collect::<String>()))).or_default() += 1;
    }
    for (k, v) in tally { println!("{v:6} {k}"); }
}
