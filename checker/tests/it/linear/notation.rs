//! Transcripts from text, as tests of the search write them.

use quorate_checker::{Entry, Forms, Transcript, TranscriptBuilder};

/// Reads EDN, a map an op; one bracket around them all is passed over.
pub(crate) fn transcript(text: &[u8]) -> Transcript {
    let mut forms = Forms::new(text);
    let mut builder = TranscriptBuilder::new();
    let _ = forms.skip(b'[').and_then(|_| forms.skip(b'('));
    while !forms.skip(b']').expect("the text is EDN") && !forms.skip(b')').expect("the text is EDN") {
        let Some(form) = forms.next_form().expect("the text is EDN") else {
            break;
        };
        let entry = Entry::from_map(form).expect("each form is an op");
        builder.push(entry).expect("the ops are a history");
    }
    builder.finish()
}

/// Writes the calls, a line each, with their places in real time.
pub(crate) fn render(transcript: &Transcript) -> String {
    let line = |call: &quorate_checker::Call| {
        let (function, asked, answered) = (&call.function, &call.asked, &call.answered);
        let outcome = call.outcome.name();
        format!(
            "{:?}..{:?} {function} {asked} {outcome} {answered}\n",
            call.start, call.end
        )
    };
    transcript.calls().iter().map(line).collect()
}
