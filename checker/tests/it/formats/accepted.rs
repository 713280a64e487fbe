//! Files as they are found: what each format's reader makes of them, as EDN.

use quorate_checker::{
    Entry, Event, EventKind, Function, Outcome, Phase, Process, Version,
    formats::{self, Format, Unrecognised},
};
use serde_json::json;

use super::{read, read_in_blocks};

/// A file that is right: a name, what it is recognised as, what it holds, and its entries in EDN.
type Accepted = (&'static str, Format, &'static str, &'static [&'static str]);

const EDN: &[Accepted] = {
    use Format::{Edn, KvLog};
    &[
        ("an empty file", Edn, "", &[]),
        (
            "white space and comments",
            Edn,
            "\n ; nothing happened\n\t,\r\n;; at all",
            &[],
        ),
        ("an empty vector", Edn, "[]\n", &[]),
        ("an empty list", Edn, "()\n", &[]),
        (
            "op after op, in any order of fields, with commas or without",
            Edn,
            "{:index 0, :time 5, :type :invoke, :process 0, :f :read, :value nil}\n{:value 3 :f :read :process 0 :type :ok :time 7 :index 1}\n",
            &[
                "{:index 0, :time 5, :process 0, :type :invoke, :f :read, :value nil}",
                "{:index 1, :time 7, :process 0, :type :ok, :f :read, :value 3}",
            ],
        ),
        (
            "a byte order mark and line ends of Windows",
            Edn,
            "\u{feff}{:type :ok, :f :add, :value 1}\r\n",
            &["{:type :ok, :f :add, :value 1}"],
        ),
        (
            "a vector over lines",
            Edn,
            "; a comment\n[{:type :ok,\n  :f :add, ; another\n  :value 1},\n]\n",
            &["{:type :ok, :f :add, :value 1}"],
        ),
        (
            "a list on one line",
            Edn,
            "({:type :ok :value 1}{:type :ok :value 2})",
            &["{:type :ok, :value 1}", "{:type :ok, :value 2}"],
        ),
        (
            "records",
            Edn,
            "#jepsen.history.Op{:index 0, :type :ok, :value 1}\n#knossos.op.Op {:type :ok, :value #a.B{:c 1}}\n",
            &["{:index 0, :type :ok, :value 1}", "{:type :ok, :value {:c 1}}"],
        ),
        (
            "dropped forms",
            Edn,
            "#_{:type :ok} {:type :ok #_ #_ 1 2 :value [#_3 4]}",
            &["{:type :ok, :value [4]}"],
        ),
        (
            "fields that no entry has",
            Edn,
            "{:type :info, :process :nemesis, :f :start, :node \"n1\", :clock-offsets {\"n1\" -0.5}, :exception {:via [{:type java.io.IOException}]}, 1 2, \"error\" [:timeout \"a\\nb\"]}",
            &["{:process :nemesis, :type :info, :f :start, :value nil, :node \"n1\", :error [:timeout \"a\\nb\"]}"],
        ),
        (
            "a time that is not known",
            Edn,
            "{:type :ok, :time -1, :index nil, :process nil, :f nil}",
            &["{:type :ok, :value nil}"],
        ),
        (
            "sets and maps, in no order",
            Edn,
            "{:type :ok, :value #{3 1 2}, :error {:b 1 :a #{}}}",
            &["{:type :ok, :value #{1 2 3}, :error {:a #{}, :b 1}}"],
        ),
        (
            "numbers of all kinds",
            Edn,
            "{:type :ok, :value [1N +2 -3 0 1.5 1e3 2.5M 1/3 0x1F 2r101 12345678901234567890 ##NaN -0.0]}",
            &["{:type :ok, :value [1 2 -3 0 1.5 1e3 2.5M 1/3 0x1F 2r101 12345678901234567890 ##NaN -0.0]}"],
        ),
        (
            "characters and texts",
            Edn,
            "{:type :ok, :value [\\a \\newline \\( \\é \\u00e9 \\o101 \"\\u00e9\\\\\" \"\n\"]}",
            &["{:type :ok, :value [\"a\" \"\\n\" \"(\" \"é\" \"é\" \"A\" \"é\\\\\" \"\\n\"]}"],
        ),
        (
            "what Clojure prints of objects",
            Edn,
            "{:type :ok, :value #object[a.B 0x5d7 \"a.B@5d7\"], :error #'a/b}",
            &["{:type :ok, :value #object [a.B 0x5d7 \"a.B@5d7\"], :error #'a/b}"],
        ),
        (
            "a client's number as a text",
            Edn,
            "{:type :ok, :process \"3\"}",
            &["{:process 3, :type :ok, :value nil}"],
        ),
        (
            "names that are no keywords",
            Edn,
            "{:type :ok, :f \"two words\", :process \"the nemesis\"}",
            &["{:process \"the nemesis\", :type :ok, :f \"two words\", :value nil}"],
        ),
        (
            "a log of a key-value store",
            KvLog,
            "{:process 0, :type :invoke, :f :get, :key \"7\", :value nil}\n{:process 0, :type :ok, :f :get, :key \"7\", :value \"\"}\n",
            &[
                "{:process 0, :type :invoke, :f :get, :value nil, :key \"7\"}",
                "{:process 0, :type :ok, :f :get, :value \"\", :key \"7\"}",
            ],
        ),
    ]
};

