# The archive: an outside system that writes down every query it answers, with the key it was asked under.
sleep 0.3
echo "search  $BATON_IDEMPOTENCY_KEY  $1" >>ledger
echo "\"notes on $1\""
