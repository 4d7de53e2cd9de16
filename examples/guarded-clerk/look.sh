# Reads { "order": ... }, knows every order.
order=$(sed 's/.*"order":"\([^"]*\)".*/\1/')
printf '{"order":"%s","paid":80.0}\n' "$order"
