# The desk: an outside system that takes whatever it is handed, as often as it is handed.
echo "publish  $BATON_IDEMPOTENCY_KEY  $1" >>ledger
echo "\"on the desk\""
