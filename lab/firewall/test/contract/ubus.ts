/** The command ubus and rpcd's plugins; uci; paths. */
import type { Topic } from "./recorded.ts";

/** The plugins that were recorded. \`big\` answers as many bytes as /tmp/big says. */
export const plugins = `
mkdir -p /usr/libexec/rpcd
cat >/usr/libexec/rpcd/slow <<'TEXT'
#!/bin/sh
case "$1 $2" in
	list*) echo '{"wait":{"seconds":1},"say":{"name":"str","n":1,"b":true,"l":[],"o":{}},"bad":{},"fail":{},"empty":{},"array":{}}' ;;
	"call wait") sleep "$(sed 's/[^0-9]//g')"; echo '{"waited":true}' ;;
	"call say") echo noise >&2; echo '{"got":true}' ;;
	"call bad") echo 'no json' ;;
	"call array") echo '[1]' ;;
	"call fail") echo '{"e":1}'; exit 3 ;;
esac
TEXT
cat >/usr/libexec/rpcd/slow2 <<'TEXT'
#!/bin/sh
case "$1 $2" in
	list*) echo '{"err":{},"exit3":{},"two":{},"env":{},"parallel":{},"big":{}}' ;;
	"call err") echo noise >&2; echo '{"a":1}' ;;
	"call exit3") exit 3 ;;
	"call two") printf '{"a":1}\\n{"b":2}\\n' ;;
	"call env") printf '{"in":"%s","n":2}\\n' "$(tr '"' '~')" ;;
	"call parallel") sleep 2; echo '{}' ;;
	"call big") printf '{"a":"'; head -c "$(cat /tmp/big)" /dev/zero | tr '\\0' x; printf '"}\\n' ;;
esac
TEXT
chmod +x /usr/libexec/rpcd/slow /usr/libexec/rpcd/slow2
`;

const noSession = "rpcd's own objects uci and session are not in the lab: nothing of the product calls them";

export const rpcd: Topic = {
  id: "rpcd",
  plays: [
    { entry: 0, before: plugins },
    { entry: 1 },
    ...[2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13].map((entry) => ({ entry })),
    // In parallel: together they take less than one after the other would.
    {
      entry: 14,
      run: "read -r a _ </proc/uptime; ubus call slow2 parallel >/dev/null & ubus call slow2 parallel >/dev/null; wait; read -r b _ </proc/uptime; [ $((${b%.*} - ${a%.*})) -lt 4 ] && echo together",
      prints: "together",
    },
    { entry: 15, run: "ubus call slow2 parallel >/dev/null & ubus -S call slow2 env" },
    // Two bytes less than recorded: the shell's line ends with one, and the frame of the answer is another.
    { entry: 16, before: "echo 900000 >/tmp/big" },
    { entry: 17, before: "echo 1100000 >/tmp/big" },
    { entry: 18 },
    {
      entry: 19,
      before: "uci set rpcd.@rpcd[0].timeout=3; uci commit rpcd; /etc/init.d/rpcd restart",
      run: `ubus call slow wait '{"seconds":8}' 2>/dev/null; echo $?; pgrep -f 'sleep 8$' >/dev/null && echo goes on`,
      prints: "251\ngoes on",
    },
    {
      entry: 20,
      before: "uci set rpcd.@rpcd[0].timeout=30; uci commit rpcd; /etc/init.d/rpcd restart",
      run: `{ sleep 1; /etc/init.d/rpcd reload; } & ubus -t 10 call slow wait '{"seconds":6}'`,
    },
    { entry: 21, run: `{ sleep 1; /etc/init.d/rpcd restart; } & ubus -t 10 call slow wait '{"seconds":6}'` },
    { entry: 22, before: "/etc/init.d/rpcd stop" },
    { entry: 23, before: "/etc/init.d/rpcd start" },
  ],
  notPlayable: { 24: "about the signal that rpcd gets; the lab's stand-in rereads its plugins in the init script" },
};

