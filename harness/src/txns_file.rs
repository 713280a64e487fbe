//! Reading transactions on lists and registers from a file, as fast as can be: [blocks](crate::blocks) of lines are scanned on all
//! threads, and put together by the calling one.

use std::{io::Read, thread};

use quorate_checker::isolation::{Block, Buffers, Data, Gather, Txns, Unusual};

use crate::blocks::{Blocks, Memory};

/// How much text is a good block: its transactions and it stay in a processor's cache until they are put together.
const BLOCK_BYTES: usize = 256 << 10;

/// Reads a whole history of EDN or JSON on so many threads; nothing if it has anything unusual, or can't be read: the general way of
/// reading takes it then, or says what is wrong.
pub fn read(reader: impl Read + Send, data: Data, jobs: usize) -> Option<Txns> {
    let mut gather = Gather::new(data);
    let blocks = Blocks {
        bytes: BLOCK_BYTES,
        jobs,
    };
    let end = blocks.read(reader, Block::scan, |block| {
        let block = block.map_err(|_| Unusual)??;
        gather.take(&block)?;
        Ok::<_, Unusual>(block.into_buffers())
    });
    let txns = end.ok().map(|()| gather.finish());
    // Many small pieces of memory, which nobody has to wait for: where there is no other thread, they are dropped here.
    drop(thread::Builder::new().spawn(move || drop(gather)));
    txns
}

impl Memory for Buffers {
    fn text(&mut self) -> &mut Vec<u8> {
        &mut self.text
    }
}
