//! Block Kit as the real workspace judges it: blocks in, every broken limit out, with a pointer to where it is.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

const BLOCKS_IN_MESSAGE: usize = 50;
const SECTION_TEXT: usize = 3000;
const FIELDS: usize = 10;
const FIELD_TEXT: usize = 2000;
const HEADER_TEXT: usize = 150;
const CONTEXT_ELEMENTS: usize = 10;
const ACTIONS_ELEMENTS: usize = 25;
const BUTTON_TEXT: usize = 75;
const BUTTON_VALUE: usize = 2000;
const URL: usize = 3000;
const ID: usize = 255;
const OPTIONS: usize = 100;
const OVERFLOW_OPTIONS: usize = 5;
const OPTION_TEXT: usize = 75;
const OPTION_VALUE: usize = 150;
const PLACEHOLDER: usize = 150;
const CONFIRM_TITLE: usize = 100;
const CONFIRM_TEXT: usize = 300;
const CONFIRM_BUTTON: usize = 30;
const ALT_TEXT: usize = 2000;
const MARKDOWN: usize = 12_000;

/// Characters of text that one message may carry in all its blocks together.
pub const MESSAGE_TEXT: usize = 12_000;

/// Every limit that `blocks` break, in the words of the real workspace; empty when they are fine.
pub fn faults_of(blocks: &[Value], pointer: &str) -> Vec<String> {
    let mut judge = Judge::default();
    if blocks.len() > BLOCKS_IN_MESSAGE {
        judge.say(&format!("no more than {BLOCKS_IN_MESSAGE} items allowed"), pointer);
    }
    for (at, block) in blocks.iter().enumerate() {
        judge.block(block, &format!("{pointer}/{at}"));
    }
    judge.faults
}

