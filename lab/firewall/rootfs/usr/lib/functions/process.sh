# process_ended PID: true when the process is gone, also while nobody has asked for its exit code yet (a zombie answers kill -0).
# shellcheck shell=dash disable=SC3043

process_ended() {
	local _stat
	read -r _stat <"/proc/$1/stat" 2>/dev/null || return 0
	_stat=${_stat##*) }
	[ "${_stat%% *}" = Z ]
}
