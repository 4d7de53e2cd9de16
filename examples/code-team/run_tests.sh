# The tests of the example: a patch that says `fixed` passes.
if grep -q fixed; then echo '{"passed": true, "log": "3 passed"}'; else echo '{"passed": false, "log": "1 failed: rounding"}'; fi