/// Characters of all texts in `value`, buttons and options included.
pub fn text_size(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(text_size).sum(),
        Value::Object(object) => object
            .iter()
            .map(|(key, inner)| match inner {
                Value::String(text) if key == "text" => text.chars().count(),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
                Value::Array(_) | Value::Object(_) => text_size(inner),
            })
            .sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

#[derive(Clone, Copy)]
enum TextKind {
    Plain,
    Any,
}

#[derive(Default)]
struct Judge {
    faults: Vec<String>,
    block_ids: BTreeSet<String>,
    action_ids: BTreeSet<String>,
}

impl Judge {
    fn say(&mut self, what: &str, at: &str) {
        self.faults.push(format!("{what} [json-pointer:{at}]"));
    }

    fn object<'a>(&mut self, value: &'a Value, known: &[&str], at: &str) -> Option<&'a Map<String, Value>> {
        let Some(object) = value.as_object() else {
            self.say("must provide an object", at);
            return None;
        };
        for key in object.keys().filter(|key| !known.contains(&key.as_str())) {
            self.say(&format!("invalid additional property: {key}"), at);
        }
        Some(object)
    }

    fn block(&mut self, block: &Value, at: &str) {
        self.action_ids.clear();
        let kind = block.get("type").and_then(Value::as_str).unwrap_or_default();
        let known: &[&str] = match kind {
            "section" => &["type", "block_id", "text", "fields", "accessory", "expand"],
            "header" => &["type", "block_id", "text", "level"],
            "divider" => &["type", "block_id"],
            "context" | "actions" => &["type", "block_id", "elements"],
            "image" => &["type", "block_id", "image_url", "slack_file", "alt_text", "title"],
            "markdown" => &["type", "block_id", "text"],
            "" => return self.say("missing required field: type", at),
            other => return self.say(&format!("unsupported type: {other}"), &format!("{at}/type")),
        };
        let Some(object) = self.object(block, known, at) else { return };
        if let Some(id) = object.get("block_id") {
            self.string(id, 1, ID, &format!("{at}/block_id"));
            let id = id.as_str().unwrap_or_default().to_owned();
            if !self.block_ids.insert(id.clone()) {
                self.say(&format!("`block_id` \"{id}\" already exists"), &format!("{at}/block_id"));
            }
        }
        match kind {
            "section" => self.section(object, at),
            "header" => self.required_text(object, TextKind::Plain, HEADER_TEXT, at),
            "context" => self.elements(object, CONTEXT_ELEMENTS, at, Self::context_element),
            "actions" => self.elements(object, ACTIONS_ELEMENTS, at, Self::interactive),
            "image" => self.image(object, at),
            "markdown" => match object.get("text") {
                Some(text) => self.string(text, 1, MARKDOWN, &format!("{at}/text")),
                None => self.say("missing required field: text", at),
            },
            _ => {}
        }
    }

    fn section(&mut self, block: &Map<String, Value>, at: &str) {
        if block.get("text").is_none() && block.get("fields").is_none() {
            self.say("missing required field: text", at);
        }
        if let Some(text) = block.get("text") {
            self.text(text, TextKind::Any, SECTION_TEXT, &format!("{at}/text"));
        }
        if let Some(fields) = block.get("fields") {
            let at = format!("{at}/fields");
            let items = self.items(fields, FIELDS, &at);
            for (nr, field) in items.iter().enumerate() {
                self.text(field, TextKind::Any, FIELD_TEXT, &format!("{at}/{nr}"));
            }
        }
        if let Some(accessory) = block.get("accessory") {
            let at = format!("{at}/accessory");
            match accessory.get("type").and_then(Value::as_str) {
                Some("image") => self.context_element(accessory, &at),
                _ => self.interactive(accessory, &at),
            }
        }
    }

    fn elements(&mut self, block: &Map<String, Value>, most: usize, at: &str, judge: fn(&mut Self, &Value, &str)) {
        let Some(elements) = block.get("elements") else {
            return self.say("missing required field: elements", at);
        };
        let at = format!("{at}/elements");
        for (nr, element) in self.items(elements, most, &at).iter().enumerate() {
            judge(self, element, &format!("{at}/{nr}"));
        }
    }

    fn items<'a>(&mut self, value: &'a Value, most: usize, at: &str) -> &'a [Value] {
        let Some(items) = value.as_array() else {
            self.say("must provide an array", at);
            return &[];
        };
        if items.is_empty() {
            self.say("no fewer than 1 items allowed", at);
        }
        if items.len() > most {
            self.say(&format!("no more than {most} items allowed"), at);
        }
        items
    }

    fn context_element(&mut self, element: &Value, at: &str) {
        match element.get("type").and_then(Value::as_str) {
            Some("image") => {
                if let Some(image) = self.object(element, &["type", "image_url", "slack_file", "alt_text"], at) {
                    self.image(image, at);
                }
            }
            _ => self.text(element, TextKind::Any, FIELD_TEXT, at),
        }
    }

    fn image(&mut self, image: &Map<String, Value>, at: &str) {
        match image.get("alt_text") {
            Some(text) => self.string(text, 1, ALT_TEXT, &format!("{at}/alt_text")),
            None => self.say("missing required field: alt_text", at),
        }
        match (image.get("image_url"), image.get("slack_file")) {
            (Some(url), None) => self.string(url, 1, URL, &format!("{at}/image_url")),
            (None, Some(_)) => {}
            _ => self.say("missing required field: image_url", at),
        }
    }

    fn interactive(&mut self, element: &Value, at: &str) {
        let kind = element.get("type").and_then(Value::as_str).unwrap_or_default();
        let known: &[&str] = match kind {
            "button" => &["type", "action_id", "text", "url", "value", "style", "confirm", "accessibility_label"],
            "static_select" => {
                &["type", "action_id", "placeholder", "options", "initial_option", "confirm", "focus_on_load"]
            }
            "overflow" => &["type", "action_id", "options", "confirm"],
            other => return self.say(&format!("unsupported type: {other}"), &format!("{at}/type")),
        };
        let Some(object) = self.object(element, known, at) else { return };
        if let Some(id) = object.get("action_id") {
            let at = format!("{at}/action_id");
            self.string(id, 1, ID, &at);
            let id = id.as_str().unwrap_or_default().to_owned();
            if !self.action_ids.insert(id.clone()) {
                self.say(&format!("`action_id` \"{id}\" already exists"), &at);
            }
        }
        if let Some(confirm) = object.get("confirm") {
            self.confirm(confirm, &format!("{at}/confirm"));
        }
        match kind {
            "button" => self.button(object, at),
            "overflow" => self.options(object, OVERFLOW_OPTIONS, at),
            _ => {
                if let Some(text) = object.get("placeholder") {
                    self.text(text, TextKind::Plain, PLACEHOLDER, &format!("{at}/placeholder"));
                }
                self.options(object, OPTIONS, at);
            }
        }
    }

    fn button(&mut self, button: &Map<String, Value>, at: &str) {
        self.required_text(button, TextKind::Plain, BUTTON_TEXT, at);
        if let Some(value) = button.get("value") {
            self.string(value, 0, BUTTON_VALUE, &format!("{at}/value"));
        }
        if let Some(url) = button.get("url") {
            self.string(url, 1, URL, &format!("{at}/url"));
        }
        if let Some(style) = button.get("style")
            && !matches!(style.as_str(), Some("primary" | "danger"))
        {
            self.say("must be one of: primary, danger", &format!("{at}/style"));
        }
    }

    fn options(&mut self, element: &Map<String, Value>, most: usize, at: &str) {
        let Some(options) = element.get("options") else {
            return self.say("missing required field: options", at);
        };
        let at = format!("{at}/options");
        for (nr, option) in self.items(options, most, &at).iter().enumerate() {
            let at = format!("{at}/{nr}");
            let Some(object) = self.object(option, &["text", "value", "description", "url"], &at) else { continue };
            self.required_text(object, TextKind::Plain, OPTION_TEXT, &at);
            match object.get("value") {
                Some(value) => self.string(value, 1, OPTION_VALUE, &format!("{at}/value")),
                None => self.say("missing required field: value", &at),
            }
            if let Some(text) = object.get("description") {
                self.text(text, TextKind::Plain, OPTION_TEXT, &format!("{at}/description"));
            }
        }
    }

    fn confirm(&mut self, confirm: &Value, at: &str) {
        let Some(object) = self.object(confirm, &["title", "text", "confirm", "deny", "style"], at) else { return };
        let parts = [
            ("title", TextKind::Plain, CONFIRM_TITLE),
            ("text", TextKind::Any, CONFIRM_TEXT),
            ("confirm", TextKind::Plain, CONFIRM_BUTTON),
            ("deny", TextKind::Plain, CONFIRM_BUTTON),
        ];
        for (name, kind, most) in parts {
            match object.get(name) {
                Some(text) => self.text(text, kind, most, &format!("{at}/{name}")),
                None => self.say(&format!("missing required field: {name}"), at),
            }
        }
    }

    fn required_text(&mut self, object: &Map<String, Value>, kind: TextKind, most: usize, at: &str) {
        match object.get("text") {
            Some(text) => self.text(text, kind, most, &format!("{at}/text")),
            None => self.say("missing required field: text", at),
        }
    }

    fn text(&mut self, text: &Value, kind: TextKind, most: usize, at: &str) {
        let before = self.faults.len();
        if let Some(object) = self.object(text, &["type", "text", "emoji", "verbatim"], at) {
            match (object.get("type").and_then(Value::as_str), kind) {
                (Some("plain_text"), _) => {
                    if object.contains_key("verbatim") {
                        self.say("invalid additional property: verbatim", at);
                    }
                }
                (Some("mrkdwn"), TextKind::Any) => {
                    if object.contains_key("emoji") {
                        self.say("invalid additional property: emoji", at);
                    }
                }
                (Some(other), _) => self.say(&format!("unsupported type: {other}"), &format!("{at}/type")),
                (None, _) => self.say("missing required field: type", at),
            }
            match object.get("text") {
                Some(inner) => self.string(inner, 1, most, &format!("{at}/text")),
                None => self.say("missing required field: text", at),
            }
        }
        if self.faults.len() > before && matches!(kind, TextKind::Any) {
            let whole = format!("failed to match all allowed schemas [json-pointer:{at}]");
            self.faults.insert(before, whole);
        }
    }

    fn string(&mut self, value: &Value, least: usize, most: usize, at: &str) {
        let Some(text) = value.as_str() else { return self.say("must provide a string", at) };
        let size = text.chars().count();
        if size < least {
            self.say(&format!("must be more than {} characters", least.saturating_sub(1)), at);
        }
        if size > most {
            self.say(&format!("must be less than {} characters", most + 1), at);
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn section(text: &str) -> Value {
        json!({"type": "section", "text": {"type": "mrkdwn", "text": text}})
    }

    fn button(id: &str) -> Value {
        json!({"type": "button", "action_id": id, "text": {"type": "plain_text", "text": "Go"}, "value": "v"})
    }

    #[test]
    fn a_message_within_all_limits_is_taken() {
        let blocks = [
            json!({"type": "header", "text": {"type": "plain_text", "text": "h".repeat(150), "emoji": true}}),
            section(&"s".repeat(3000)),
            json!({"type": "context", "elements": [{"type": "mrkdwn", "text": "c"}]}),
            json!({"type": "divider"}),
            json!({"type": "actions", "elements": [button("a"), button("b")]}),
        ];
        assert_eq!(faults_of(&blocks, "/blocks"), Vec::<String>::new());
    }

    #[rstest]
    #[case::long_section(section(&"x".repeat(3001)), "must be less than 3001 characters [json-pointer:/blocks/0/text/text]")]
    #[case::empty_section(section(""), "must be more than 0 characters [json-pointer:/blocks/0/text/text]")]
    #[case::bare_section(json!({"type": "section"}), "missing required field: text [json-pointer:/blocks/0]")]
    #[case::long_header(json!({"type": "header", "text": {"type": "plain_text", "text": "x".repeat(151)}}), "must be less than 151 characters [json-pointer:/blocks/0/text/text]")]
    #[case::mrkdwn_header(json!({"type": "header", "text": {"type": "mrkdwn", "text": "x"}}), "unsupported type: mrkdwn [json-pointer:/blocks/0/text/type]")]
    #[case::fields(json!({"type": "section", "fields": vec![json!({"type": "mrkdwn", "text": "x"}); 11]}), "no more than 10 items allowed [json-pointer:/blocks/0/fields]")]
    #[case::context(json!({"type": "context", "elements": vec![json!({"type": "mrkdwn", "text": "x"}); 11]}), "no more than 10 items allowed [json-pointer:/blocks/0/elements]")]
    #[case::no_elements(json!({"type": "actions", "elements": []}), "no fewer than 1 items allowed [json-pointer:/blocks/0/elements]")]
    #[case::actions(json!({"type": "actions", "elements": (0..26).map(|n| button(&n.to_string())).collect::<Vec<_>>()}), "no more than 25 items allowed [json-pointer:/blocks/0/elements]")]
    #[case::same_action(json!({"type": "actions", "elements": [button("a"), button("a")]}), "`action_id` \"a\" already exists [json-pointer:/blocks/0/elements/1/action_id]")]
    #[case::button_text(json!({"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "x".repeat(76)}}]}), "must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]")]
    #[case::button_value(json!({"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "x"}, "value": "v".repeat(2001)}]}), "must be less than 2001 characters [json-pointer:/blocks/0/elements/0/value]")]
    #[case::button_style(json!({"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "x"}, "style": "green"}]}), "must be one of: primary, danger [json-pointer:/blocks/0/elements/0/style]")]
    #[case::overflow(json!({"type": "actions", "elements": [{"type": "overflow", "options": vec![json!({"text": {"type": "plain_text", "text": "x"}, "value": "v"}); 6]}]}), "no more than 5 items allowed [json-pointer:/blocks/0/elements/0/options]")]
    #[case::unknown_property(json!({"type": "divider", "colour": "red"}), "invalid additional property: colour [json-pointer:/blocks/0]")]
    #[case::unknown_block(json!({"type": "banner"}), "unsupported type: banner [json-pointer:/blocks/0/type]")]
    #[case::no_type(json!({}), "missing required field: type [json-pointer:/blocks/0]")]
    fn a_broken_limit_is_named_with_its_place(#[case] block: Value, #[case] fault: &str) {
        let faults = faults_of(&[block], "/blocks");
        assert!(faults.iter().any(|found| found == fault), "{faults:#?}");
    }

    #[test]
    fn block_ids_and_the_number_of_blocks_are_judged_over_the_whole_message() {
        let twice = json!({"type": "divider", "block_id": "a"});
        assert_eq!(
            faults_of(&[twice.clone(), twice], "/blocks"),
            ["`block_id` \"a\" already exists [json-pointer:/blocks/1/block_id]"]
        );
        let many = vec![json!({"type": "divider"}); 51];
        assert_eq!(faults_of(&many, "/blocks"), ["no more than 50 items allowed [json-pointer:/blocks]"]);
    }

    #[test]
    fn a_text_that_breaks_a_limit_fails_its_whole_schema_too() {
        insta::assert_json_snapshot!(faults_of(&[section(&"x".repeat(3001))], "/blocks"), @r#"
        [
          "failed to match all allowed schemas [json-pointer:/blocks/0/text]",
          "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"
        ]
        "#);
    }

    #[test]
    fn text_is_counted_everywhere() {
        assert_eq!(text_size(&json!([section("four"), {"type": "actions", "elements": [button("a")]}])), 6);
    }
}
