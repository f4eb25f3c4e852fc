//! Block Kit within its limits: text that is safe to show in, blocks that Slack accepts out.

use serde_json::{Value, json};

use super::Message;

const SECTION: usize = 3000;
const CONTEXT_ELEMENTS: usize = 10;
const CONTEXT_TEXT: usize = 2000;
const ACTIONS: usize = 25;
const BUTTON_TEXT: usize = 75;
const BUTTON_VALUE: usize = 2000;
const BLOCKS: usize = 50;
/// All text of a message together; Slack refuses at about 12,000.
const BUDGET: usize = 10_000;
/// The plain text, which is counted as well.
const TEXT: usize = 3000;

/// Makes any text safe to show: `&`, `<`, `>` are escaped (so nothing becomes a link or a mention), `@channel` and its like lose
/// their power, a code fence cannot be closed, and characters that control the terminal or the direction of writing are gone.
pub(crate) fn escape(text: &str) -> String {
    const LOUD: [&str; 4] = ["channel", "here", "everyone", "group"];
    let mut safe = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '\t' => safe.push(' '),
            '\n' => safe.push('\n'),
            '`' if safe.ends_with("``") => safe.push('\''),
            '@' => {
                safe.push('@');
                let rest = text.as_bytes().get(at.saturating_add(1)..).unwrap_or_default();
                let begins =
                    |word: &str| rest.get(..word.len()).is_some_and(|b| b.eq_ignore_ascii_case(word.as_bytes()));
                if LOUD.into_iter().any(begins) {
                    safe.push('\u{200b}');
                }
            }
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => {}
            c if c.is_control() => {}
            c => safe.push(c),
        }
    }
    safe
}

