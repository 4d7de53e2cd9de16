# npm_peers NAME CACHE: the outside counterparts that npm has, in CACHE, once for all tests; or NAME is skipped, in TAP.
npm_skip() {
    echo "1..1"
    echo "ok 1 - $1 # SKIP $2"
    exit 0
}

npm_peers() {
    command -v node >/dev/null && command -v npm >/dev/null || npm_skip "$1" 'node and npm are not installed'
    mkdir -p "$2"
    exec 9>"$2/lock"
    flock 9
    if ! cmp -s "$here/package-lock.json" "$2/installed" || [ ! -d "$2/node_modules" ]; then
        cp "$here/package.json" "$here/package-lock.json" "$2/"
        (cd "$2" && timeout 120 npm ci --ignore-scripts --no-audit --no-fund --silent >npm.log 2>&1) ||
            npm_skip "$1" 'npm has no network and what it brings is not in its cache'
        cp "$here/package-lock.json" "$2/installed"
    fi
    exec 9>&-
}
