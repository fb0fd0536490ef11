# procd's side of an init script (USE_PROCD=1): instances described by procd_set_param, each kept alive by one
# /usr/libexec/procd/supervise. What differs from procd: there is no daemon, a folder holds what procd would remember.
#
#   /var/run/procd/services/NAME/INSTANCE/desc         what to run (shell text); unchanged = not restarted, as in procd
#   /var/run/procd/services/NAME/INSTANCE/supervisor   process id of its supervisor
#   /var/run/procd/services/NAME/INSTANCE/pid          process id of the program, while it runs
#   /var/run/procd/triggers/NAME                       lines "EVENT KEY COMMAND…" while the service is known
# Actions on one service follow one another (lock); stop returns when the signal is sent, a start waits for the end of
# what it replaces in the background. shellcheck disables: variables are set by name.
# shellcheck shell=dash disable=SC2034,SC2119,SC2120,SC2154,SC3043

PROCD_SERVICES=/var/run/procd/services
PROCD_TRIGGERS=/var/run/procd/triggers

procd_lock() {
	[ -d /var/lock ] || mkdir -p /var/lock
	exec 8>"/var/lock/procd_$service_name.lock"
	flock 8
}

# _quote VARIABLE WORDS…: appends the words so that eval gives them back.
_quote() {
	local _name=$1 _word _out
	shift
	eval "_out=\$$_name"
	for _word in "$@"; do
		case "$_word" in
			*\'*) _word=$(printf '%s' "$_word" | sed "s/'/'\\\\''/g") ;;
		esac
		_out="$_out${_out:+ }'$_word'"
	done
	eval "$_name=\$_out"
}

# _escape VARIABLE: for use between double quotes.
_escape() {
	local _text
	eval "_text=\$$1"
	case "$_text" in
		*[\\\"\$\`]*) eval "$1=\$(printf '%s' \"\$_text\" | sed 's/[\\\\\"\$\`]/\\\\&/g')" ;;
	esac
}

procd_open_service() { _instances=; }
procd_close_service() { :; }

procd_open_instance() {
	_instance_count=$((_instance_count + 1))
	_instance=${1:-instance$_instance_count}
	_command=
	_env=
	_files=
	_respawn=
	_stdout=0
	_stderr=0
	_pidfile=
	_term_timeout=5
	_nice=
	_data=
	_reload_signal=
}

procd_set_param() {
	local kind=$1
	shift
	case "$kind" in
		command) _command= ;;
		env) _env= ;;
		file) _files= ;;
	esac
	procd_append_param "$kind" "$@"
}

procd_append_param() {
	local kind=$1
	shift
	case "$kind" in
		command) _quote _command "$@" ;;
		env) _quote _env "$@" ;;
		file) _files="$_files $*" ;;
		respawn) _respawn="${1:-3600} ${2:-5} ${3:-5}" ;;
		stdout) _stdout=$1 ;;
		stderr) _stderr=$1 ;;
		pidfile) _pidfile=$1 ;;
		term_timeout) _term_timeout=$1 ;;
		nice) _nice=$1 ;;
		reload_signal) _reload_signal=$1 ;;
		# Part of the description, so that a change restarts the instance; nothing else is done with them here.
		*) _data="$_data $kind $*" ;;
	esac
}

procd_close_instance() {
	local dir="$PROCD_SERVICES/$service_name/$_instance" desc old=
	_instances="$_instances $_instance"
	_escape _command
	_escape _env
	desc="service='$service_name'
command=\"$_command\"
env=\"$_env\"
respawn='$_respawn'
stdout='$_stdout'
stderr='$_stderr'
pidfile='$_pidfile'
term_timeout='$_term_timeout'
nice='$_nice'
reload_signal='$_reload_signal'
# $_data"
	# shellcheck disable=SC2086 # a list of paths
	[ -z "$_files" ] || desc="$desc
$(md5sum $_files 2>/dev/null | sed 's/^/# /')"

	[ -d "$dir" ] || mkdir -p "$dir"
	[ -f "$dir/desc" ] && old=$(cat "$dir/desc")
	if _supervised "$dir"; then
		[ "$old" = "$desc" ] && return 0
		if [ -n "$_reload_signal" ] && [ -s "$dir/pid" ]; then
			printf '%s\n' "$desc" >"$dir/desc"
			_signal_instance "$dir" "$_reload_signal"
			return 0
		fi
		_stop_instance "$dir"
	fi
	printf '%s\n' "$desc" >"$dir/desc"
	if [ -e "$dir/down" ] || [ -e "$dir/stopped" ] || [ -e "$dir/exit" ]; then
		rm -f "$dir/down" "$dir/stopped" "$dir/given-up" "$dir/exit"
	fi
	setsid /usr/libexec/procd/supervise "$dir" </dev/null >/dev/null 2>&1 8>&- &
	echo $! >"$dir/supervisor"
}

_supervised() {
	local pid
	[ -s "$1/supervisor" ] && read -r pid <"$1/supervisor" && kill -0 "$pid" 2>/dev/null
}

_stop_instance() {
	local pid
	read -r pid <"$1/supervisor" && kill -TERM "$pid" 2>/dev/null
	rm -f "$1/supervisor"
	: >"$1/down"
}

_signal_instance() {
	local pid
	read -r pid <"$1/pid" 2>/dev/null && kill "-$2" "$pid" 2>/dev/null
}

