//! Makes Cargo embed the website again when it was built anew. It never runs npm: the site is built by its own command.

fn main() {
    // Cargo treats a missing path as always changed and would rebuild every dependent each time, so the folder is
    // made to exist. Failing (read-only sources) costs only that.
    let _ = std::fs::create_dir_all("../web/dist");
    println!("cargo:rerun-if-changed=../web/dist");
    println!("cargo:rerun-if-changed=build.rs");
}