const JSON: &[Accepted] = {
    use Format::{Json, Jsonl};
    &[
        (
            "a history of ours",
            Jsonl,
            "{\"index\":0,\"time\":123,\"process\":0,\"type\":\"invoke\",\"f\":\"write\",\"key\":\"k17\",\"value\":42}\n\r\n{\"index\":1,\"time\":456,\"process\":\"observer\",\"type\":\"ok\",\"f\":\"read-replica\",\"key\":\"k17\",\"value\":[1,\"x\"],\"seen\":[1],\"node\":\"n1\",\"level\":\"w=2\",\"version\":18446744073709551615,\"phase\":\"final\",\"error\":null,\"more\":[{}]}\r\n",
            &[
                "{:index 0, :time 123, :process 0, :type :invoke, :f \"write\", :value 42, :key \"k17\"}",
                "{:index 1, :time 456, :process :observer, :type :ok, :f \"read-replica\", :value [1 \"x\"], :key \"k17\", :node \"n1\", :level \"w=2\", :version 18446744073709551615, :phase :final, :seen [1]}",
            ],
        ),
        (
            "accounts and escapes",
            Jsonl,
            "\u{feff} { \"type\" : \"ok\", \"\\u0066\" : \"read\", \"value\" : {\"0\": 10, \"-1\": 2.5, \"01\": true, \"a\": \"\\u00e9\\n\"} } ",
            &["{:type :ok, :f :read, :value {-1 2.5, 0 10, \"01\" true, \"a\" \"é\\n\"}}"],
        ),
        (
            "an empty array",
            Json,
            "[ { \"type\":\"ok\"} ]",
            &["{:type :ok, :value nil}"],
        ),
        (
            "an array on a line and over lines",
            Json,
            "[{\"type\":\"invoke\",\"f\":\"txn\",\"value\":[[\"r\",\"x\",null]]},{\"type\":\"ok\",\n \"f\":\"txn\",\n \"value\":[[\"r\",\"x\",[1]]]}\n,\n{\"type\":\"fail\"}]\n",
            &[
                "{:type :invoke, :f :txn, :value [[\"r\" \"x\" nil]]}",
                "{:type :ok, :f :txn, :value [[\"r\" \"x\" [1]]]}",
                "{:type :fail, :value nil}",
            ],
        ),
    ]
};

