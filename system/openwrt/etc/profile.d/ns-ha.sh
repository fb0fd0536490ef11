# Both nodes of a cluster have the same host name: the prompt tells which one this is, [P] primary or [S] secondary (backup).
# shellcheck shell=sh

case "$(uci -q get keepalived.globals.enabled)" in
	0 | off | false | no | disabled) ;;
	*)
		if [ "$(uci -q get keepalived.primary)" = vrrp_instance ]; then
			PS1='\u@\h [P]:\w\$ '
		elif [ "$(uci -q get keepalived.backup)" = vrrp_instance ]; then
			PS1='\u@\h [S]:\w\$ '
		fi
		;;
esac
