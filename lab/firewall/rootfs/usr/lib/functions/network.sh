# What OpenWrt scripts ask of /lib/functions/network.sh, from the state that netifd's part keeps in /var/run/netifd.
# Each sets the variable named first; status 1 when the interface has no such thing.
# shellcheck shell=dash disable=SC2034,SC3043

# _net_field INTERFACE FIELD sets _net_value; status 1 while the interface is not up.
_net_field() {
	local _key _value _up=0
	_net_value=
	[ -f "/var/run/netifd/$1/state" ] || return 1
	while IFS='=' read -r _key _value; do
		_value=${_value#\"}
		case "$_key" in
			up) _up=$_value ;;
			"$2") _net_value=${_value%\"} ;;
		esac
	done <"/var/run/netifd/$1/state"
	[ "$_up" = 1 ]
}
# _net_set VARIABLE VALUE
_net_set() {
	eval "$1=\$2"
	[ -n "$2" ]
}
network_is_up() { _net_field "$1" up; }
network_get_device() { _net_field "$2" device && _net_set "$1" "$_net_value"; }
network_get_physdev() { network_get_device "$@"; }
network_get_subnets() { _net_field "$2" addresses && _net_set "$1" "${_net_value% }"; }
network_get_subnet() {
	local _subnets
	network_get_subnets _subnets "$2" && _net_set "$1" "${_subnets%% *}"
}
network_get_ipaddrs() {
	local _subnets _one _out=
	network_get_subnets _subnets "$2" || return 1
	for _one in $_subnets; do _out="$_out${_out:+ }${_one%/*}"; done
	_net_set "$1" "$_out"
}
network_get_ipaddr() {
	local _subnet
	network_get_subnet _subnet "$2" && _net_set "$1" "${_subnet%/*}"
}
network_get_ipaddrs_all() { network_get_ipaddrs "$@"; }
network_get_gateway() {
	local _route
	_net_field "$2" routes || return 1
	for _route in $_net_value; do
		case "$_route" in 0.0.0.0/0,?*)
			_net_set "$1" "${_route#*,}"
			return
			;;
		esac
	done
	return 1
}
network_find_wan() {
	local _state _name _gateway
	for _state in /var/run/netifd/*/state; do
		_name=${_state%/state}
		_name=${_name##*/}
		network_get_gateway _gateway "$_name" && _net_set "$1" "$_name" && return
	done
	return 1
}
network_flush_cache() { :; }