const TEXTS: &[Accepted] = {
    use Format::{Awdit, EtcdLog, HistoryTxt, Plume};
    &[
        (
            "columns",
            HistoryTxt,
            "0\t:invoke\t:cas\t[1 2]\n0\t:fail\t:cas\t[1 2]\t:mismatch\n:nemesis\t:info\t:start\t\"a b\"\n1\t:invoke\t:read\n1\t:info\t:read\tnil\tconnection refused\n2\t:info\t:write\t:timed-out\n",
            &[
                "{:process 0, :type :invoke, :f :cas, :value [1 2]}",
                "{:process 0, :type :fail, :f :cas, :value [1 2], :error :mismatch}",
                "{:process :nemesis, :type :info, :f :start, :value \"a b\"}",
                "{:process 1, :type :invoke, :f :read, :value nil}",
                "{:process 1, :type :info, :f :read, :value nil, :error \"connection refused\"}",
                "{:process 2, :type :info, :f :write, :value nil, :error :timed-out}",
            ],
        ),
        (
            "a log of etcd's test",
            EtcdLog,
            "INFO  jepsen.core - Running test\nINFO  jepsen.util - 3\t:invoke\t:cas\t[1 4]\nINFO  jepsen.util - 3   :fail   :cas    [1 4]\nINFO  jepsen.util - 3\t:fail\t:read\t:timed-out\n2026-01-01 10:00:00,000{GMT}\tINFO\t[jepsen worker 4] jepsen.util: 4\t:ok\t:read\t3\nINFO  jepsen.util - 4\t:info\t:cas\t:timed-out\nINFO  jepsen.util - 5\t:fail\t:write\t1\n",
            &[
                "{:process 3, :type :invoke, :f :cas, :value [1 4]}",
                "{:process 3, :type :ok, :f :cas, :value false}",
                "{:process 3, :type :info, :f :read, :value nil, :error :timed-out}",
                "{:process 4, :type :ok, :f :read, :value 3}",
                "{:process 4, :type :info, :f :cas, :value nil, :error :timed-out}",
                "{:process 5, :type :fail, :f :write, :value 1}",
            ],
        ),
        (
            "sessions of transactions",
            Awdit,
            "w 0 1\n\nw 1 -1\r\n-----\nr 0 1\n=====\n-----\n=====\nr 1\t1",
            &[
                "{:process 0, :type :ok, :f :txn, :value [[:w 0 1] [:w 1 -1]]}",
                "{:process 0, :type :ok, :f :txn, :value [[:r 0 1]]}",
                "{:process 2, :type :ok, :f :txn, :value [[:r 1 1]]}",
            ],
        ),
        (
            "sessions that take turns",
            Plume,
            "w(1,0,0,0)\nw(1,1,1,1)\nr( 1, 0, 2, 2 )\nr(1,1,1,1)\nw(1,2,1,3)\n",
            &[
                "{:process 1, :type :ok, :f :txn, :value [[:w 1 1] [:r 1 1]]}",
                "{:process 0, :type :ok, :f :init, :value [[:w 1 0]]}",
                "{:process 1, :type :ok, :f :txn, :value [[:w 1 2]]}",
                "{:process 2, :type :ok, :f :txn, :value [[:r 1 0]]}",
            ],
        ),
    ]
};

