//! Broken files: each is refused, with its line and a word that says what is wrong; none panics.

use quorate_checker::formats::{self, Format};

/// A file that is wrong: a name, the format that it is read as, what it holds, the line that the message names, and a part of
/// the message.
type Broken = (&'static str, Format, &'static [u8], u64, &'static str);

const EDN: &[Broken] = {
    use Format::Edn;
    &[
        ("a map that never ends", Edn, b"{:type :ok, :f :read\n{:type :ok}\n{:type :ok}", 1, "bracket"),
        ("only the beginning of a map", Edn, b"{:type :ok, :f", 1, "bracket"),
        ("a bracket too many", Edn, b"{:type :ok, :f :read}}\n", 1, "unmatched }"),
        ("a bracket of another kind", Edn, b"{:type :ok, :value [1 2}\n", 1, "unmatched }"),
        ("a vector that never ends", Edn, b"[{:type :ok}\n {:type :ok}\n", 3, "the ] that closes the history, opened on line 1, is missing"),
        ("a list that ends as a vector", Edn, b"({:type :ok}\n {:type :ok}]\n", 2, "unmatched ]"),
        ("an op after the vector", Edn, b"[{:type :ok}]\n{:type :ok}\n", 2, "one history a file"),
        ("a text that never ends", Edn, b"{:type :ok, :value \"abc}\n{:type :ok}\n", 1, "quote"),
        ("a map with an odd count", Edn, b"{:type :ok}\n{:type :ok, :f}\n", 2, "a key and no value"),
        ("a nested map with an odd count", Edn, b"{:type :ok, :value {1}}\n", 1, "a key and no value"),
        ("an escape that is none", Edn, b"{:type :ok, :value \"a\\qb\"}\n", 1, "escape"),
        ("an escape that is cut", Edn, b"{:type :ok, :value \"a\\u12\"}\n", 1, "hexadecimal"),
        ("an escape with a sign", Edn, b"{:type :ok, :value \"\\u+123\"}\n", 1, "hexadecimal"),
        ("a character that is none", Edn, b"{:type :ok, :value \\newlin}\n", 1, "no character"),
        ("a tag of nothing", Edn, b"{:type :ok, :value #}\n", 1, "no tag follows"),
        ("a dropped form that is not there", Edn, b"{:type :ok #_}\n", 1, "unmatched }"),
        ("metadata", Edn, b"^{:a 1} {:type :ok}\n", 1, "no form"),
        ("a quote", Edn, b"'{:type :ok}\n", 1, "no form"),
        ("a colon alone", Edn, b"{: :ok}\n", 1, "no form"),
        ("a number with letters", Edn, b"{:type :ok, :value 12abc}\n", 1, "no number"),
        ("a number with two points", Edn, b"{:type :ok, :time 1.2.3}\n", 1, "no number"),
        ("a number that Clojure takes as octal", Edn, b"{:type :ok, :value 010}\n", 1, "no number"),
        ("UTF-8 that is none, in a text", Edn, b"{:type :ok, :value \"\xff\xfe\"}\n", 1, "UTF-8"),
        ("UTF-8 that is none, in a keyword", Edn, b"{:type :ok,\n :f :re\xc3d}\n", 2, "UTF-8"),
        ("a NUL", Edn, b"{:type :ok}\n\0\0\0\0\n", 2, "control character, 0x00"),
        ("a NUL in a keyword", Edn, b"{:type :o\0k}\n", 1, "control character"),
        ("a number alone", Edn, b"{:type :ok}\n17\n", 2, "an op is a map, not 17"),
        ("a vector among maps", Edn, b"{:type :ok}\n[{:type :ok}]\n", 2, "an op is a map"),
        ("a set of ops", Edn, b"#{{:type :ok}}\n", 1, "an op is a map"),
        ("a time of its own", Edn, b"#inst \"2026-01-01\"\n", 1, "an op is a map"),
        ("no type", Edn, b"{:process 0, :f :read, :value nil}\n", 1, "no :type"),
        ("an empty map", Edn, b"\n\n{}\n", 3, "no :type"),
        ("a type of another kind", Edn, b"{:type :okay}\n", 1, ":type can't be :okay"),
        ("a type that is a number", Edn, b"{:type 1}\n", 1, ":type can't be 1"),
        ("a type of nil", Edn, b"{:type nil}\n", 1, ":type can't be nil"),
        ("a process that is a fraction", Edn, b"{:type :ok, :process 0.5}\n", 1, ":process can't be 0.5"),
        ("a process that is a list", Edn, b"{:type :ok, :process [0]}\n", 1, ":process can't be [0]"),
        ("a function that is a number", Edn, b"{:type :ok, :f 1}\n", 1, ":f can't be 1"),
        ("an index below nothing", Edn, b"{:type :ok, :index -2}\n", 1, ":index can't be -2"),
        ("an index that is a text", Edn, b"{:type :ok, :index \"1\"}\n", 1, ":index can't be \"1\""),
        ("a huge index", Edn, b"{:type :ok, :index 99999999999999999999}\n", 1, ":index can't be"),
        ("a time that is a fraction", Edn, b"{:type :ok, :time 1.5}\n", 1, ":time can't be 1.5"),
        ("a time that is a keyword", Edn, b"{:type :ok, :time :now}\n", 1, ":time can't be :now"),
        ("a node that is a number", Edn, b"{:type :ok, :node 1}\n", 1, ":node can't be 1"),
        ("a level that is a map", Edn, b"{:type :ok, :level {}}\n", 1, ":level can't be {}"),
        ("a version that is a list", Edn, b"{:type :ok, :version [1]}\n", 1, ":version can't be [1]"),
        ("a version below nothing", Edn, b"{:type :ok, :version -1}\n", 1, ":version can't be -1"),
        ("a phase that is none", Edn, b"{:type :ok, :phase :first}\n", 1, ":phase can't be :first"),
        ("values seen that are no list", Edn, b"{:type :ok, :seen 1}\n", 1, ":seen can't be 1"),
        ("lines of JSON", Edn, b"{\"type\": \"ok\", \"f\": \"read\"}\n", 1, "no form"),
        ("two that may be meant", Edn, b"{:type :invoke, :process 0, :f :read}\n{:type :invoke, :process 0, :f :read}\n{:type :ok, :process 0, :f :read, :value 1}\n", 3, "several \"read\" open"),
        ("two of nobody that may be meant", Edn, b"{:type :invoke, :f :read}\n{:type :invoke, :f :read}\n{:type :fail, :f :read}\n", 3, "no process"),
        ("the end of something else", Edn, b"{:type :invoke, :process 0, :f :read}\n{:type :ok, :process 0, :f :write, :value 1}\n", 2, "ends a \"write\", but has a \"read\" open"),
        ("indices that some lack and some contradict", Edn, b"{:type :ok, :index 5}\n{:type :ok}\n{:type :ok, :index 4}\n", 3, "index 4 comes after 5"),
    ]
};

const JSON: &[Broken] = {
    use Format::{Json, Jsonl};
    &[
        (
            "an object that never ends",
            Jsonl,
            b"{\"type\":\"ok\"\n{\"type\":\"ok\"}\n",
            1,
            "one object of JSON a line",
        ),
        (
            "a line of something else",
            Jsonl,
            b"{\"type\":\"ok\"}\nhello\n{\"type\":\"ok\"}\n",
            2,
            "column 1",
        ),
        (
            "two objects on a line",
            Jsonl,
            b"{\"type\":\"ok\"} {\"type\":\"ok\"}\n",
            1,
            "trailing characters",
        ),
        (
            "an array on a line",
            Jsonl,
            b"{\"type\":\"ok\"}\n[1]\n",
            2,
            "an object with an op's fields",
        ),
        ("a number on a line", Jsonl, b"1\n", 1, "an object with an op's fields"),
        (
            "a last line that is no object",
            Jsonl,
            b"{\"type\":\"ok\"}\nhello",
            2,
            "expected value",
        ),
        ("the first line torn", Jsonl, b"{\"type\":\"o", 1, "EOF"),
        (
            "a last line that is whole and wrong",
            Jsonl,
            b"{\"type\":\"ok\"}\n{\"type\":\"okay\"}",
            2,
            ":type can't be",
        ),
        (
            "JSON over lines",
            Jsonl,
            b"{\n  \"type\": \"ok\"\n}\n",
            1,
            "one object of JSON a line",
        ),
        ("an object that is no op", Jsonl, b"{\"valid?\": true}\n", 1, "no :type"),
        (
            "an escape that is cut",
            Jsonl,
            b"{\"type\":\"ok\",\"value\":\"\\u12\"}\n",
            1,
            "escape",
        ),
        (
            "half a surrogate pair",
            Jsonl,
            b"{\"type\":\"ok\",\"value\":\"\\ud800\"}\n",
            1,
            "column",
        ),
        (
            "UTF-8 that is none",
            Jsonl,
            b"{\"type\":\"ok\",\"value\":\"\xff\"}\n",
            1,
            "unicode",
        ),
        (
            "a number out of range",
            Jsonl,
            b"{\"type\":\"ok\",\"value\":1e999}\n",
            1,
            "number out of range",
        ),
        ("a keyword", Jsonl, b"{\"type\": :ok}\n", 1, "expected value"),
        (
            "a field's name that is none",
            Jsonl,
            b"{type: \"ok\"}\n",
            1,
            "key must be a string",
        ),
        (
            "a NUL",
            Jsonl,
            b"{\"type\":\"ok\"}\n\0\0\n{\"type\":\"ok\"}\n",
            2,
            "expected value",
        ),
        (
            "a type that is a number",
            Jsonl,
            b"{\"type\":1}\n",
            1,
            ":type can't be 1",
        ),
        (
            "an array that never ends",
            Json,
            b"[{\"type\":\"ok\"},\n{\"type\":\"ok\"}\n",
            3,
            "missing",
        ),
        (
            "an array that ends within an object",
            Json,
            b"[{\"type\":\"ok\"},\n{\"type\":\"o",
            2,
            "EOF",
        ),
        (
            "an array without commas",
            Json,
            b"[{\"type\":\"ok\"}\n{\"type\":\"ok\"}]\n",
            2,
            "neither a comma",
        ),
        (
            "an array with a comma too many",
            Json,
            b"[{\"type\":\"ok\"},\n]\n",
            2,
            "what is found is a ]",
        ),
        (
            "an array and more",
            Json,
            b"[{\"type\":\"ok\"}]\n\n[]\n",
            3,
            "follows the ]",
        ),
        ("an array of arrays", Json, b"[\n[\"ok\"]]\n", 2, "what is found is a ["),
        (
            "an object in place of the array",
            Json,
            b"{\"type\":\"ok\"}\n",
            1,
            "begins with a [",
        ),
        (
            "an op over lines that is wrong on its third",
            Json,
            b"[\n{\"type\":\"ok\",\n\"value\":}]\n",
            3,
            "expected value",
        ),
    ]
};

const TEXTS: &[Broken] = {
    use Format::{Awdit, EtcdLog, HistoryTxt, Maelstrom, Plume};
    &[
        ("too few columns", HistoryTxt, b"0\t:invoke\t:read\tnil\n0\t:ok\n", 2, "too few columns"),
        ("columns of another order", HistoryTxt, b":invoke\t0\t:read\tnil\n", 1, ":type can't be 0"),
        ("columns of another type", HistoryTxt, b"0\t:invoked\t:read\tnil\n", 1, ":type can't be :invoked"),
        ("a value that never ends", HistoryTxt, b"0\t:invoke\t:cas\t[1 2\n0\t:ok\t:cas\t[1 2]\n", 1, "ends within a form"),
        ("a log of something else", EtcdLog, b"INFO  jepsen.util - 0\t:invoke\t:read\tnil\n127.0.0.1 GET /\n", 2, "no line of Jepsen's log"),
        ("a log line that is cut", EtcdLog, b"INFO  jepsen.util - 0\t:invoke\nINFO  jepsen.util - 0\t:ok\t:read\t1\n", 1, "too few columns"),
        ("a log of another type", EtcdLog, b"INFO  jepsen.util - 0\t:began\t:read\tnil\n", 1, ":type can't be :began"),
        ("a letter for a key", Awdit, b"w 0 1\nr x 1\n", 2, "integers"),
        ("a number too many", Awdit, b"w 0 1 2\n", 1, "integers"),
        ("a number too few", Awdit, b"w 0\n", 1, "integers"),
        ("a rule that is too short", Awdit, b"w 0 1\n--\n", 2, "rule"),
        ("a huge number", Awdit, b"w 0 99999999999999999999\n", 1, "integers"),
        ("an append", Awdit, b"a 0 1\n", 1, "neither"),
        ("a field too few", Plume, b"w(1,1,0,0)\nw(1,2,0)\n", 2, "SESSION"),
        ("a field too many", Plume, b"w(1,1,0,0,0)\n", 1, "SESSION"),
        ("a letter for a value", Plume, b"w(1,a,0,0)\n", 1, "integers"),
        ("a bracket too few", Plume, b"w(1,1,0,0)\nr(1,1,0,1\n", 2, "neither"),
        ("a transaction that goes on after its end", Plume, b"w(1,1,0,0)\nw(1,2,0,1)\nw(2,2,0,0)\n", 3, "goes on"),
        ("a reply to nothing", Maelstrom, br#"{"src":"n1","dest":"c1","body":{"type":"read_ok","in_reply_to":1,"value":3}}"#, 1, "a reply to message 1 of c1"),
        ("a reply to a message yet to come", Maelstrom, b"{\"src\":\"c1\",\"dest\":\"n1\",\"body\":{\"type\":\"read\",\"msg_id\":1,\"key\":0}}\n{\"src\":\"n1\",\"dest\":\"c1\",\"body\":{\"type\":\"read_ok\",\"in_reply_to\":2,\"value\":3}}\n", 2, "a reply to message 2"),
        ("a reply to something else", Maelstrom, b"{\"src\":\"c1\",\"dest\":\"n1\",\"body\":{\"type\":\"read\",\"msg_id\":1,\"key\":0}}\n{\"src\":\"n1\",\"dest\":\"c1\",\"body\":{\"type\":\"write_ok\",\"in_reply_to\":1}}\n", 2, "expected \"read_ok\""),
        ("an error without a code", Maelstrom, b"{\"src\":\"c1\",\"dest\":\"n1\",\"body\":{\"type\":\"read\",\"msg_id\":1,\"key\":0}}\n{\"src\":\"n1\",\"dest\":\"c1\",\"body\":{\"type\":\"error\",\"in_reply_to\":1}}\n", 2, "code"),
        ("a request without an id", Maelstrom, br#"{"src":"c1","dest":"n1","body":{"type":"read","key":0}}"#, 1, "msg_id"),
        ("an id that is a text", Maelstrom, br#"{"src":"c1","dest":"n1","body":{"type":"read","msg_id":"1"}}"#, 1, "msg_id"),
        ("a body without a type", Maelstrom, br#"{"src":"c1","dest":"n1","body":{"msg_id":1}}"#, 1, "\"type\""),
        ("a message without a body", Maelstrom, br#"{"src":"c1","dest":"n1"}"#, 1, "body"),
        ("a body that is a text", Maelstrom, br#"{"src":"c1","dest":"n1","body":"read"}"#, 1, "\"type\""),
        ("a client of a strange name", Maelstrom, br#"{"src":"c1x","dest":"n1","body":{"type":"read","msg_id":1}}"#, 1, "c1x"),
    ]
};

#[test]
fn what_is_wrong_is_said_with_its_line() {
    for (name, format, bytes, line, words) in cases() {
        let error = formats::read_transcript(format, bytes).expect_err(name);
        assert_eq!(error.line(), line, "{name}: {error}");
        let message = error.to_string();
        assert!(message.starts_with(&format!("line {line}: ")), "{name}: {message}");
        assert!(message.contains(words), "{name}: {message}");
        assert!(message.len() < 300, "{name}: {message}");
    }
}

/// Whole files that are no history: what is said of them where no format is asked for.
#[test]
fn what_is_no_history_is_not_recognised() {
    let files: &[(&str, &[u8], &str)] = &[
        ("gzip", b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "gzip: unpack"),
        ("zip", b"PK\x03\x04\x14\x00", "zip"),
        ("zstd", b"\x28\xb5\x2f\xfd\x04\x58", "zstd"),
        ("an image", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "binary"),
        ("a program", b"\x7fELF\x02\x01\x01\0\0\0", "binary"),
        ("zeros", &[0; 512], "binary"),
        ("noise", b"\x9c\xe5\x03\xf0\x11\x80\x81", "binary"),
        ("UTF-16, little end first", b"\xff\xfe{\0:\0t\0", "UTF-16"),
        ("UTF-16, big end first", b"\xfe\xff\0{\0:\0t", "UTF-16"),
        ("HTML", b"<!DOCTYPE html>\n<html><body>404", "HTML"),
        ("XML", b"\n<?xml version=\"1.0\"?>", "HTML or XML"),
        (
            "a listing",
            b"total 12\ndrwxr-xr-x 2 root root 4096 Jan  1 00:00 .\n",
            "line 1 begins no history",
        ),
        ("a script", b"\n\n#!/bin/sh\n", "line 3 begins no history"),
        (
            "prose",
            b"; not a history\nIt was a dark night.\n",
            "line 2 begins no history",
        ),
        ("a table", b"process,type,f,value\n0,invoke,read,\n", "jsonl"),
        ("a vector of numbers", b"[1 2 3]\n", "no history"),
        ("a number", b"42\n", "no history"),
        (
            "a log of something else",
            b"2026-01-01T00:00:00Z INFO quorate_node: listening\n",
            "no history",
        ),
        ("TOML", b"[run]\nseed = 1\n", "no history"),
    ];
    for (name, bytes, words) in files {
        let message = match Format::recognise(bytes) {
            Err(error) => error.to_string(),
            Ok(format) => formats::read_transcript(format, bytes).expect_err(name).to_string(),
        };
        assert!(message.contains(words), "{name}: {message}");
    }
}

/// Deep, long and wide files: neither the stack nor the time may run out.
#[test]
fn files_without_measure_are_refused_or_read() {
    let deep = |open: &str| format!("{{:type :ok, :value {}", open.repeat(100_000)).into_bytes();
    for open in ["[", "{", "(", "#{", "#a ", "#_", "#_ #_ [", "{1 ", "[#_["] {
        let error = formats::read_transcript(Format::Edn, &deep(open)).expect_err(open);
        assert!(error.to_string().contains("128 deep"), "{open}: {error}");
    }
    let deep = format!("{{\"type\":\"ok\",\"value\":{}", "[".repeat(100_000));
    for format in [Format::Jsonl, Format::Json] {
        let file = if format == Format::Json {
            format!("[{deep}")
        } else {
            deep.clone()
        };
        let error = formats::read_transcript(format, file.as_bytes()).expect_err("deep");
        assert!(error.to_string().contains("recursion limit"), "{error}");
    }
    let wide = format!("{{:type :ok, :value [{}]}}\n", "1 ".repeat(1_000_000));
    assert_eq!(
        formats::read_transcript(Format::Edn, wide.as_bytes()).map(|it| it.calls().len()),
        Ok(1)
    );
    let blank = "\n ; nothing\n,\t\r\n".repeat(100_000);
    assert_eq!(
        formats::read_transcript(Format::Edn, blank.as_bytes()).map(|it| it.calls().len()),
        Ok(0)
    );
    let digits = format!("{{:type :ok, :value {}}}\n", "9".repeat(1_000_000));
    assert_eq!(
        formats::read_transcript(Format::Edn, digits.as_bytes()).map(|it| it.calls().len()),
        Ok(1)
    );
}

/// Returns all broken files.
pub(super) fn cases() -> Vec<Broken> {
    [EDN, JSON, TEXTS].concat()
}
