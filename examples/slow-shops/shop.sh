# One answers at once, one has lost the first question, one never answers.
case "$SHOP$BATON_ATTEMPT" in
near*) price=12 ;;
busy1) exec sleep 60 ;;
busy*) price=9 ;;
*) exec sleep 60 ;;
esac
echo "{ \"shop\": \"$SHOP\", \"price\": $price }"
