# The shell interface that OpenWrt scripts expect of /lib/functions.sh, written anew on the `uci` command.
#
# One `uci export` a package: its output is shell text made of the words package, config, option and list, so that it
# is evaluated with these four as functions. Values end up in variables, as scripts on OpenWrt know them:
#   CONFIG_SECTIONS        names of all sections loaded, in order
#   CONFIG_<s>_TYPE        type of section s
#   CONFIG_<s>_<o>         option o; a list joined by a space
#   CONFIG_<s>_<o>_LENGTH  number of items of a list, CONFIG_<s>_<o>_ITEM<n> the items (from 1)
# shellcheck shell=dash disable=SC1090,SC2034,SC3043

_CONFIG_NL='
'

package() { :; }

config() {
	CONFIG_SECTION=$2
	CONFIG_SECTIONS="$CONFIG_SECTIONS${CONFIG_SECTIONS:+ }$2"
	eval "CONFIG_${2}_TYPE=\$1"
	config_cb "$1" "$2"
}

option() {
	eval "CONFIG_${CONFIG_SECTION}_$1=\$2"
	option_cb "$1" "$2"
}

list() {
	local length
	eval "length=\${CONFIG_${CONFIG_SECTION}_$1_LENGTH:-0}"
	length=$((length + 1))
	eval "CONFIG_${CONFIG_SECTION}_$1_LENGTH=$length
		CONFIG_${CONFIG_SECTION}_$1_ITEM$length=\$2
		CONFIG_${CONFIG_SECTION}_$1=\"\${CONFIG_${CONFIG_SECTION}_$1:+\$CONFIG_${CONFIG_SECTION}_$1 }\$2\""
	list_cb "$1" "$2"
}

reset_cb() {
	config_cb() { :; }
	option_cb() { :; }
	list_cb() { :; }
}
reset_cb

# config_load PACKAGE: forgets what was loaded before. Status 1 when the package does not exist or does not parse.
config_load() {
	local text _md5
	if _export_is_kept "$1"; then
		_config_forget
		. "$UCI_EXPORTS/$1"
		# OpenWrt ends with a call for "no section", so that a config_cb can finish its last one.
		config_cb
		return
	fi
	text=$(uci -q -n export "$1") || return 1
	_keep_export "$1" "$text"
	config_load_text "$text"
}

# config_export PACKAGE prints what `uci -q -n export PACKAGE` prints, after a comment.
config_export() {
	local text _md5
	if _export_is_kept "$1"; then
		cat "$UCI_EXPORTS/$1"
		return
	fi
	text=$(uci -q -n export "$1") || return 1
	_keep_export "$1" "$text"
	printf '%s\n' "$text"
}

# Where what `uci -n export` printed is kept, a file a package, its first line "# MD5" of the file in /etc/config: a start of `uci` costs here as
# much as forty of a small program (on OpenWrt it is one itself), and services ask at each of their starts.
UCI_EXPORTS=/var/run/uci-exports

# _export_is_kept PACKAGE: what is kept holds: no uncommitted changes, and the file is the same. Sets _md5 for _keep_export; empty: not to be kept.
_export_is_kept() {
	local _kept
	_md5=
	[ ! -e "/tmp/.uci/$1" ] && [ ! -e "/var/run/uci/$1" ] && [ -f "/etc/config/$1" ] || return 1
	_md5=$(md5sum <"/etc/config/$1")
	_md5=${_md5%% *}
	[ -f "$UCI_EXPORTS/$1" ] && read -r _ _kept <"$UCI_EXPORTS/$1" && [ "$_kept" = "$_md5" ]
}

# _keep_export PACKAGE TEXT: unless the file has changed meanwhile; readable by root only, for packages hold passwords. A full /var is no failure.
_keep_export() {
	local _now _new=$UCI_EXPORTS/.$1.$$
	[ -n "$_md5" ] && _now=$(md5sum <"/etc/config/$1") && [ "${_now%% *}" = "$_md5" ] || return 0
	(
		umask 077
		{ [ -d "$UCI_EXPORTS" ] || mkdir -p "$UCI_EXPORTS"; } &&
			printf '# %s\n%s\n' "$_md5" "$2" >"$_new" && mv "$_new" "$UCI_EXPORTS/$1" || rm -f "$_new"
	) 2>/dev/null
	return 0
}

# config_load_text TEXT: the same from what `uci -n export` printed earlier.
config_load_text() {
	_config_forget
	eval "$1"
	config_cb
}

_config_forget() {
	local _name
	if [ -n "$CONFIG_SECTIONS" ]; then
		for _name in $(set | sed -n 's/^\(CONFIG_[A-Za-z0-9_]*\)=.*/\1/p'); do unset "$_name"; done
	fi
	CONFIG_SECTIONS=
	CONFIG_SECTION=
}

