# What the suites of foreign clients share: a mesh of their own, and tools in target/ci-tools. Sourced
# from the root of the checkout, by bash.

tools=$PWD/target/ci-tools
chimera=${CHIMERA:-$PWD/target/release/chimera}
work=$(mktemp -d)
up=
alone=
mkdir -p "$tools"

ended() {
    [ $? -eq 0 ] || [ ! -f "$work/up.log" ] || tail -n 30 "$work/up.log"
    for started in $up $alone; do
        { kill "$started" && wait "$started"; } 2>/dev/null || true
    done
    rm -rf "$work"
}
trap ended EXIT

fail() { echo "FAILED: $1"; exit 1; }

# Starts the mesh with its simulated venues; sets $address to where it serves and $control to where the
# simulators are steered.
start_mesh() {
    # The shell of the background may open it later than it is first read.
    : >"$work/up.out"
    "$chimera" up --listen 127.0.0.1:0 --data-dir "$work/data" >"$work/up.out" 2>"$work/up.log" &
    up=$!
    # Ends when the mesh says that it is ready, when it ends, and at the bound.
    grep -q '^ready' < <(timeout 30 tail -f -n +1 --pid="$up" "$work/up.out") || fail "the mesh is not ready"
    address=$(sed -n 's|.* on http://||p' "$work/up.out")
    control=$(sed -n 's/.*simulator control at //p' "$work/up.out")
}

# Starts one simulated venue without a mesh; sets $control to where it is steered.
start_alone() {
    : >"$work/alone.json"
    "$chimera" sim --venues "$1" --base-port 0 --json >"$work/alone.json" 2>"$work/alone.log" &
    alone=$!
    grep -q control < <(timeout 30 tail -f -n +1 --pid="$alone" "$work/alone.json") || fail "$1 is not simulated"
    control=$(sed -n 's/.*"control":"\([^"]*\)".*/\1/p' "$work/alone.json")
}

# Sets $python to an interpreter that has what the file lists, in its versions.
python_with() {
    python=$tools/python/bin/python
    [ -x "$tools/python/bin/pip" ] || python3 -m venv "$tools/python"
    # Answers at once when everything is there.
    "$tools/python/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "$1"
}

install_chromium() {
    command -v chromium >/dev/null 2>&1 && return
    { apt-get update -qq && apt-get install -y -qq chromium; } >"$work/apt.log" 2>&1 || cat "$work/apt.log"
}
