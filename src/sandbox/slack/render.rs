//! A message as plain text: what a person would read, one line per block; the same for every test and log.

use serde_json::Value;

use super::args::text_of;

/// Finds the name behind the id of a person or channel.
pub type Names<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The visible text of a message. Blocks win over `text`, as in the real client; then come the coloured attachments.
pub fn plain_text(text: &str, blocks: &[Value], attachments: &[Value], names: Names<'_>) -> String {
    let mut lines = Vec::new();
    if blocks.is_empty() {
        if !text.is_empty() {
            lines.push(readable(text, names));
        }
    } else {
        push_blocks(&mut lines, blocks, names);
    }
    for attachment in attachments {
        if let Some(color) = text_of(attachment, "color") {
            lines.push(format!("▌{color}"));
        }
        for key in ["pretext", "title", "text"] {
            if let Some(text) = text_of(attachment, key).filter(|text| !text.is_empty()) {
                lines.push(readable(text, names));
            }
        }
        for field in attachment.get("fields").and_then(Value::as_array).into_iter().flatten() {
            let part = |key| readable(text_of(field, key).unwrap_or_default(), names);
            lines.push(format!("{}: {}", part("title"), part("value")));
        }
        push_blocks(&mut lines, array(attachment, "blocks"), names);
        if let Some(text) = text_of(attachment, "footer") {
            lines.push(readable(text, names));
        }
    }
    lines.join("\n")
}

fn array<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn push_blocks(lines: &mut Vec<String>, blocks: &[Value], names: Names<'_>) {
    for block in blocks {
        match text_of(block, "type").unwrap_or_default() {
            "divider" => lines.push("---".to_owned()),
            "context" => {
                let parts = array(block, "elements").iter().map(|element| inner(element, names));
                lines.push(parts.collect::<Vec<_>>().join(" "));
            }
            "actions" => {
                let parts = array(block, "elements").iter().map(|element| control(element, names));
                lines.push(parts.collect::<Vec<_>>().join(" "));
            }
            "image" => lines.push(inner(block, names)),
            "markdown" => lines.push(text_of(block, "text").unwrap_or_default().to_owned()),
            _ => {
                if let Some(text) = block.get("text") {
                    lines.push(inner(text, names));
                }
                lines.extend(array(block, "fields").iter().map(|field| inner(field, names)));
                if let Some(accessory) = block.get("accessory") {
                    lines.push(control(accessory, names));
                }
            }
        }
    }
}

fn inner(element: &Value, names: Names<'_>) -> String {
    match text_of(element, "alt_text") {
        Some(alt) => format!("(image: {alt})"),
        None => readable(text_of(element, "text").unwrap_or_default(), names),
    }
}

fn control(element: &Value, names: Names<'_>) -> String {
    let label = |key| element.get(key).map(|text| inner(text, names)).unwrap_or_default();
    match text_of(element, "type").unwrap_or_default() {
        "static_select" => format!("[ {} ▾ ]", label("placeholder")),
        "overflow" => "[ … ]".to_owned(),
        "image" => inner(element, names),
        _ => format!("[ {} ]", label("text")),
    }
}

/// Links and mentions spelled out, the three escapes undone; bold and code marks stay.
fn readable(text: &str, names: Names<'_>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        out.push_str(before);
        let Some((tag, behind)) = after.split_once('>') else {
            out.push('<');
            rest = after;
            continue;
        };
        out.push_str(&spelled(tag, names));
        rest = behind;
    }
    out.push_str(rest);
    out.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

fn spelled(inner: &str, names: Names<'_>) -> String {
    let (target, label) = inner.split_once('|').map_or((inner, None), |(to, label)| (to, Some(label)));
    let spelled_name = |id: &str| names(id).or_else(|| label.map(str::to_owned)).unwrap_or_else(|| id.to_owned());
    match target.split_at_checked(1) {
        Some(("@", id)) => format!("@{}", spelled_name(id)),
        Some(("#", id)) => format!("#{}", spelled_name(id)),
        Some(("!", special)) => match (special.starts_with("date^"), label) {
            (true, Some(fallback)) => fallback.to_owned(),
            _ => format!("@{special}"),
        },
        _ => match label {
            Some(label) => format!("{label} ({target})"),
            None => target.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_alert_reads_line_by_line() {
        let attachment = json!({"color": "#cc0000", "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": "api serves nobody"}},
            {"type": "section", "text": {"type": "mrkdwn", "text": "*OOMKilled* &lt;6&gt; by <@U1>, <https://x.test/a?b&amp;c|PR #1>"},
             "fields": [{"type": "mrkdwn", "text": "`shop`"}]},
            {"type": "actions", "elements": [
                {"type": "button", "text": {"type": "plain_text", "text": "Acknowledge"}},
                {"type": "static_select", "placeholder": {"type": "plain_text", "text": "Silence"}}]},
            {"type": "divider"},
            {"type": "context", "elements": [{"type": "mrkdwn", "text": "since <!date^1^{time}|14:09>"}, {"type": "mrkdwn", "text": "<!here>"}]}]});
        let text = plain_text("not shown", &[json!({"type": "divider"})], &[attachment], &|id| {
            (id == "U1").then(|| "ana".to_owned())
        });
        insta::assert_snapshot!(text, @r"
        ---
        ▌#cc0000
        api serves nobody
        *OOMKilled* <6> by @ana, PR #1 (https://x.test/a?b&c)
        `shop`
        [ Acknowledge ] [ Silence ▾ ]
        ---
        since 14:09 @here
        ");
    }

    #[test]
    fn a_lone_bracket_stays() {
        assert_eq!(plain_text("1 < 2 & so on", &[], &[], &|_| None), "1 < 2 & so on");
    }
}