# procd_send_signal SERVICE [INSTANCE|*] [SIGNAL, default HUP]
procd_send_signal() {
	local dir wanted=${2:-*} signal=${3:-HUP}
	for dir in "$PROCD_SERVICES/$1"/*; do
		[ -d "$dir" ] || continue
		[ "$wanted" = "*" ] || [ "${dir##*/}" = "$wanted" ] || continue
		_signal_instance "$dir" "${signal#SIG}"
	done
}

# procd_kill SERVICE [INSTANCE]
procd_kill() {
	local dir
	for dir in "$PROCD_SERVICES/$1"/*; do
		[ -d "$dir" ] || continue
		[ -z "$2" ] || [ "${dir##*/}" = "$2" ] || continue
		if _supervised "$dir"; then _stop_instance "$dir"; else : >"$dir/down"; fi
		: >"$dir/stopped"
	done
}

# procd_running SERVICE [INSTANCE]: true when the program of an instance runs, or is just being started.
procd_running() {
	local dir pid
	for dir in "$PROCD_SERVICES/$1"/*; do
		[ -d "$dir" ] || continue
		[ -z "$2" ] || [ "$2" = "*" ] || [ "${dir##*/}" = "$2" ] || continue
		[ -e "$dir/down" ] && continue
		_supervised "$dir" || continue
		if [ -s "$dir/pid" ]; then
			read -r pid <"$dir/pid" && kill -0 "$pid" 2>/dev/null && return 0
		else
			return 0
		fi
	done
	return 1
}

# --- triggers ---

_trigger() { _triggers="$_triggers$*
"; }
procd_open_trigger() { :; }
procd_close_trigger() { :; }
procd_open_validate() { :; }
procd_close_validate() { :; }
procd_add_validation() { :; }
procd_add_mdns() { :; }
procd_open_data() { :; }
procd_close_data() { :; }
procd_open_respawn() { :; }
procd_add_jail() { :; }
procd_add_jail_mount() { :; }
procd_add_jail_mount_rw() { :; }
procd_add_reload_trigger() {
	local name
	for name in "$@"; do _trigger config.change "$name" "/etc/init.d/$service_name" reload; done
}
procd_add_restart_trigger() {
	local name
	for name in "$@"; do _trigger config.change "$name" "/etc/init.d/$service_name" restart; done
}
# EVENT KEY COMMAND…
procd_add_config_trigger() { _trigger "$@"; }
procd_add_interface_trigger() { _trigger "$@"; }
procd_add_reload_interface_trigger() { _trigger 'interface.*' "$1" "/etc/init.d/$service_name" reload; }
# EVENT DELAY-MILLISECONDS COMMAND…
procd_add_raw_trigger() {
	local event=$1
	shift 2
	_trigger "$event" '*' "$@"
}

# --- the actions ---

_start() {
	local dir
	_instances=
	_instance_count=0
	_triggers=
	start_service "$@"
	for dir in "$PROCD_SERVICES/$service_name"/*; do
		[ -d "$dir" ] || continue
		case " $_instances " in
			*" ${dir##*/} "*) ;;
			*) procd_kill "$service_name" "${dir##*/}" ;;
		esac
	done
	type service_triggers >/dev/null 2>&1 && service_triggers
	[ -d "$PROCD_TRIGGERS" ] || mkdir -p "$PROCD_TRIGGERS"
	# By rename: an event in this moment must find the old list or the new one.
	printf '%s' "$_triggers" >"$PROCD_TRIGGERS/.$service_name"
	mv "$PROCD_TRIGGERS/.$service_name" "$PROCD_TRIGGERS/$service_name"
	type service_started >/dev/null 2>&1 && service_started
	return 0
}

start() {
	procd_lock
	_start "$@"
}

stop() {
	procd_lock
	type stop_service >/dev/null 2>&1 && stop_service "$@"
	if [ -n "$1" ]; then procd_kill "$service_name" "$1"; else
		procd_kill "$service_name"
		rm -f "$PROCD_TRIGGERS/$service_name"
	fi
	type service_stopped >/dev/null 2>&1 && service_stopped
	return 0
}

shutdown() { stop "$@"; }

restart() {
	stop "$@"
	_start "$@"
}

reload() {
	procd_lock
	if type reload_service >/dev/null 2>&1; then
		_instances=
		_instance_count=0
		_triggers=
		reload_service "$@"
	else
		_start "$@"
	fi
}

running() {
	if type service_running >/dev/null 2>&1; then service_running; else procd_running "$service_name" "$1"; fi
}

# As procd.sh of OpenWrt: of a service that was started, how many of its instances run.
status() {
	local dir total=0 alive=0
	if [ ! -f "$PROCD_TRIGGERS/$service_name" ]; then
		echo inactive
		return 3
	fi
	for dir in "$PROCD_SERVICES/$service_name"/*; do
		[ -f "$dir/desc" ] && [ ! -e "$dir/stopped" ] || continue
		[ -z "$1" ] || [ "${dir##*/}" = "$1" ] || continue
		total=$((total + 1))
		! procd_running "$service_name" "${dir##*/}" || alive=$((alive + 1))
	done
	if [ "$total" = 0 ] && [ -n "$1" ]; then
		echo "unknown instance $1"
		return 4
	fi
	if [ "$total" = 0 ]; then echo "active with no instances"; return 0; fi
	if [ "$alive" = 0 ]; then echo "not running"; return 5; fi
	if [ "$alive" = "$total" ]; then echo running; else echo "running ($alive/$total)"; fi
}

info() {
	/usr/libexec/procd/list "$service_name" verbose
}
