# Addresses, routes, name servers and the state of one interface ($name, its folder $dir, its device $device). Shared by the
# worker (interface) and the events of udhcpc (dhcp-event).
# shellcheck shell=dash disable=SC2034,SC2154,SC3043

# The configuration as of the last reload; no program is started for it.
load_network() {
	local line text='' nl='
'
	while IFS= read -r line; do text="$text$line$nl"; done <"$RUN/config"
	config_load_text "$text"
}

new_state() {
	up=0 pending=0 device='' addresses='' addresses6='' routes='' metric=0
	rm -f "$dir/errors"
}

# add_error CODE TEXT: shown in `errors` of ifstatus, and logged.
add_error() {
	printf '%s %s\n' "$1" "$2" >>"$dir/errors"
	logger -t netifd -p daemon.warning "Interface '$name': $2"
}

# prefix_length NETMASK, of 255.255.255.0 as of 24.
prefix_length() {
	local bits=0 rest=$1 byte
	case "$rest" in *.*.*.*) ;; *)
		echo "$rest"
		return
		;;
	esac
	while [ -n "$rest" ]; do
		byte=${rest%%.*}
		case "$rest" in *.*) rest=${rest#*.} ;; *) rest= ;; esac
		while [ "$byte" -gt 0 ]; do
			bits=$((bits + byte % 2))
			byte=$((byte / 2))
		done
	done
	echo "$bits"
}

# with_prefix "ADDRESSES" NETMASK prints each as address/length.
with_prefix() {
	local address length=
	for address in $1; do
		case "$address" in
			*/*) printf '%s ' "$address" ;;
			*)
				[ -n "$length" ] || length=$(prefix_length "$2")
				printf '%s ' "$address/$length"
				;;
		esac
	done
}

# configure "ADDRESSES/LEN" "IPV6/LEN" GATEWAY GATEWAY6 "NAME-SERVERS": one `ip -batch`; notes how to take it back.
configure() {
	local address lines='' back='' nl='
'
	addresses=$1 addresses6=$2
	for address in $addresses; do
		case "$address" in
			*/31 | */32) lines="${lines}address replace $address dev $device$nl" ;;
			*) lines="${lines}address replace $address brd + dev $device$nl" ;;
		esac
		back="${back}address del $address dev $device$nl"
	done
	for address in $addresses6; do
		lines="${lines}address replace $address dev $device nodad$nl"
		back="${back}address del $address dev $device$nl"
	done
	if [ -n "$3" ]; then
		lines="${lines}route replace default via $3 dev $device proto static metric $metric$nl"
		back="route del default via $3 dev $device proto static metric $metric$nl$back"
		routes="$routes 0.0.0.0/0,$3"
	fi
	if [ -n "$4" ]; then
		lines="${lines}route replace default via $4 dev $device proto static metric $((metric ? metric : 1024))$nl"
		back="route del default via $4 dev $device proto static metric $((metric ? metric : 1024))$nl$back"
		routes="$routes ::/0,$4"
	fi
	printf '%s' "$back" >"$dir/undo"
	run_batch "$lines"
	: >"$dir/dns"
	for address in $5; do echo "nameserver $address" >>"$dir/dns"; done
	add_route_sections
}

# run_batch LINES: all of them, also after one failed; what failed becomes an error of the interface.
run_batch() {
	local said
	[ -n "$1" ] || return 0
	said=$(printf '%s' "$1" | ip -force -batch - 2>&1) && return 0
	echo "$said" | grep -v '^Command failed' | while read -r line; do add_error SETUP_FAILED "$line"; done
}

undo() {
	[ -s "$1" ] && ip -force -batch - <"$1" >/dev/null 2>&1
	rm -f "$1"
}

