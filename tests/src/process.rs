//! Processes of the real binary.

use std::{
    env,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::OnceLock,
};

use super::repository_root;

/// Returns the binary of this build, building it when it is not up to date.
///
/// # Panics
/// When it does not build: no test of it can go on.
#[must_use]
pub fn binary() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "chimera-node"])
            .args(["--bin", "chimera"])
            .current_dir(repository_root())
            .status()
            .expect("cargo runs");
        assert!(status.success(), "the binary builds");
        // A test runs from target/<profile>/deps.
        let here = env::current_exe().expect("a test knows where it is");
        let profile = here.parent().and_then(Path::parent);
        profile.expect("target/<profile>/deps").join("chimera")
    })
}

/// A process of the real binary; killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Process {
    /// Starts the binary; what it warns of goes where the test's own words go.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(binary())
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the binary starts");
        let output = BufReader::new(child.stdout.take().expect("its output is piped"));
        Self { child, output }
    }

    /// Returns the next line that the process prints.
    ///
    /// # Panics
    /// When it ends instead.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.output
            .read_line(&mut line)
            .expect("its output is text");
        assert!(!line.is_empty(), "the process ended before it said more");
        line.trim().to_owned()
    }

    /// Sends SIGKILL and waits until the process is gone.
    pub fn kill(&mut self) {
        // One that has ended by itself is as gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