const MAELSTROM: &[Accepted] = &[
    (
        "registers",
        Format::Maelstrom,
        r#"{"src":"c1","dest":"n1","body":{"type":"init","node_id":"n1","node_ids":["n1"],"msg_id":1}}
{"id":7,"src":"n1","dest":"c1","body":{"type":"init_ok","in_reply_to":1}}
{"src":"c1","dest":"n1","body":{"type":"write","key":0,"value":3,"msg_id":2}}
{"src":"n1","dest":"n2","body":{"type":"append_entries","msg_id":2}}
{"src":"c2","dest":"n2","body":{"type":"cas","key":0,"from":3,"to":4,"msg_id":1}}
{"src":"n1","dest":"c1","body":{"type":"write_ok","in_reply_to":2}}
{"src":"n2","dest":"c2","body":{"type":"error","code":22,"text":"expected 3","in_reply_to":1}}
{"src":"c1","dest":"n1","body":{"type":"read","key":0,"msg_id":3}}
{"src":"n1","dest":"c1","body":{"type":"read_ok","value":3,"in_reply_to":3}}
{"src":"c2","dest":"n2","body":{"type":"write","key":1,"value":5,"msg_id":2}}
{"src":"n2","dest":"c2","body":{"type":"error","code":0,"in_reply_to":2}}
"#,
        &[
            "{:process 1, :type :invoke, :f :write, :value 3, :key 0, :node \"n1\"}",
            "{:process 2, :type :invoke, :f :cas, :value [3 4], :key 0, :node \"n2\"}",
            "{:process 1, :type :ok, :f :write, :value 3, :key 0, :node \"n1\"}",
            "{:process 2, :type :fail, :f :cas, :value [3 4], :key 0, :node \"n2\", :error {:code 22, :text \"expected 3\"}}",
            "{:process 1, :type :invoke, :f :read, :value nil, :key 0, :node \"n1\"}",
            "{:process 1, :type :ok, :f :read, :value 3, :key 0, :node \"n1\"}",
            "{:process 2, :type :invoke, :f :write, :value 5, :key 1, :node \"n2\"}",
            "{:process 2, :type :info, :f :write, :value 5, :key 1, :node \"n2\", :error {:code 0}}",
        ],
    ),
    (
        "a client that gives up, and a reply that comes late",
        Format::Maelstrom,
        r#"{"src":"c1","dest":"n1","body":{"type":"add","element":1,"msg_id":1}}
{"src":"c1","dest":"n1","body":{"type":"read","msg_id":2}}
{"src":"n1","dest":"c1","body":{"type":"add_ok","in_reply_to":1}}
{"src":"n1","dest":"c1","body":{"type":"read_ok","value":[1],"in_reply_to":2}}
{"src":"n1","dest":"c1","body":{"type":"read_ok","value":[1],"in_reply_to":2}}
"#,
        &[
            "{:process 1, :type :invoke, :f :add, :value 1, :node \"n1\"}",
            "{:process 1, :type :info, :f :add, :value 1, :node \"n1\", :error \"no reply before the client's next request\"}",
            "{:process 1, :type :invoke, :f :read, :value nil, :node \"n1\"}",
            "{:process 1, :type :ok, :f :read, :value [1], :node \"n1\"}",
        ],
    ),
    (
        "the other workloads",
        Format::Maelstrom,
        r#"{"src":"c1","dest":"n1","body":{"type":"txn","txn":[["r",1,null],["append",1,2]],"msg_id":1}}
{"src":"n1","dest":"c1","body":{"type":"txn_ok","txn":[["r",1,[]],["append",1,2]],"in_reply_to":1}}
{"src":"c1","dest":"n1","body":{"type":"broadcast","message":9,"msg_id":2}}
{"src":"n1","dest":"c1","body":{"type":"broadcast_ok","in_reply_to":2}}
{"src":"c1","dest":"n1","body":{"type":"read","msg_id":3}}
{"src":"n1","dest":"c1","body":{"type":"read_ok","messages":[9],"in_reply_to":3}}
{"src":"c1","dest":"n1","body":{"type":"add","delta":-2,"msg_id":4}}
{"src":"n1","dest":"c1","body":{"type":"error","code":1001,"in_reply_to":4}}
{"src":"c1","dest":"n1","body":{"type":"echo","echo":"hi","msg_id":5}}
{"src":"n1","dest":"c1","body":{"type":"echo_ok","echo":"hi","in_reply_to":5}}
{"src":"c1","dest":"n1","body":{"type":"generate","msg_id":6}}
{"src":"n1","dest":"c1","body":{"type":"generate_ok","id":"n1-1","in_reply_to":6}}
{"src":"c1","dest":"n1","body":{"type":"send","key":"k","msg":5,"msg_id":7}}
{"src":"n1","dest":"c1","body":{"type":"send_ok","offset":100,"in_reply_to":7}}
{"src":"c1","dest":"n1","body":{"type":"poll","offsets":{"k":100},"msg_id":8}}
{"src":"n1","dest":"c1","body":{"type":"poll_ok","msgs":{"k":[[100,5]]},"in_reply_to":8}}
{"src":"c1","dest":"n1","body":{"type":"pop","stack":1,"msg_id":9}}
{"src":"n1","dest":"c1","body":{"type":"pop_ok","top":2,"in_reply_to":9}}
"#,
        &[
            "{:process 1, :type :invoke, :f :txn, :value [[\"r\" 1 nil] [\"append\" 1 2]], :node \"n1\"}",
            "{:process 1, :type :ok, :f :txn, :value [[\"r\" 1 []] [\"append\" 1 2]], :node \"n1\"}",
            "{:process 1, :type :invoke, :f :broadcast, :value 9, :node \"n1\"}",
            "{:process 1, :type :ok, :f :broadcast, :value 9, :node \"n1\"}",
            "{:process 1, :type :invoke, :f :read, :value nil, :node \"n1\"}",
            "{:process 1, :type :ok, :f :read, :value [9], :node \"n1\"}",
            "{:process 1, :type :invoke, :f :add, :value -2, :node \"n1\"}",
            "{:process 1, :type :info, :f :add, :value -2, :node \"n1\", :error {:code 1001}}",
            "{:process 1, :type :invoke, :f :echo, :value \"hi\", :node \"n1\"}",
            "{:process 1, :type :ok, :f :echo, :value \"hi\", :node \"n1\"}",
            "{:process 1, :type :invoke, :f :generate, :value nil, :node \"n1\"}",
            "{:process 1, :type :ok, :f :generate, :value \"n1-1\", :node \"n1\"}",
            "{:process 1, :type :invoke, :f :send, :value 5, :key \"k\", :node \"n1\"}",
            "{:process 1, :type :ok, :f :send, :value [100 5], :key \"k\", :node \"n1\"}",
            "{:process 1, :type :invoke, :f :poll, :value {\"k\" 100}, :node \"n1\"}",
            "{:process 1, :type :ok, :f :poll, :value {\"k\" [[100 5]]}, :node \"n1\"}",
            "{:process 1, :type :invoke, :f :pop, :value {\"stack\" 1}, :node \"n1\"}",
            "{:process 1, :type :ok, :f :pop, :value {\"top\" 2}, :node \"n1\"}",
        ],
    ),
];

