//! Scenarios whose applications replay fewer lines. Judges none.

use crate::scenario::{Scenario, Workload};

/// How many lines the text has that an application goes by; 0 if it has none.
pub(super) fn count(app: &Workload) -> usize {
    app.text().map_or(0, |text| text.lines().count())
}

/// The scenario in which an application goes by its text without `count` lines from `from` on; `None` where nothing
/// valid is left of that.
pub(super) fn without(
    scenario: &Scenario,
    app: usize,
    from: usize,
    count: usize,
) -> Option<Scenario> {
    let text = scenario.workload.get(app)?.text()?;
    let lines = text.lines().enumerate();
    let kept = lines.filter(|(at, _)| !(from..from.saturating_add(count)).contains(at));
    let text: String = kept.flat_map(|(_, line)| [line, "\n"]).collect();
    let mut other = scenario.clone();
    other.workload[app] = other.workload[app].with_text(&text)?;
    Some(other)
}

#[cfg(test)]
mod tests {
    use super::{count, without};
    use crate::scenario::parse;

    #[test]
    fn lines_go_and_what_is_left_is_valid() {
        let text = r#"{ "version": 1, "name": "s", "cluster": {},
            "volumes": [{ "name": "vol0", "layout": "raid1", "blocks": 64 }],
            "workload": [
                { "app": "trace", "client": "c0", "volume": "vol0", "format": "fio-iolog",
                  "text": "fio version 2 iolog\nf write 0 4096\nf read 0 4096\nf sync\n" },
                { "app": "fio", "client": "c0", "volume": "vol0", "text": "[a]\nrw=write\n[b]\nbs=8k\n" },
                { "app": "verify", "client": "c0", "volume": "vol0" }] }"#;
        let scenario = parse("s.json", text).unwrap();
        assert_eq!(scenario.workload.iter().map(count).collect::<Vec<_>>(), [4, 4, 0]);
        let fewer = without(&scenario, 0, 1, 2).unwrap();
        assert_eq!(fewer.workload[0].text(), Some("fio version 2 iolog\nf sync\n"));
        assert!(without(&scenario, 0, 0, 1).is_none(), "without its first line it is no log");
        assert!(without(&scenario, 0, 1, 9).is_none(), "nothing is left to replay");
        assert_eq!(count(&without(&scenario, 1, 2, 2).unwrap().workload[1]), 2);
        assert!(without(&scenario, 2, 0, 1).is_none());
    }
}
