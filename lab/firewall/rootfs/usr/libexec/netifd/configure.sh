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

# Everything of an interface that is down; what it is (proto) stays.
new_state() { up=0 pending=0 available=0 device='' addresses='' addresses6='' routes='' metric=0; }

# add_error SUBSYSTEM CODE TEXT [DATA]: the code and the data are in `errors` of its status, as netifd has them; the text is in the log.
add_error() {
	echo "$1 $2 $4" >>"$dir/errors"
	say "$3"
}
say() { logger -t netifd -p daemon.warning "Interface '$name': $1"; }

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

# with_prefix "ADDRESSES" NETMASK sets `prefixed`, each as address/length.
with_prefix() {
	local address length=
	prefixed=
	for address in $1; do
		case "$address" in
			*/*) ;;
			*)
				[ -n "$length" ] || length=$(prefix_length "$2")
				address=$address/$length
				;;
		esac
		prefixed="$prefixed${prefixed:+ }$address"
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
	printf '%s' "$back" >"$dir/undo"
	echo "$3 $4" >"$dir/gateway"
	: >"$dir/dns"
	for address in $5; do echo "nameserver $address" >>"$dir/dns"; done
	add_routes "$3 $4" "$lines"
}

# run_batch LINES: all of them, also after one failed; what failed is in the log, as netifd has it.
run_batch() {
	local said
	[ -n "$1" ] || return 0
	said=$(printf '%s' "$1" | ip -force -batch - 2>&1) && return 0
	echo "$said" | grep -v '^Command failed' | while read -r line; do say "$line"; done
}

undo() {
	[ -s "$1" ] && ip -force -batch - <"$1" >/dev/null 2>&1
	rm -f "$1"
}

# add_routes "GATEWAY GATEWAY6" [LINES]: default routes by the gateways, and the `route` and `route6` sections that name this interface;
# LINES for `ip -batch` go before them.
add_routes() {
	local gateway lines="$2" back='' nl='
'
	for gateway in $1; do
		case "$gateway" in
			*:*) _default "$gateway" ::/0 "$((metric ? metric : 1024))" ;;
			*) _default "$gateway" 0.0.0.0/0 "$metric" ;;
		esac
	done
	config_foreach _route route 0.0.0.0/0
	config_foreach _route route6 ::/0
	printf '%s' "$back" >"$dir/undo-routes"
	run_batch "$lines"
}
_default() {
	lines="${lines}route replace default via $1 dev $device proto static metric $3$nl"
	back="${back}route del default via $1 dev $device proto static metric $3$nl"
	routes="$routes $2,$1"
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
		[ -f "$other" ] && [ "$other" != "$dir/up" ] && read -r its _ <"$other" && [ "$its" = "$1" ] && return 0
	done
	return 1
}

# What `ubus call network.interface dump` reads: shell variables, written whole.
write_state() {
	local goal=down since=
	[ -f "$dir/goal" ] && read -r goal <"$dir/goal"
	[ "$up" = 0 ] || read -r _ since <"$dir/up"
	{
		printf 'up=%s\npending=%s\navailable=%s\nautostart=%s\nproto=%s\n' "$up" "$pending" "$available" "$goal" "$proto"
		printf 'since=%s\ndevice=%s\nmetric=%s\n' "$since" "$device" "$metric"
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

# announce ifup|ifdown INTERFACE [DEVICE]: hotplug scripts and services that asked for it, in the background. With ifdown there is no DEVICE.
announce() {
	logger -t netifd -p daemon.notice "Interface '$2' is now ${1#if}" &
	(
		ACTION=$1 INTERFACE=$2
		export ACTION INTERFACE
		[ -z "$3" ] || export DEVICE="$3"
		/sbin/hotplug-call iface
		/usr/libexec/procd/event "interface.${1#if}" "$2"
	) </dev/null >/dev/null 2>&1 8>&- 9>&- &
}

# interface_is_up NAME: writes the state, tells everybody, starts the aliases that wait for it.
interface_is_up() {
	local since
	up=1 pending=0 available=1
	read -r since _ </proc/uptime
	echo "$device ${since%.*}" >"$dir/up"
	write_state
	write_resolv_conf
	announce ifup "$name" "$device"
	config_foreach _start_alias interface
}
_start_alias() {
	local its goal
	config_get its "$1" device
	[ "$its" = "@$name" ] || return 0
	[ -f "$RUN/$1/goal" ] && read -r goal <"$RUN/$1/goal" && [ "$goal" = up ] || return 0
	BACKGROUND=1 /usr/libexec/netifd/interface start "$1" 9>&-
}