/// Returns all of these files.
pub(super) fn cases() -> Vec<Accepted> {
    [EDN, JSON, TEXTS, MAELSTROM].concat()
}

#[test]
fn files_are_recognised_and_read() {
    for (name, format, text, expected) in cases() {
        assert_eq!(Format::recognise(text.as_bytes()), Ok(format), "{name}");
        let file = read(format, text.as_bytes());
        assert_eq!((file.error.as_ref(), file.torn), (None, None), "{name}");
        let written: Vec<String> = file.entries().map(formats::write_edn).collect();
        let again: Vec<_> = expected
            .iter()
            .flat_map(|line| read(Format::Edn, line.as_bytes()).entries)
            .collect();
        assert!(
            file.entries().eq(again.iter().map(|(_, entry)| entry)),
            "{name}: {written:#?}"
        );
    }
}

/// However a file is cut into blocks, it reads the same, to the line of each entry and the words of each error.
#[test]
fn blocks_change_nothing() {
    let broken = super::broken::cases();
    let files = cases()
        .into_iter()
        .map(|(name, format, text, _)| (name, format, text.as_bytes()));
    for (name, format, bytes) in files.chain(
        broken
            .into_iter()
            .map(|(name, format, bytes, ..)| (name, format, bytes)),
    ) {
        let whole = read(format, bytes);
        for length in 1..bytes.len().min(40) {
            let blocks = read_in_blocks(format, bytes, &[length]);
            assert_eq!(blocks, whole, "{name} in blocks of {length}");
        }
    }
}

#[test]
fn every_format_goes_by_its_name() {
    for format in Format::ALL {
        assert_eq!(format.to_string().parse(), Ok(format));
    }
    let error = "xml".parse::<Format>().expect_err("no format");
    assert_eq!(
        error.to_string(),
        "\"xml\" is no format; there are jsonl, json, edn, history-txt, etcd-log, kv-log, maelstrom, awdit, plume"
    );
    assert_eq!(Format::recognise(b"\x1f\x8b\x08"), Err(Unrecognised::Packed("gzip")));
}