# config_get VAR SECTION OPTION [DEFAULT] sets VAR; config_get SECTION OPTION prints.
config_get() {
	case "$2${3:-$1}" in
		*[!A-Za-z0-9_]*) eval "$1=\$4" ;;
		*)
			case $# in
				2) eval "printf '%s\n' \"\${CONFIG_${1}_${2}}\"" ;;
				*) eval "$1=\${CONFIG_${2}_${3}:-\$4}" ;;
			esac
			;;
	esac
}

# get_bool VALUE DEFAULT prints 1 or 0.
get_bool() {
	case "$1" in
		1 | on | true | yes | enabled) echo 1 ;;
		0 | off | false | no | disabled) echo 0 ;;
		*) echo "$2" ;;
	esac
}

config_get_bool() {
	local _value
	config_get _value "$2" "$3" "$4"
	case "$_value" in
		1 | on | true | yes | enabled) eval "$1=1" ;;
		0 | off | false | no | disabled) eval "$1=0" ;;
		*) eval "$1=\${4:-0}" ;;
	esac
}

config_set() {
	eval "CONFIG_${1}_${2}=\$3"
}

# config_foreach FUNCTION [TYPE [ARGUMENTS…]]: FUNCTION SECTION ARGUMENTS for each section (of that type).
config_foreach() {
	local _function=$1 _type=$2 _section _its
	shift
	[ $# -gt 0 ] && shift
	for _section in $CONFIG_SECTIONS; do
		if [ -n "$_type" ]; then
			eval "_its=\$CONFIG_${_section}_TYPE"
			[ "$_its" = "$_type" ] || continue
		fi
		"$_function" "$_section" "$@"
	done
}

# config_list_foreach SECTION OPTION FUNCTION [ARGUMENTS…]: FUNCTION ITEM ARGUMENTS for each item of a list.
config_list_foreach() {
	local _section=$1 _option=$2 _function=$3 _length _n=1 _item
	shift 3
	eval "_length=\${CONFIG_${_section}_${_option}_LENGTH:-0}"
	while [ "$_n" -le "$_length" ]; do
		eval "_item=\$CONFIG_${_section}_${_option}_ITEM$_n"
		"$_function" "$_item" "$@"
		_n=$((_n + 1))
	done
}

# list_contains VARIABLE WORD
list_contains() {
	local _words
	eval "_words=\$$1"
	case " $_words " in *" $2 "*) return 0 ;; esac
	return 1
}

append() {
	local _old
	eval "_old=\$$1"
	eval "$1=\"\${_old:+\$_old\${3:- }}\$2\""
}

# --- one value at a time, each a call of `uci` ---

uci_get() {
	local value
	if value=$(uci -q get "$1.$2${3:+.$3}"); then
		printf '%s\n' "$value"
	else
		[ -z "$4" ] || printf '%s\n' "$4"
		return 1
	fi
}
uci_get_state() {
	local value
	if value=$(uci -q -P /var/state get "$1.$2${3:+.$3}"); then printf '%s\n' "$value"; else
		[ -z "$4" ] || printf '%s\n' "$4"
		return 1
	fi
}
uci_load() { config_load "$1"; }
uci_set() { uci -q set "$1.$2.$3=$4"; }
uci_add() { if [ -n "$3" ]; then uci -q set "$1.$3=$2"; else uci -q add "$1" "$2"; fi; }
uci_add_list() { uci -q add_list "$1.$2.$3=$4"; }
uci_remove_list() { uci -q del_list "$1.$2.$3=$4"; }
uci_rename() { uci -q rename "$1.$2${4:+.$3}=${4:-$3}"; }
uci_remove() { uci -q delete "$1.$2${3:+.$3}"; }
uci_commit() { uci -q commit "$1"; }
uci_set_state() { uci -q -P /var/state set "$1.$2${4:+.$3}=${4:-$3}"; }
uci_toggle_state() {
	uci -q -P /var/state revert "$1.$2${3:+.$3}"
	uci_set_state "$@"
}
uci_revert_state() { uci -q -P /var/state revert "$1${2:+.$2}${3:+.$3}"; }

# --- small things that scripts use ---

# Name of the board and of its model, as in /tmp/sysinfo.
board_name() { cat /tmp/sysinfo/board_name 2>/dev/null || echo generic; }

# Milliseconds of uptime, in steps of ten, without starting a program.
uptime_ms() {
	local _up
	read -r _up _ </proc/uptime
	eval "$1=${_up%.*}${_up#*.}0"
}

true
