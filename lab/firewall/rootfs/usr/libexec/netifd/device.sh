# Devices of /etc/config/network: makes those that do not exist yet (bridge, VLAN, macvlan, bond, WireGuard) and gives them
# their MAC address, MTU and ports. Wants the configuration loaded; says in the log what went wrong.
# What the kernel of the lab machine has no module for cannot be made, as on a firewall without that module.
# shellcheck shell=dash disable=SC2034,SC2154,SC3043

# section_of_device NAME sets `section` to the `device` section of that name, or to nothing.
section_of_device() {
	section=
	config_foreach _is_device device "$1"
}
_is_device() {
	local name
	config_get name "$1" name
	[ "$name" != "$2" ] || section=$1
}

exists() { [ -d "/sys/class/net/$1" ]; }

# make_link NAME KIND WORDS…: `ip link add`, or a line in the log that says what is missing.
make_link() {
	local name=$1 kind=$2 said
	shift 2
	if said=$(ip link add name "$name" "$@" 2>&1); then
		: >"$RUN/$name.made"
		return 0
	fi
	case "$said" in
		*'Unknown device type'* | *'not supported'*) say "$name: the kernel of this machine has no $kind devices" ;;
		*) say "$name: ${said:-ip link add failed}" ;;
	esac
	return 1
}

# leave_device DEVICE: down; what was made here (a bridge, a VLAN) is deleted, as by netifd.
leave_device() {
	if [ -f "$RUN/$1.made" ] && [ -z "$restarting" ]; then
		rm -f "$RUN/$1.made"
		ip link del dev "$1" 2>/dev/null
	else
		ip link set dev "$1" down 2>/dev/null
	fi
}

# is_present DEVICE: it exists, or can be made of what exists. A bridge needs one of its ports, or bridge_empty.
is_present() {
	local section type parts part empty
	section_of_device "$1"
	config_get type "$section" type
	config_get parts "$section" ports
	[ -n "$parts" ] || config_get parts "$section" ifname
	if [ "$type" = bridge ]; then
		config_get_bool empty "$section" bridge_empty 0
		[ "$empty" = 0 ] || return 0
		for part in $parts; do ! exists "$part" || return 0; done
		return 1
	fi
	exists "$1" && return 0
	case "$type:$1" in
		:*.*) exists "${1%.*}" ;;
		:*) return 1 ;;
		*) exists "${parts%% *}" ;;
	esac
}

# prepare_device NAME [MAC]: the device exists and is up, with the settings of its section; MAC, of the interface, goes before the
# section's. Status 1: it cannot be made.
prepare_device() {
	local name=$1 mac=$2 section type macaddr mtu
	section_of_device "$name"
	config_get type "$section" type
	if ! exists "$name"; then
		make_device "$name" "$section" "$type" || return 1
	fi
	config_get macaddr "$section" macaddr
	config_get mtu "$section" mtu
	set_mac "$name" "${mac:-$macaddr}"
	[ -z "$mtu" ] || ip link set dev "$name" mtu "$mtu" 2>/dev/null
	[ "$type" != bridge ] || join_ports "$name" "$section"
	ip link set dev "$name" up
}

# set_mac DEVICE MAC: nothing when it has that address already. An empty MAC brings back the one it had before the first change.
set_mac() {
	local device=$1 wanted=$2 current original="$RUN/$1.mac"
	if [ -z "$wanted" ]; then
		[ -f "$original" ] || return 0
		read -r wanted <"$original"
	fi
	read -r current <"/sys/class/net/$device/address"
	[ "$current" != "$(echo "$wanted" | tr 'A-F' 'a-f')" ] || return 0
	[ -f "$original" ] || echo "$current" >"$original"
	ip link set dev "$device" address "$wanted" || say "$device refuses the address $wanted"
}

make_device() {
	local name=$1 section=$2 type=$3 ifname vid mode
	config_get ifname "$section" ifname
	case "$type" in
		bridge) make_link "$name" bridge type bridge forward_delay 0 ;;
		macvlan)
			config_get mode "$section" mode private
			prepare_device "$ifname" && make_link "$name" macvlan link "$ifname" type macvlan mode "$mode"
			;;
		8021q | 8021ad)
			config_get vid "$section" vid
			make_vlan "$name" "$ifname" "$vid" "$type"
			;;
		'')
			case "$name" in
				bond-*) make_bond "$name" "${name#bond-}" ;;
				*.*) make_vlan "$name" "${name%.*}" "${name##*.}" 8021q ;;
				*) return 1 ;;
			esac
			;;
		*)
			say "$name: this lab makes no devices of type $type"
			return 1
			;;
	esac
}

make_vlan() {
	case "$3" in
		'' | *[!0-9]*)
			say "$1: \"$3\" is no VLAN number"
			return 1
			;;
	esac
	prepare_device "$2" && make_link "$1" VLAN link "$2" type vlan id "$3" proto "$(vlan_protocol "$4")"
}
vlan_protocol() { if [ "$1" = 8021ad ]; then echo 802.1ad; else echo 802.1Q; fi; }

# make_bond DEVICE INTERFACE: from the options of the interface whose protocol is bonding.
make_bond() {
	local device=$1 section=$2 slaves slave policy
	config_get slaves "$section" slaves
	config_get policy "$section" bonding_policy active-backup
	make_link "$device" bonding type bond mode "$policy" || return 1
	for slave in $slaves; do
		ip link set dev "$slave" down && ip link set dev "$slave" master "$device" ||
			say "$device: $slave cannot be added"
	done
}

# join_ports BRIDGE SECTION: exactly the listed ports are in the bridge. A port that is missing does not stop the others.
join_ports() {
	local bridge=$1 ports port old
	config_get ports "$2" ports
	for old in "/sys/class/net/$bridge/brif"/*; do
		[ -e "$old" ] || continue
		list_contains ports "${old##*/}" || ip link set dev "${old##*/}" nomaster
	done
	for port in $ports; do
		[ ! -e "/sys/class/net/$bridge/brif/$port" ] || continue
		prepare_device "$port" && ip link set dev "$port" master "$bridge"
	done
}

# l3_device_of INTERFACE [SECTION] sets `device`: where its addresses are. Status 1: an alias whose parent is missing.
l3_device_of() {
	local proto
	config_get proto "$1" proto none
	config_get device "$1" device
	[ -n "$device" ] || config_get device "$1" ifname
	case "$proto" in
		bonding) device=bond-$1 ;;
		wireguard) device=$1 ;;
		pppoe | l2tp | pptp) device=$proto-$1 ;;
	esac
	case "$device" in
		@*)
			config_get proto "${device#@}" proto
			[ -n "$proto" ] || return 1
			l3_device_of "${device#@}"
			;;
	esac
}