export const ubusCommand: Topic = {
  id: "ubus-command",
  plays: [
    ...[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map((entry) => ({ entry })),
    // The recorded limit of 30 s is shortened; the answer is the same.
    {
      entry: 13,
      before: "uci set rpcd.@rpcd[0].timeout=3; uci commit rpcd; /etc/init.d/rpcd restart",
    },
    { entry: 17, before: "uci set rpcd.@rpcd[0].timeout=30; uci commit rpcd; /etc/init.d/rpcd restart" },
    { entry: 18 },
    { entry: 19 },
    { entry: 20 },
    { entry: 22 },
    {
      entry: 21,
      before: "uci set network.wan.disabled=1; uci commit network; ubus call network reload",
      awaited: true,
    },
    { entry: 23, before: "uci delete network.wan.disabled; uci commit network; ubus call network reload" },
    { entry: 24 },
    { entry: 25 },
    {
      entry: 26,
      run: `ubus -S call network.interface dump '{"interface":"lan"}' | jq '.interface | length > 5'`,
      prints: "true",
    },
  ],
  notPlayable: { 14: noSession, 15: noSession, 16: noSession },
};

export const uci: Topic = {
  id: "uci",
  plays: [
    {
      entry: 0,
      before: "echo \"config demo 'd'\" >/etc/config/demo; rm -rf /tmp/.uci",
      run: "uci set demo.d.a=77; cat /tmp/.uci/demo; stat -c %a /tmp/.uci /tmp/.uci/demo",
      prints: "demo.d.a='77'\n755\n644",
    },
    { entry: 1, run: "uci revert demo; stat -c %s /tmp/.uci/demo", prints: "0" },
    {
      entry: 2,
      before: "printf \"config b 'a'\\n\\toption b '1'\\nconfig b 'c'\\n\\tlist l 'w'\\n\" >/etc/config/demo",
      run: "uci set demo.a.c=v; uci add_list demo.c.l=v; uci del_list demo.c.l=w; uci reorder demo.a=1; uci add demo type >/dev/null; uci delete demo.a.b; uci rename demo.c=new; sed 's/cfg[0-9a-f]*/cfgXXXXXX/' /tmp/.uci/demo",
      prints:
        "demo.a.c='v'\n|demo.c.l='v'\n~demo.c.l='w'\n^demo.a='1'\n+demo.cfgXXXXXX='type'\n-demo.a.b\n@demo.c='new'",
    },
    { entry: 3, before: "uci revert demo; echo \"config demo 'd'\" >/etc/config/demo" },
    ...[4, 5, 6, 7, 8].map((entry) => ({ entry })),
    {
      entry: 9,
      run: "uci -P /var/state set demo.d.x=1; ls /var/state/demo; uci -q get demo.d.x; uci -P /var/state get demo.d.x",
      prints: "/var/state/demo\n1",
    },
  ],
  notPlayable: {
    10: noSession,
    11: noSession,
    12: noSession,
    13: noSession,
    14: noSession,
    15: noSession,
    16: noSession,
  },
};

export const paths: Topic = {
  id: "paths",
  plays: [
    {
      entry: 0,
      run: "touch /tmp/run/same; ls /var/run/same; touch /var/one; ls /tmp/one",
      prints: "/var/run/same\n/tmp/one",
    },
    { entry: 2, run: "ls /var/lock/procd_dnsmasq.lock", prints: "/var/lock/procd_dnsmasq.lock" },
    {
      entry: 4,
      run: "for s in /var/run/procd/services/dropbear/*; do ls /var/run/dropbear.${s##*/}.pid; done | grep -c pid >/dev/null && echo there",
      prints: "there",
      awaited: true,
    },
    {
      entry: 5,
      run: "/etc/init.d/demo start; n=0; until [ -s /var/run/demo.pid ] || [ $n -gt 100 ]; do n=$((n + 1)); sleep 0.05; done; [ -s /var/run/demo.pid ] && echo written; /etc/init.d/demo stop; n=0; while [ -e /var/run/demo.pid ] && [ $n -lt 100 ]; do n=$((n + 1)); sleep 0.05; done; ls /var/run/demo.pid 2>/dev/null || echo removed",
      prints: "written\nremoved",
    },
    {
      entry: 7,
      before:
        "cat >/tmp/k.conf <<'TEXT'\nvrrp_instance t {\n\tstate BACKUP\n\tinterface eth0\n\tvirtual_router_id 9\n\tpriority 1\n}\nTEXT\nkeepalived -f /tmp/k.conf",
      run: "ls /run/keepalived.pid /run/vrrp.pid",
      prints: "/run/keepalived.pid\n/run/vrrp.pid",
      awaited: true,
    },
    {
      entry: 8,
      before: 'kill "$(cat /run/keepalived.pid)"',
      run: 'eval "$(grep ^CONF= /etc/init.d/keepalived)"; eval echo "$(sed -n "s/.*procd_set_param command //p" /etc/init.d/keepalived)"',
      prints: "/usr/sbin/keepalived -n -f /tmp/keepalived.conf",
    },
  ],
  notPlayable: {
    1: "there is no ubusd",
    3: noSession,
    6: "about the programs of the OpenWrt feed; the lab runs Debian's keepalived (paths 7)",
  },
};
