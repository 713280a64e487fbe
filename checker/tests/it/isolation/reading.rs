//! The fast way from a file to transactions ends where the general one does, or says that it can't.

use quorate_checker::{
    Context, Transcript, TranscriptBuilder,
    formats::{Format, Reader, write_edn, write_jsonl},
    isolation::{self, Block, Buffers, Data, Gather, Question, Txns, Unusual},
};

use super::stores::{Isolation, Shape, history};

/// Reads `text` in blocks of so many lines.
fn fast(text: &str, data: Data, lines_per_block: usize) -> Result<Txns, Unusual> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut gather = Gather::new(data);
    for block in lines.chunks(lines_per_block) {
        gather.take(&Block::scan(Buffers::from(block.concat().into_bytes()))?)?;
    }
    Ok(gather.finish())
}

fn general(format: Format, text: &str) -> Transcript {
    let mut reader = Reader::new(format);
    let mut builder = TranscriptBuilder::new();
    reader.feed(text.as_bytes(), &mut builder).expect("it is a history");
    reader.finish(&mut builder).expect("it is a history");
    builder.finish()
}

/// What is found; which case is shown of several may differ, as keys are met in another order.
fn found(txns: &Txns) -> String {
    let question = Question::of("strict-serializable".parse().expect("known"));
    let report = isolation::check(txns, &question, &Context::default());
    let anomalies: Vec<_> = report.anomalies.iter().map(|it| (it.anomaly, it.count)).collect();
    format!(
        "{} {anomalies:?} {:?} {:?}",
        report.tested, report.broken, report.unknown
    )
}

#[test]
fn both_ways_of_reading_end_in_the_same() {
    let isolations = [
        Isolation::Serializable,
        Isolation::ReadUncommitted,
        Isolation::Stale,
        Isolation::Reordered,
    ];
    for seed in 0..160 {
        let data = if seed % 2 == 0 { Data::Lists } else { Data::Registers };
        let shape = Shape {
            data,
            txn_count: 40,
            client_count: 4,
            key_count: 3,
            step_count_max: 4,
            fail_percent: 10,
            info_percent: 10,
        };
        let transcript = history(seed, isolations[seed as usize / 2 % isolations.len()], shape);
        for (format, write) in [
            (Format::Edn, write_edn as fn(&_) -> String),
            (Format::Jsonl, write_jsonl),
        ] {
            let text: String = transcript.entries().iter().map(|entry| write(entry) + "\n").collect();
            let expected = isolation::transactions(&general(format, &text), data).expect("they are transactions");
            for lines_per_block in [1, 7, 1_000] {
                let txns = fast(&text, data, lines_per_block).expect("it is usual");
                assert_eq!(
                    found(&txns),
                    found(&expected),
                    "seed {seed} as {format:?} in blocks of {lines_per_block}"
                );
            }
        }
    }
}

#[test]
fn what_is_written_otherwise_is_read_alike_or_refused() {
    let invoke = "{:index 0, :type :invoke, :process 0, :f :txn, :value [[:append :x 1] [:r :y nil]]}";
    let ok = "{:index 1, :type :ok, :process 0, :f :txn, :value [[:append :x 1] [:r :y [1 2]]]}";
    let nemesis = "{:index 2, :type :info, :process :nemesis, :f :kill, :value {:a [1 \"b\" [2]]}, :time -1}";
    let error = "{:process 1, :type :info, :f :txn, :error [:no \"way [\\\" out\"], :value nil, :index 4}";
    let read = |lines: &[&str]| {
        let text = lines.join("\n") + "\n";
        // A line is compared with the one before it, if that is in its block.
        let read = [1, 3, 100].map(|lines_per_block| fast(&text, Data::Lists, lines_per_block).map(|it| found(&it)));
        assert!(read.windows(2).all(|pair| pair[0] == pair[1]), "{read:?} {lines:?}");
        let [read, ..] = read;
        read.map(|_| fast(&text, Data::Lists, 100).expect("as before").count())
    };
    assert_eq!(read(&[invoke, ok]), Ok(1));
    assert_eq!(read(&[invoke, ok, nemesis]), Ok(1));
    let cut = r##"{:index 3, :type :info, :process :nemesis, :f :cut, :value [:isolated {"n1" #{"n2" "n3"}}]}"##;
    assert_eq!(read(&[invoke, ok, nemesis, cut]), Ok(1));
    let asked = "{:process 1 :type :invoke :f :txn :value [[:r 1] [:append 1 -7]] :index 3}";
    assert_eq!(read(&[invoke, ok, nemesis, asked, error]), Ok(2));
    let turns = [
        "{:index 2, :type :invoke, :process 1, :f :txn, :value [[:append :x 12] [:append 123 123456789]]}",
        "{:index 3, :type :ok, :process 1, :f :txn, :value [[:append :x 12] [:append 123 123456789]]}",
        "{:index 4, :type :invoke, :process 10, :f :txn, :value [[:r 1234567890]]}",
        "{:index 5, :type :ok, :process 10, :f :other, :value [[:r 1234567890 []]]}",
        "{:index 6, :process 10, :type :invoke, :f :txn, :value []}",
        "{:index 7, :type :fail, :process 10, :f :txn, :value nil, :error :none}",
        "{:index 8, :type:invoke,:process:10 :f :txn, :value [[:append :x 13]]}",
        "{:index 9, :type:info,:process:10 :f :txn, :value nil}",
        "{:index 10, :type:info,:process:nemesis :f :txn, :value nil}",
        "{:index 11, :type:info,:process:10.5 :f :txn, :value nil}",
    ];
    let all: Vec<&str> = [invoke, ok].into_iter().chain(turns).collect();
    for count in 3..all.len() {
        assert!(read(&all[..count]).is_ok(), "{}", all[count - 1]);
    }
    assert_eq!(read(&all), Err(Unusual));
    for unusual in [
        "{:index 2, :type :ok, :process 0, :f :txn, :value []}",
        "{:index 0, :type :invoke, :process 1, :f :txn, :value []}",
        "{:index 2, :type :invoke, :process 1, :f :txn, :value [[:w 1 2]]}",
        "{:index 2, :type :invoke, :process 1, :f :txn, :value [[:append 1 2.5]]}",
        "{:index 2, :type :invoke, :process 1, :f :append, :value 2}",
        "{:index 2, :type :invoke, :process 1, :f :other, :key 3, :value 2}",
        "{:index 2, :type :invoke, :process 1, :f :txn, :value [:isolated {1 2}]}",
        "{:index 2, :type :invoke, :process 1, :f :txn, :value [[:append 1 007]]}",
        "{:index 2, :type :invoke, :process 1, :f :txn, :value [[:append 1 12x]]}",
        "[{:index 2, :type :invoke, :process 1, :f :txn, :value []}]",
        "{:index 2, :type :invoke, :process 1, :f :txn, :value [] ; why",
        "{:index 2, :type :invoke, :f :txn, :value []}",
        "#jepsen.history.Op{:index 2, :type :invoke, :process 1, :f :txn, :value []}",
    ] {
        assert!(read(&[invoke, ok, unusual]).is_err(), "{unusual}");
    }
}