/// Every beginning of a file that is written line by line reads as its whole lines; the torn one is said.
#[test]
fn a_torn_last_line_is_passed_over_and_said() {
    let line = "{\"index\":0,\"type\":\"ok\",\"process\":0,\"f\":\"read\",\"value\":[1,\"\u{e9}\\u00e9\",null]}";
    let edn = "{:index 0, :type :ok, :process 0, :f :read, :value [1 \"\u{e9}\\u00e9\" nil #{\\a} #inst \"x\" 1.5], :error :e}";
    let message = "{\"src\":\"c1\",\"dest\":\"n1\",\"body\":{\"type\":\"read\",\"msg_id\":1}}";
    for (format, line) in [(Format::Jsonl, line), (Format::Edn, edn), (Format::Maelstrom, message)] {
        for length in 0..line.len() {
            let file = [line.as_bytes(), b"\n", &line.as_bytes()[..length]].concat();
            let file = read(format, &file);
            let torn = (length > 0).then_some(2);
            assert_eq!(
                (file.error, file.torn, file.entries.len()),
                (None, torn, 1),
                "{format} cut at {length}"
            );
        }
    }
    let zeros = [line.as_bytes(), b"\n\0\0\0\0"].concat();
    assert_eq!(
        read(Format::Jsonl, &zeros).torn,
        Some(2),
        "a file system that lost power"
    );
    let column = "0\t:invoke\t:cas\t[1 2]\n0\t:ok\t:cas\t[1";
    assert_eq!(read(Format::HistoryTxt, column.as_bytes()).torn, Some(2));
}

#[test]
fn real_time_follows_the_index_where_all_have_one() {
    let file = b"{:index 2, :type :invoke, :process 1, :f :read}
{:index 0, :type :invoke, :process 0, :f :write, :value 1}
{:index 3, :type :ok, :process 1, :f :read, :value 1}
{:index 1, :type :ok, :process 0, :f :write, :value 1}
";
    let transcript = formats::read_transcript(Format::Edn, file).expect("it is in order of its indices");
    let [write, read] = transcript.calls() else {
        panic!("two calls")
    };
    assert_eq!((&*write.function, &*read.function), ("write", "read"));
    assert!(write.precedes(read));
}

