# A line for each payment; the key makes a second one of the same effect no payment.
grep -qs "$BATON_IDEMPOTENCY_KEY" paid.txt || { printf '%s ' "$BATON_IDEMPOTENCY_KEY"; cat; echo; } >> paid.txt
echo '"paid back"'