/// [`escape`], on one line.
pub(crate) fn escape_line(text: &str) -> String {
    escape(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A link with safe text; the text alone if the address is none that may be followed.
pub(crate) fn link(safe: &str, url: Option<&str>) -> String {
    let is_plain = |url: &&str| {
        let is_web = url.starts_with("https://") || url.starts_with("http://");
        is_web
            && url.len() <= LONGEST_LINK
            && !url.contains(|c: char| c.is_whitespace() || c.is_control() || "<>|\"`".contains(c))
    };
    match url.filter(is_plain) {
        Some(url) => format!("<{}|{safe}>", escape(url)),
        None => safe.to_owned(),
    }
}

/// Cuts safe text to a limit, counted as Slack does, and says how much was left out. Never cuts within `&amp;`.
pub(crate) fn cap(safe: &str, limit: usize) -> String {
    /// Room for the words about what was left out.
    const TAIL: usize = 24;
    if size(safe) <= limit {
        return safe.to_owned();
    }
    let room = limit.saturating_sub(TAIL);
    let mut used = 0_usize;
    let fits = safe.char_indices().find(|(_, c)| {
        used = used.saturating_add(c.len_utf16());
        used > room
    });
    let end = fits.map_or(safe.len(), |(at, _)| at);
    let head = safe.get(..end).unwrap_or_default();
    // An entity that was begun but not ended is taken out whole.
    let whole = match head.rfind('&') {
        Some(at) if !head.get(at..).unwrap_or_default().contains(';') => head.get(..at).unwrap_or_default(),
        _ => head,
    };
    let left_out = safe.get(whole.len()..).unwrap_or_default().chars().count();
    let capped = format!("{}… ({left_out} more)", whole.trim_end());
    if size(&capped) <= limit { capped } else { "…".to_owned() }
}

/// How long Slack takes a text to be.
pub(crate) fn size(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Longer addresses are no links.
const LONGEST_LINK: usize = 500;

/// A button.
#[derive(Clone, Debug)]
pub(crate) struct Button {
    /// Names the action.
    pub(crate) action: &'static str,
    /// What it says.
    pub(crate) text: &'static str,
    /// What it is about.
    pub(crate) value: String,
}

/// The blocks of one message while they are put together. Text is taken as safe: what is not ours went through [`escape`].
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    blocks: Vec<Value>,
    spent: usize,
}

impl Blocks {
    /// A paragraph. Nothing in it becomes a link by itself (`verbatim`).
    pub(crate) fn section(&mut self, safe: &str) {
        let text = cap(safe.trim(), SECTION.min(self.rest()));
        if !text.is_empty() && self.rest() > 0 {
            self.spent = self.spent.saturating_add(size(&text));
            self.push(json!({"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": true}}));
        }
    }

    /// Text as it was written, line by line.
    pub(crate) fn code(&mut self, safe: &str) {
        const FENCES: usize = 8;
        let text = cap(safe.trim(), SECTION.saturating_sub(FENCES).min(self.rest().saturating_sub(FENCES)));
        if !text.is_empty() {
            self.section(&format!("```\n{text}\n```"));
        }
    }

    /// Small print.
    pub(crate) fn context(&mut self, parts: &[String]) {
        let mut elements = Vec::new();
        for part in parts.iter().take(CONTEXT_ELEMENTS) {
            // What is cut to nothing still leaves a mark.
            if self.rest() == 0 {
                break;
            }
            let text = cap(part.trim(), CONTEXT_TEXT.min(self.rest()));
            if !text.is_empty() {
                self.spent = self.spent.saturating_add(size(&text));
                elements.push(json!({"type": "mrkdwn", "text": text, "verbatim": true}));
            }
        }
        if !elements.is_empty() {
            self.push(json!({"type": "context", "elements": elements}));
        }
    }

    /// A row of buttons.
    pub(crate) fn actions(&mut self, buttons: &[Button]) {
        let elements: Vec<Value> = buttons
            .iter()
            .take(ACTIONS)
            .filter(|b| !b.value.is_empty() && size(&b.value) <= BUTTON_VALUE)
            .map(|b| {
                let text = cap(b.text, BUTTON_TEXT);
                json!({"type": "button", "action_id": b.action, "value": b.value,
                    "text": {"type": "plain_text", "text": text, "emoji": false}})
            })
            .collect();
        if !elements.is_empty() {
            self.push(json!({"type": "actions", "elements": elements}));
        }
    }

    /// The message: these blocks, and `text`, which is shown above them if they have a colour, else only where blocks are not.
    pub(crate) fn into_message(self, text: &str, colour: Option<&str>) -> Message {
        let text = cap(text.trim(), TEXT);
        let text = if text.is_empty() { "k8s-monitor".to_owned() } else { text };
        Message { text, blocks: self.blocks, colour: colour.map(str::to_owned) }
    }

    fn rest(&self) -> usize {
        BUDGET.saturating_sub(TEXT).saturating_sub(self.spent)
    }

    fn push(&mut self, block: Value) {
        if self.blocks.len() < BLOCKS {
            self.blocks.push(block);
        }
    }
}

/// The whole visible text of blocks, for a terminal and for tests.
pub(super) fn plain(message: &Message) -> String {
    let texts = |block: &Value| -> Vec<String> {
        let of = |v: &Value| v.get("text").and_then(Value::as_str).map(str::to_owned);
        let elements = block.get("elements").and_then(Value::as_array);
        match block.get("type").and_then(Value::as_str) {
            Some("actions") => {
                let labels = elements.into_iter().flatten().filter_map(|e| of(e.get("text")?));
                vec![labels.map(|label| format!("[ {label} ]")).collect::<Vec<_>>().join("  ")]
            }
            Some("context") => vec![elements.into_iter().flatten().filter_map(of).collect::<Vec<_>>().join(" · ")],
            _ => block.get("text").and_then(of).into_iter().collect(),
        }
    };
    let above = message.text.clone();
    let is_shown = message.colour.is_some() || message.blocks.is_empty();
    let shown: Vec<String> =
        is_shown.then_some(above).into_iter().chain(message.blocks.iter().flat_map(texts)).collect();
    let shown = shown.join("\n");
    let lines = shown.lines().filter(|line| *line != "```");
    let text = lines.collect::<Vec<_>>().join("\n").replace('\u{200b}', "");
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// The whole visible text without buttons, safe and short enough to be the text of a message.
pub(super) fn bare(message: &Message) -> String {
    let mut readable = message.clone();
    readable.blocks.retain(|block| block.get("type").and_then(Value::as_str) != Some("actions"));
    cap(&escape(&plain(&readable)), TEXT)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_left_out_is_said() {
        assert_eq!(cap("short", 30), "short");
        assert_eq!(cap(&"x".repeat(100), 30), "xxxxxx… (94 more)");
        assert_eq!(cap(&format!("abc{}", "&amp;".repeat(20)), 30), "abc… (100 more)");
    }

    #[test]
    fn mentions_links_and_fences_in_untrusted_text_are_only_text() {
        assert_eq!(
            escape("<!here> <@U1> @Channel a@b <http://x|y> ``` \u{1b}[31m\u{202e}"),
            "&lt;!here&gt; &lt;@U1&gt; @\u{200b}Channel a@b &lt;http://x|y&gt; ``' [31m"
        );
    }

    #[test]
    fn what_no_longer_fits_leaves_nothing_at_all() {
        let mut blocks = Blocks::default();
        while blocks.rest() > 0 {
            blocks.section("a paragraph that is longer than what is left");
        }
        let full = blocks.blocks.len();
        blocks.section("more");
        blocks.code("more");
        blocks.context(&["more".to_owned()]);
        assert_eq!((blocks.blocks.len(), blocks.spent), (full, BUDGET - TEXT));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_text_stays_within_the_limits_and_gives_no_mention_or_link(
            text in "(.|\n|<!here>|@channel|&|```|<http://a.b>){0,4000}"
        ) {
            let safe = escape(&text);
            let mut blocks = Blocks::default();
            for _ in 0..6 {
                blocks.section(&safe);
                blocks.code(&safe);
                blocks.context(&[safe.clone(), safe.clone()]);
            }
            let message = blocks.into_message(&safe, None);
            let mut total = size(&message.text);
            for block in &message.blocks {
                let texts: Vec<&Value> = match block["elements"].as_array() {
                    Some(elements) => elements.iter().map(|e| &e["text"]).collect(),
                    None => vec![&block["text"]["text"]],
                };
                for text in texts {
                    let text = text.as_str().unwrap();
                    prop_assert!(!text.is_empty() && size(text) <= SECTION);
                    prop_assert!(!text.contains(['<', '>']) && !text.to_lowercase().contains("@channel"));
                    prop_assert!(text.matches("```").count() % 2 == 0);
                    total += size(text);
                }
            }
            prop_assert!(!message.text.is_empty() && total <= BUDGET && message.blocks.len() <= BLOCKS);
        }
    }
}
