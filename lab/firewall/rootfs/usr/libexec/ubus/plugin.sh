# rpcd's part of `ubus`: its plugins, as it knows them since its last start or reload (/var/run/rpcd/objects, see standin-init).
# A plugin is called as `PLUGIN call METHOD`, the arguments as one line of JSON on its standard input. What it writes to standard error is lost,
# its exit code does not count; it is killed after the time of /etc/config/rpcd; an answer over 1 MiB takes all of rpcd's objects off the bus.
# shellcheck shell=dash disable=SC2154,SC3043

RPCD=/var/run/rpcd
message_max=1048576

is_plugin() {
	local object
	[ -f "$RPCD/objects" ] || return 1
	while read -r object; do [ "$object" != "$1" ] || return 0; done <"$RPCD/objects"
	return 1
}

# signatures OBJECT: what its `list` said, asked once until rpcd rereads its plugins. The file holds lines METHOD SIGNATURE.
signatures() {
	[ ! -f "$RPCD/methods/$1" ] || return 0
	[ -d "$RPCD/methods" ] || mkdir -p "$RPCD/methods"
	"/usr/libexec/rpcd/$1" list 2>/dev/null </dev/null | jq -r '
		def word: {string: "String", number: "Integer", boolean: "Boolean", array: "Array", object: "Table"}[type];
		to_entries[] | .key + " " + (.value | map_values(word) | tojson)' >"$RPCD/methods/$1.$$" 2>/dev/null
	mv "$RPCD/methods/$1.$$" "$RPCD/methods/$1"
}

# describe OBJECT: as `ubus -v list`. The number of an object is made anew at each start of its program: here it is always the same.
describe() {
	local method its
	echo "'$1' @00000001"
	case "$1" in
		network.interface.*)
			for method in up down renew status prepare dump; do printf '\t"%s":{}\n' "$method"; done
			for method in add_device remove_device; do printf '\t"%s":{"name":"String","link-ext":"Boolean","vlan":"Array"}\n' "$method"; done
			for method in notify_proto remove set_data; do printf '\t"%s":{}\n' "$method"; done
			;;
		service)
			for method in set add; do
				printf '\t"%s":{"name":"String","script":"String","instances":"Table","triggers":"Array","validate":"Array","autostart":"Boolean","data":"Table"}\n' "$method"
			done
			printf '\t"%s":{%s}\n' \
				list '"name":"String","verbose":"Boolean"' delete '"name":"String","instance":"String"' \
				signal '"name":"String","instance":"String","signal":"Integer"' update_start '"name":"String"' \
				update_complete '"name":"String"' event '"type":"String","data":"Table"' \
				validate '"package":"String","type":"String","service":"String"' \
				get_data '"name":"String","instance":"String","type":"String"' \
				set_data '"name":"String","instance":"String","data":"Table"' state '"spawn":"Boolean","name":"String"' \
				watchdog '"mode":"Integer","timeout":"Integer","name":"String","instance":"String"'
			;;
		network | network.* | system) ;;
		*)
			signatures "$1"
			while read -r method its; do printf '\t"%s":%s\n' "$method" "$its"; done <"$RPCD/methods/$1"
			;;
	esac
}

knows_method() {
	local method
	signatures "$1"
	while read -r method _; do [ "$method" != "$2" ] || return 0; done <"$RPCD/methods/$1"
	return 1
}

# Sets `limit`: seconds that a plugin may take.
read_limit() {
	local word option value
	limit=30
	while read -r word option value; do
		[ "$word $option" = 'option timeout' ] || continue
		value=${value#\'}
		limit=${value%\'}
	done </etc/config/rpcd 2>/dev/null
}

# The plugin, until it ends or its time is over; only itself is killed, as by rpcd. Its answer is in a file: what it started may go on, and
# would keep a pipe open.
run_plugin() {
	printf '%s' "$3" |
		timeout --foreground -s KILL "$limit" "/usr/libexec/rpcd/$1" call "$2" >"$RPCD/answer.$$" 2>/dev/null
}

# The same in the background: the caller, who has less time, goes before it ends.
run_patiently() {
	local fifo=$RPCD/done.$$ code
	mkfifo "$fifo"
	(
		run_plugin "$@"
		echo "$?" >"$fifo"
	) </dev/null >/dev/null 2>&1 &
	code=$(timeout --foreground "$timeout" cat "$fifo")
	rm -f "$fifo"
	[ -n "$code" ] || {
		rm -f "$RPCD/answer.$$"
		fail 7
	}
	return "$code"
}

# No answer will come: the caller waits for its own time, of which BEGUN is the start.
wait_in_vain() {
	local now
	read -r now _ </proc/uptime
	now=$((timeout - (${now%.*} - $1)))
	[ "$now" -le 0 ] || sleep "$now"
	fail 7
}

call_plugin() {
	local out code begun generation=0 now=0 message=$3
	knows_method "$1" "$2" || fail 3
	read_limit
	case "$message" in *[\ \	]*) message=$(printf '%s' "$message" | jq -c . 2>/dev/null) || fail 12 ;; esac
	read -r begun _ </proc/uptime
	read -r generation <"$RPCD/generation"
	if [ "$timeout" -lt "$limit" ]; then
		run_patiently "$1" "$2" "$message"
	else
		run_plugin "$1" "$2" "$message"
	fi
	code=$?
	out=$(cat "$RPCD/answer.$$")
	rm -f "$RPCD/answer.$$"
	[ "$code" != 137 ] || fail 5
	read -r now <"$RPCD/generation"
	[ "$now" = "$generation" ] || wait_in_vain "${begun%.*}"
	if [ "${#out}" -gt "$message_max" ]; then
		rm -f "$RPCD/objects"
		wait_in_vain "${begun%.*}"
	fi
	case "$out" in
		'') fail 5 ;;
		*"
"*) out=$(printf '%s' "$out" | jq -c -n 'first(inputs) | objects' 2>/dev/null) && [ -n "$out" ] || fail 2 ;;
		'{'*'}') ;;
		*) fail 2 ;;
	esac
	answer printf '%s\n' "$out"
}
