//! A plan as a table.

use super::PlanView;

/// A plan's sites as a table: a row for each that is open or that some draw of the noise opens.
pub fn csv(view: &PlanView) -> Option<String> {
    let plan = view.plan.as_ref()?;
    let mut writer = csv::Writer::from_writer(Vec::new());
    let columns = [
        "site",
        "name",
        "nil",
        "status",
        "open",
        "modules",
        "in_100_draws",
    ];
    writer.write_record(columns).ok()?;
    let entry = |list: &str, id: &str, field: &str| {
        let all = plan.pointer(list)?.as_array()?;
        let one = all.iter().find(|one| one["id"] == id)?;
        Some(one[field].to_string())
    };
    let open = plan["open"].as_array()?;
    for site in &view.inputs.sites {
        let id = site.site.id.as_str();
        let is_open = open.iter().any(|open| open == id);
        let in_100 = entry("/stability/sites", id, "in_100");
        if !is_open && in_100.is_none() {
            continue;
        }
        let status = serde_json::to_value(site.site.status).ok()?;
        writer
            .write_record([
                id,
                site.site.name.as_deref().unwrap_or(id),
                site.site.nil.as_deref().unwrap_or_default(),
                status.as_str().unwrap_or_default(),
                if is_open { "yes" } else { "no" },
                &entry("/modules", id, "number").unwrap_or_default(),
                &in_100.unwrap_or_default(),
            ])
            .ok()?;
    }
    String::from_utf8(writer.into_inner().ok()?).ok()
}