# The `route` and `route6` sections that name this interface.
add_route_sections() {
	local lines='' back='' nl='
'
	config_foreach _route route 0.0.0.0/0
	config_foreach _route route6 ::/0
	printf '%s' "$back" >"$dir/undo-routes"
	run_batch "$lines"
}
_route() {
	local its target netmask gateway metric table type disabled words
	config_get its "$1" interface
	[ "$its" = "$name" ] || return 0
	config_get_bool disabled "$1" disabled 0
	[ "$disabled" = 0 ] || return 0
	config_get target "$1" target "$2"
	config_get netmask "$1" netmask
	config_get gateway "$1" gateway
	config_get metric "$1" metric 0
	config_get table "$1" table
	config_get type "$1" type
	case "$target" in
		*/* | default) ;;
		*:*) target=$target/128 ;;
		*) target=$target/$(prefix_length "${netmask:-32}") ;;
	esac
	case "$target" in 0.0.0.0/0 | ::/0) words=default ;; *) words=$target ;; esac
	case "$type" in
		blackhole | unreachable | prohibit) words="$type $words" ;;
		*) words="$words${gateway:+ via $gateway} dev $device" ;;
	esac
	words="$words proto static metric $metric${table:+ table $table}"
	lines="${lines}route replace $words$nl"
	back="${back}route del $words$nl"
	routes="$routes $target,$gateway"
}

# in_use DEVICE: another interface that is up has its addresses on it, or it is the port of a bridge, or carries a VLAN.
in_use() {
	local other its
	[ ! -e "/sys/class/net/$1/brport" ] || return 0
	for other in /sys/class/net/"$1"/upper_*; do [ -e "$other" ] && return 0; done
	for other in "$RUN"/*/up; do
		[ -f "$other" ] && [ "$other" != "$dir/up" ] && read -r its <"$other" && [ "$its" = "$1" ] && return 0
	done
	return 1
}

# What `ubus call network.interface dump` reads: shell variables, written whole.
write_state() {
	local auto since=
	config_get_bool auto "$name" auto 1
	[ "$up" = 0 ] || read -r since _ </proc/uptime
	{
		printf 'up=%s\npending=%s\nautostart=%s\nproto=%s\n' "$up" "$pending" "$auto" "$proto"
		printf 'since=%s\ndevice=%s\nmetric=%s\n' "${since%.*}" "$device" "$metric"
		printf 'addresses="%s"\naddresses6="%s"\nroutes="%s"\n' "$addresses" "$addresses6" "$routes"
	} >"$dir/state.new"
	mv "$dir/state.new" "$dir/state"
}

write_resolv_conf() {
	local file
	mkdir -p /tmp/resolv.conf.d
	exec 7>/var/lock/resolv.conf.lock
	flock 7
	for file in "$RUN"/*/dns; do
		[ -s "$file" ] || continue
		file=${file%/dns}
		echo "# Interface ${file##*/}"
		cat "$file/dns"
	done >/tmp/resolv.conf.d/new
	mv /tmp/resolv.conf.d/new /tmp/resolv.conf.d/resolv.conf.auto
	exec 7>&-
}

# announce ifup|ifdown|ifupdate INTERFACE DEVICE: hotplug scripts and services that asked for it, in the background.
announce() {
	logger -t netifd -p daemon.notice "Interface '$2' is now ${1#if}" &
	(
		ACTION=$1 INTERFACE=$2 DEVICE=$3 /sbin/hotplug-call iface
		/usr/libexec/procd/event "interface.${1#if}" "$2"
	) </dev/null >/dev/null 2>&1 8>&- 9>&- &
}

# interface_is_up NAME: writes the state, tells everybody, starts the aliases that wait for it.
interface_is_up() {
	up=1 pending=0
	write_state
	echo "$device" >"$dir/up"
	write_resolv_conf
	announce ifup "$name" "$device"
	config_foreach _start_alias interface
}
_start_alias() {
	local its auto disabled
	config_get its "$1" device
	[ "$its" = "@$name" ] || return 0
	config_get_bool auto "$1" auto 1
	config_get_bool disabled "$1" disabled 0
	[ "$disabled" = 0 ] || return 0
	[ "$auto" = 1 ] || grep -qs '^up' "$RUN/$1/want" || return 0
	/usr/libexec/netifd/interface up "$1" 9>&-
}