/// What is pushed comes out again, whatever it was: overlapping, without invocation, without completion, crashed.
#[test]
fn transcripts_are_entries_again() {
    let file = "{:index 0, :time 1, :process 0, :type :invoke, :f :write, :value 1, :node \"n1\"}
{:index 1, :time 2, :process 1, :type :invoke, :f :read, :value nil}
{:index 4, :process 0, :type :info, :f :write, :value nil, :node \"n1\", :error :timeout}
{:index 5, :process 0, :type :invoke, :f :write, :value 2, :key \"k\"}
{:index 6, :process 2, :type :fail, :f :write, :value 7}
{:index 7, :process 0, :type :ok, :f :write, :value 2, :key \"k\"}
{:index 8, :process 3, :type :invoke, :f :read, :value nil}
{:index 9, :process 1, :type :ok, :f :read, :value 2}
";
    let transcript = formats::read_transcript(Format::Edn, file.as_bytes()).expect("a transcript");
    let written: String = transcript
        .entries()
        .iter()
        .map(|entry| formats::write_edn(entry) + "\n")
        .collect();
    assert_eq!(written, file);
    let outcomes: Vec<Outcome> = transcript.calls().iter().map(|call| call.outcome).collect();
    assert_eq!(
        outcomes,
        [Outcome::Fail, Outcome::Info, Outcome::Ok, Outcome::Ok, Outcome::Info]
    );
}

/// Jepsen's causal-reverse test: a process with two calls open, told apart by what they write.
#[test]
fn overlapping_calls_of_a_process_are_sessions_of_their_own() {
    let file = "{:type :invoke, :process 0, :f :write, :value 1}
{:type :invoke, :process 0, :f :write, :value 2}
{:type :ok, :process 0, :f :write, :value 1}
{:type :invoke, :process 0, :f :read, :value nil}
{:type :ok, :process 0, :f :write, :value 2}
{:type :ok, :process 0, :f :read, :value [2 1]}
{:type :invoke, :process 0, :f :read, :value nil}
{:type :ok, :process 0, :f :read, :value [2 1]}
";
    let transcript = formats::read_transcript(Format::Edn, file.as_bytes()).expect("told apart");
    let [first, second, read, last] = transcript.calls() else {
        panic!("four calls")
    };
    assert!(first.precedes(read) && !second.precedes(read) && read.precedes(last));
    assert_eq!(second.answered, second.asked);
    let mut sessions = [first.process, second.process, read.process, last.process];
    sessions.sort();
    assert!(sessions.windows(2).all(|it| it[0] != it[1]), "{sessions:?}");
    let kinds = transcript.entries().into_iter().map(|entry| entry.kind);
    assert_eq!(kinds.filter(|kind| *kind == EventKind::Invoke).count(), 4);
}

/// Calls of nobody that lie open, more than a completion is looked for among.
#[test]
fn too_many_open_calls_are_refused() {
    let file = "{:type :invoke, :f :read}\n".repeat(1_025);
    let error = formats::read_transcript(Format::Edn, file.as_bytes()).expect_err("too many");
    assert_eq!(
        error.to_string(),
        "line 1025: more than 1024 calls are open that only their functions and values tell apart"
    );
}

/// A completion of whatever kind whose invocation is not in the record is a call that began before all others.
#[test]
fn lone_completions_are_calls_that_began_before_all() {
    let file = "{:type :ok, :process 0, :f :read, :value 1}
{:type :fail, :process 1, :f :write, :value 2}
{:type :info, :process 2, :f :write, :value 3}
{:type :ok, :f :read, :value 4}
{:type :info, :process :nemesis, :f :heal}
{:type :invoke, :process 0, :f :read}
";
    let transcript = formats::read_transcript(Format::Edn, file.as_bytes()).expect("a transcript");
    let calls = transcript.calls();
    let outcomes: Vec<Outcome> = calls.iter().map(|call| call.outcome).collect();
    assert_eq!(
        outcomes,
        [Outcome::Ok, Outcome::Fail, Outcome::Info, Outcome::Ok, Outcome::Info]
    );
    assert!(
        calls[..4]
            .iter()
            .all(|call| calls[..4].iter().all(|other| !call.precedes(other)))
    );
    assert!(calls[0].precedes(&calls[4]) && !calls[2].precedes(&calls[4]));
}

/// For what our own histories hold, the line is the producer's, to the byte.
#[test]
fn events_are_written_as_they_write_themselves() {
    let values = [
        json!(null),
        json!(42),
        json!(-1.5),
        json!(1e30),
        json!(u64::MAX),
        json!("\u{e9}\n\"\u{1}"),
        json!([1, "x", {"b": null, "1": true, "01": [], "-7": 0, "": 1}]),
    ];
    let processes = [
        Process::Client(-3),
        Process::from("observer"),
        Process::from("the observer"),
        Process::from("7"),
    ];
    let mut events = Vec::new();
    for function in Function::ALL {
        for kind in [EventKind::Invoke, EventKind::Ok, EventKind::Fail, EventKind::Info] {
            for (number, value) in values.iter().enumerate() {
                let event = Event {
                    index: u64::MAX >> number,
                    time_ns: number as u64,
                    process: processes[number % processes.len()].clone(),
                    function,
                    key: ["k17", "", "17", "\u{1f600}"][number % 4].into(),
                    value: value.clone(),
                    ..Event::read(0, "k").completion(kind)
                };
                events.push(Event {
                    seen: Some(values.to_vec()),
                    node: Some("n1".into()),
                    level: Some("quorum".into()),
                    version: Some([Version::from(u64::MAX), Version::from("0018f-1")][number % 2].clone()),
                    phase: Some([Phase::Handoff, Phase::Final][number % 2]),
                    error: Some("timeout: 5 s".into()),
                    ..event.clone()
                });
                events.push(event);
            }
        }
    }
    for event in events {
        let line = event.to_line();
        let entry = Entry::from(&event);
        assert_eq!(formats::write_jsonl(&entry), line);
        assert_eq!(entry.to_event(0), Ok(event.clone()));
        let read = read(Format::Jsonl, line.as_bytes());
        assert_eq!(read.error, None);
        assert!(
            read.entries()
                .all(|entry| formats::write_jsonl(entry) == line.replace("\"7\",\"type", "7,\"type")),
            "{line}"
        );
    }
}
